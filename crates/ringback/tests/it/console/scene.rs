//! Servers with an operator, and a browser that may have logged in.

use std::path::Path;
use std::time::Duration;

use axum::Router;
use http::StatusCode;
use ringback_delivery::{
    AccountId, Death, MessageKind, Outcome, SHARDS, Sequence, Settlement, Turn, Verdict,
};
use ringback_server::clock::Clock;
use ringback_store::{
    Attempt, NewMessage, PostgresOptions, PostgresStore, Registration, Role, SealingKey, Secret, Settled,
    Sharing as _, SqliteOptions, SqliteStore, Store,
};
use ringback_testbed::{Database, Postgres, USER, looking};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::driver::Driven;
use super::hand::Hand;
use crate::api::{Api, Secrets, Tokens};
use crate::program::{Program, printed, run_with};

pub(crate) const ACCOUNT: &str = "0252012345-00001";
/// Of a store on PostgreSQL.
const KEY: [u8; 32] = [0x12; 32];

/// Where a store is.
pub(crate) enum Home {
    Sqlite(TempDir),
    Postgres(Database<'static>, TempDir),
}

impl Home {
    pub(crate) fn sqlite() -> Self {
        Self::Sqlite(tempfile::tempdir().unwrap())
    }

    /// A database of its own; `None` where there can be none, which was said.
    pub(crate) fn postgres() -> Option<Self> {
        Some(Self::Postgres(Postgres::shared()?.database(), tempfile::tempdir().unwrap()))
    }

    fn folder(&self) -> &Path {
        let (Self::Sqlite(folder) | Self::Postgres(_, folder)) = self;
        folder.path()
    }

    fn url(&self) -> String {
        match self {
            Self::Sqlite(_) => "sqlite:ringback.db".to_owned(),
            Self::Postgres(database, _) => database.url(),
        }
    }

    /// What the program has to know beside.
    fn variables(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Sqlite(_) => Vec::new(),
            Self::Postgres(..) => {
                let key: String = KEY.iter().map(|byte| format!("{byte:02x}")).collect();
                vec![("RINGBACK_KEY", key)]
            }
        }
    }

    /// Puts messages of [`ACCOUNT`] there that died: each was tried once, and answered 500. Nothing serves it yet.
    async fn bury(&self, count: u64) {
        match self {
            Self::Sqlite(folder) => {
                let path = folder.path().join("ringback.db");
                bury(&SqliteStore::open(SqliteOptions::server(path)).unwrap(), count).await;
            }
            Self::Postgres(database, _) => {
                let (port, key) = (database.server().port(), SealingKey::from_bytes(KEY));
                let mut options = PostgresOptions::server("127.0.0.1", port, database.name(), USER, key);
                options.role = Role::Server;
                let store = PostgresStore::connect(options).await.unwrap();
                store.beat().await.unwrap();
                store.claim(usize::from(SHARDS)).await.unwrap();
                bury(&store, count).await;
                store.leave().await.unwrap();
            }
        }
    }
}

pub(crate) struct Scene {
    pub(crate) url: String,
    pub(crate) operator: Secrets,
    pub(crate) tokens: Tokens,
    pub(crate) api: Api,
    /// Of every node.
    pub(crate) apis: Vec<Api>,
    // Before the home that they live in.
    _servers: Vec<Program>,
    _home: Home,
}

impl Scene {
    pub(crate) async fn open() -> Self {
        Self::open_at(Home::sqlite(), &["one"]).await
    }

    /// With messages of [`ACCOUNT`] that died.
    pub(crate) async fn open_with_dead(home: Home, nodes: &[&str], count: u64) -> Self {
        home.bury(count).await;
        Self::open_at(home, nodes).await
    }

    /// Over what is there, with nodes of these names; it is the first that is spoken to.
    pub(crate) async fn open_at(home: Home, nodes: &[&str]) -> Self {
        let (store, variables) = (home.url(), home.variables());
        let start = |name: &&str| {
            let mut args = vec!["serve", "--listen", "127.0.0.1:0", "--egress", "any", "--store", &store];
            if matches!(home, Home::Postgres(..)) {
                args.extend(["--node-name", name]);
            }
            let mut server = Program::start_with(home.folder(), &args, &variables);
            let url = server.url();
            (server, url)
        };
        let (servers, urls): (Vec<Program>, Vec<String>) = nodes.iter().map(start).unzip();
        let operator = operator(&home);
        let api = Api::new(&urls[0]);
        let tokens = api.log_in(&operator).await;
        let apis = urls.iter().map(|url| Api::new(url)).collect();
        Self { url: urls[0].clone(), operator, tokens, api, apis, _servers: servers, _home: home }
    }

