//! What is measured: one server, or several on one store, which are one service.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ringback_delivery::SHARDS;
use ringback_wire::routes;
use serde_json::Value;

use super::exchange::Exchange;
use super::node::{Node, PATIENCE};
use super::stage::{Secrets, Stage};
use super::told::Told;
use super::usage::Usage;
use crate::failure::{Failure, Outcome};

/// Where a node's metrics tell how many shards it delivers for.
const HELD: &str = "ringback_shards ";
/// How often it is asked whether the nodes have their shares.
const LOOK: Duration = Duration::from_millis(100);

/// The running nodes: one at least.
pub(super) struct Server {
    nodes: Vec<Node>,
    /// From the start to the first 200 of every node's `/readyz`.
    pub(super) ready_after: Duration,
}

impl Server {
    /// Starts as many nodes as the stage is for, and waits until all are ready and each has its share.
    pub(super) async fn start(stage: &Stage) -> Outcome<Self> {
        let begun = Instant::now();
        let mut nodes = Vec::new();
        for _ in 0..stage.nodes {
            nodes.push(Node::start(stage).await?);
        }
        let server = Self { nodes, ready_after: begun.elapsed() };
        if stage.nodes > 1 {
            server.share(&stage.secrets).await?;
        }
        Ok(server)
    }

    /// Waits until each node delivers for about as many shards as any other.
    async fn share(&self, secrets: &Secrets) -> Outcome {
        let (begun, token) = (Instant::now(), self.token(secrets).await?);
        let most = f64::from(SHARDS) / self.nodes.len() as f64 + 1.0;
        loop {
            let mut held = Vec::new();
            for node in &self.nodes {
                let told = node.metrics(&token).await?;
                held.extend(told.lines().find_map(|line| line.strip_prefix(HELD)?.parse::<f64>().ok()));
            }
            if held.iter().sum::<f64>() == f64::from(SHARDS) && held.iter().all(|held| *held < most) {
                return Ok(());
            }
            if begun.elapsed() > PATIENCE {
                return Err(anyhow!("the nodes did not share the accounts: {held:?}").into());
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    fn first(&self) -> Outcome<&Node> {
        self.nodes.first().ok_or_else(|| Failure::usage("--nodes: one at least"))
    }

    /// Where the nodes listen.
    pub(super) fn addresses(&self) -> Vec<SocketAddr> {
        self.nodes.iter().map(|node| node.address).collect()
    }

    pub(super) async fn connect(&self) -> Outcome<Exchange> {
        self.first()?.connect().await
    }

    /// An access token, obtained as anyone obtains it.
    pub(super) async fn token(&self, secrets: &Secrets) -> Outcome<String> {
        let basic = STANDARD.encode(format!("{}:{}", secrets.client_id, secrets.client_secret));
        let body = "grant_type=client_credentials";
        let request = format!(
            "POST {} HTTP/1.1\r\nhost: bench\r\nauthorization: Basic {basic}\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
            routes::TOKEN_PATH,
            body.len()
        );
        self.text(&request, "access_token").await
    }

    /// A session, obtained as anyone obtains it.
    pub(super) async fn session(&self, secrets: &Secrets, token: &str) -> Outcome<String> {
        let body =
            serde_json::json!({"username": secrets.username, "password": secrets.password}).to_string();
        let request = format!(
            "POST {} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            routes::LOGIN_PATH,
            body.len()
        );
        self.text(&request, "sessionToken").await
    }

    async fn text(&self, request: &str, field: &str) -> Outcome<String> {
        let mut exchange = self.connect().await?;
        let answer = exchange.ask(request.as_bytes()).await.context("the server does not answer")?;
        let document: Value =
            serde_json::from_slice(answer.body).context("the server's answer is no JSON")?;
        let found = document[field].as_str().map(str::to_owned);
        Ok(found.with_context(|| format!("the server gave no {field}: {document}"))?)
    }

    /// What the nodes' metrics tell together.
    pub(super) async fn told(&self, token: &str) -> Outcome<Told> {
        let mut all = Told::default();
        for node in &self.nodes {
            all = all.with(Told::read(&node.metrics(token).await?));
        }
        Ok(all)
    }

    /// What the nodes have used so far.
    pub(super) fn usage(&self) -> Option<Usage> {
        self.nodes.iter().map(Node::usage).reduce(|all, one| Some(all?.with(one?))).flatten()
    }

    /// Stops them in order.
    pub(super) async fn stop(self) -> Outcome {
        for node in self.nodes {
            node.stop().await?;
        }
        Ok(())
    }
}
