//! What every story needs: a server in a folder, its operator, a size, a seed, and the stage for itself.

use std::net::SocketAddr;
use std::path::Path;

use http::StatusCode;
use ringback_delivery::AccountId;
use ringback_testbed::looking;
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};

use crate::api::{Api, Tokens};
use crate::program::{Program, printed, run};

/// The arguments of every story's server.
pub(crate) const SERVE: [&str; 5] = ["serve", "--listen", "127.0.0.1:0", "--egress", "any"];

/// How many times as large as every day.
pub(crate) fn scale() -> usize {
    std::env::var("RINGBACK_TORTURE").ok().and_then(|n| n.parse().ok()).unwrap_or(1)
}

/// The seed of a story's choices: given, or another one each time. It is printed.
pub(crate) fn seed() -> u64 {
    let given = std::env::var("RINGBACK_TORTURE_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| fastrand::u64(..1_000_000));
    eprintln!("RINGBACK_TORTURE_SEED={seed}");
    seed
}

static STAGE: Mutex<()> = Mutex::const_new(());

/// The stage, for one story at a time. (With nextest each runs in a process of its own: see `.config/nextest.toml`.)
pub(crate) async fn alone() -> MutexGuard<'static, ()> {
    STAGE.lock().await
}

/// A server that has begun to listen.
pub(crate) struct Server {
    pub(crate) program: Program,
    pub(crate) address: SocketAddr,
    pub(crate) api: Api,
    pub(crate) tokens: Tokens,
}

impl Server {
    /// The first start in a folder: makes a credential that may do everything.
    pub(crate) async fn first(folder: &Path, more: &[&str]) -> Self {
        Self::of(Program::start(folder, &[&SERVE[..], more].concat()), folder).await
    }

    /// The same of a program that was just started.
    pub(crate) async fn of(mut program: Program, folder: &Path) -> Self {
        let url = program.url();
        let api = Api::new(&url);
        let tokens = log_in(folder, &api).await;
        Self { program, address: address(&url), api, tokens }
    }

    /// The URL's listener answers for the account from now on.
    pub(crate) async fn register(&self, account: &str, url: &str) {
        self.api.register(&self.tokens, account, url).await;
    }

    /// Publishes; the answer must be 202. Gives the sequence number.
    pub(crate) async fn publish(&self, message: &Value) -> u64 {
        let (status, answer) = self.api.publish(&self.tokens, message).await.unwrap();
        assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
        answer["sequence"].as_u64().unwrap()
    }

    /// An act on an account that is answered with 200 or 202.
    pub(crate) async fn act(&self, account: &str, what: &str, body: &Value) -> Value {
        let path = format!("/api/ringback/v1/accounts/{account}/{what}");
        let (status, answer) = self.api.post(&path, &self.tokens, body).await;
        assert!(status.is_success(), "{what}: {status} {answer}");
        answer
    }

    /// The account as the API shows it.
    pub(crate) async fn account(&self, account: &str) -> Value {
        let path = format!("/api/ringback/v1/accounts/{account}");
        let (status, answer) = self.api.get(&path, &self.tokens).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        answer
    }

    /// Asks for the account until it is as it is wished, or panics.
    pub(crate) async fn account_until(&self, account: &str, what: &str, wished: impl Fn(&Value) -> bool) {
        let ask = async || {
            let shown = self.account(account).await;
            if wished(&shown) { Ok(()) } else { Err(shown.to_string()) }
        };
        looking::until(format!("{account} to be {what}"), ask).await;
    }
}

/// The address in a server's URL.
pub(crate) fn address(url: &str) -> SocketAddr {
    url.trim_start_matches("http://").parse().unwrap()
}

/// The tokens of a new credential that may do everything. They are good for later lives of the server too.
pub(crate) async fn log_in(folder: &Path, api: &Api) -> Tokens {
    log_in_as("t", folder, api).await
}

/// The same under another name: what one credential does does not count for the other.
pub(crate) async fn log_in_as(name: &str, folder: &Path, api: &Api) -> Tokens {
    let args = ["credentials", "create", "--store", "sqlite:ringback.db", "--name", name, "--account", "*"];
    let more = ["--scope", "callbacks,publish,operate", "--json"];
    let secrets = printed(&run(folder, &[&args[..], &more].concat()));
    api.log_in(&serde_json::from_str(&secrets).unwrap()).await
}

/// The name of a story's account.
pub(crate) fn account(number: usize) -> String {
    AccountId::from_number(25_201_234_500_000 + number as u64).unwrap().to_string()
}

/// A message of a type that is in no order by itself.
pub(crate) fn message(account: &str, name: &str) -> Value {
    json!({
        "accountName": account,
        "type": "firmwareList",
        "firmwareList": [{"firmwareName": name, "fromVersion": "01", "toVersion": "02"}],
    })
}