    /// Publishes a message of an account.
    pub(crate) async fn publish(&self, account: &str, more: &Value) -> Value {
        publish(&self.api, &self.tokens, account, more).await
    }

    /// Does something to an account.
    pub(crate) async fn act(&self, account: &str, act: &str) -> (StatusCode, Value) {
        self.api.post(&format!("/api/ringback/v1/accounts/{account}/{act}"), &self.tokens, &json!({})).await
    }

    /// Waits until this is so of an account.
    pub(crate) async fn until(&self, account: &str, is_so: impl Fn(&Value) -> bool) {
        let path = format!("/api/ringback/v1/accounts/{account}");
        let ask = async || {
            let (_, shown) = self.api.get(&path, &self.tokens).await;
            if is_so(&shown) { Ok(()) } else { Err(shown.to_string()) }
        };
        looking::until(format!("the state of {account}"), ask).await;
    }

    /// Logs in as the operator, and waits for the overview.
    pub(crate) async fn log_in(&self, browser: &Driven, hand: Hand) {
        browser.go(&format!("{}/console", self.url)).await;
        hand.write(browser, "username", &self.operator.username).await;
        hand.write(browser, "password", &self.operator.password).await;
        hand.press(browser, "Log in").await;
        browser.reads("In trouble").await;
    }
}

/// A credential that may do everything.
fn operator(home: &Home) -> Secrets {
    let (store, variables) = (home.url(), home.variables());
    let variables: Vec<(&str, &str)> =
        variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let args = ["credentials", "create", "--store", &store, "--name", "night shift", "--account", "*"];
    let more = ["--scope", "operate,callbacks,publish", "--json"];
    let created = run_with(home.folder(), &[&args[..], &more].concat(), &variables, "");
    serde_json::from_str(&printed(&created)).unwrap()
}

/// Publishes a message of an account.
pub(crate) async fn publish(api: &Api, tokens: &Tokens, account: &str, more: &Value) -> Value {
    let mut message = json!({
        "accountName": account,
        "type": "upgradeFinished",
        "upgradeFinished": {
            "upgradeId": uuid::Uuid::new_v4().to_string(), "firmwareName": "FOTA_Sample_01To02",
            "status": "Finished",
            "deviceList": [{"deviceId": "990003425730535", "status": "UpgradeSuccess", "resultReason": ""}],
        },
    });
    message.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let (status, answer) = api.publish(tokens, &message).await.unwrap();
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    answer
}

/// Days of retries are not waited for: the store is told how they ended, before anything serves it.
async fn bury(store: &dyn Store, count: u64) {
    let now = Clock::system().now();
    let account: AccountId = ACCOUNT.parse().unwrap();
    let registration =
        Registration { url: Secret::new("http://127.0.0.1:9/"), username: None, password: None };
    store.register(now, account, registration).await.unwrap();
    for number in 1..=count {
        let body = json!({
            "accountName": ACCOUNT, "participantName": "", "type": "firmwareList",
            "firmwareList": [{"firmwareName": "FOTA_Sample_01To02"}],
            "upgradeScheduled": {}, "upgradeProgress": {}, "upgradeFinished": {},
        });
        let message = NewMessage {
            account,
            kind: MessageKind::FirmwareList,
            key: None,
            idempotency: None,
            content: body.to_string().into_bytes().into(),
        };
        store.accept(now, vec![message]).await.unwrap();
        let settlement = Settlement {
            account,
            turn: Turn(number),
            sequence: Sequence(number),
            attempts: 1,
            verdict: Verdict::Dead(Death::Attempts),
        };
        let attempt = Attempt {
            number: 1,
            started_at: now,
            duration: Duration::from_millis(120),
            outcome: Outcome::Answered { status: 500, retry_after: None },
            error: None,
            excerpt: Some(b"the <b>database</b> is locked".to_vec()),
        };
        let settled = vec![Settled { settlement, attempt: Some(attempt) }];
        store.record(now, settled, Vec::new()).await.unwrap();
    }
}

/// An endpoint that answers every callback with one status.
pub(crate) struct Answering {
    address: std::net::SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

impl Answering {
    pub(crate) async fn with(status: u16) -> Self {
        let socket = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = socket.local_addr().unwrap();
        let status = StatusCode::from_u16(status).unwrap();
        let router = Router::new().fallback(async move || status);
        let task = tokio::spawn(async move { axum::serve(socket, router).await.unwrap() });
        Self { address, task }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/callbacks", self.address)
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.task.abort();
    }
}
