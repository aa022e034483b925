//! One `ringback serve`, as it is run in production, as a child.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};
use ringback_wire::routes;

use super::child::Child;
use super::exchange::Exchange;
use super::stage::Stage;
use super::usage::Usage;
use crate::failure::Outcome;

/// How long it may take until it is ready.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);
/// How often it is asked whether it is.
const LOOK: Duration = Duration::from_millis(1);

/// A running server.
pub(super) struct Node {
    child: Child,
    /// Where it listens.
    pub(super) address: SocketAddr,
}

impl Node {
    /// Starts one on the stage's store and waits until it is ready.
    pub(super) async fn start(stage: &Stage) -> Outcome<Self> {
        let begun = Instant::now();
        let mut arguments = vec!["serve", "--listen", "127.0.0.1:0", "--egress", "any", "--log", "warn"];
        arguments.extend(["--store", stage.store_url()]);
        if let Some(file) = stage.key_file() {
            arguments.extend(["--key-file", file]);
        }
        let mut child = Child::start(&arguments)?;
        let line = child.line().await?;
        let address = line.rsplit_once("http://").and_then(|(_, address)| address.trim().parse().ok());
        let address: SocketAddr = address.with_context(|| format!("the server said {line:?}"))?;
        while !is_ready(address).await {
            if begun.elapsed() > PATIENCE {
                return Err(anyhow!("the server did not get ready").into());
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(Self { child, address })
    }

    pub(super) async fn connect(&self) -> Outcome<Exchange> {
        Ok(Exchange::connect(self.address).await.context("the server can't be reached")?)
    }

    /// Its metrics.
    pub(super) async fn metrics(&self, token: &str) -> Outcome<String> {
        // The operators' pages look at the host.
        let (path, host) = (routes::METRICS_PATH, self.address);
        let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n\r\n");
        let mut exchange = self.connect().await?;
        let answer = exchange.ask(request.as_bytes()).await.context("the server does not answer")?;
        Ok(String::from_utf8(answer.body.to_vec()).context("the server's metrics are no text")?)
    }

    /// What it has used so far.
    pub(super) fn usage(&self) -> Option<Usage> {
        self.child.usage()
    }

    /// Stops it in order.
    pub(super) async fn stop(self) -> Outcome {
        self.child.stop().await
    }
}

async fn is_ready(address: SocketAddr) -> bool {
    match Exchange::connect(address).await {
        Ok(mut exchange) => exchange.get(routes::READY_PATH).await.is_ok_and(|answer| answer.status == 200),
        Err(_) => false,
    }
}
