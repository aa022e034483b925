//! A server with an operator, and a browser that may have logged in.

use std::path::Path;
use std::time::Duration;

use axum::Router;
use http::StatusCode;
use ringback_delivery::{AccountId, Death, MessageKind, Outcome, Sequence, Settlement, Turn, Verdict};
use ringback_server::clock::Clock;
use ringback_store::{
    Attempt, Dispatching as _, NewMessage, Publishing as _, Registration, Registrations as _, Secret,
    Settled, SqliteOptions, SqliteStore,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::driver::Driven;
use crate::api::{Api, Secrets, Tokens};
use crate::credentials::create;
use crate::program::Program;

pub(crate) const ACCOUNT: &str = "0252012345-00001";

pub(crate) struct Scene {
    pub(crate) url: String,
    pub(crate) operator: Secrets,
    pub(crate) tokens: Tokens,
    pub(crate) api: Api,
    _server: Program,
    _folder: TempDir,
}

impl Scene {
    pub(crate) async fn open() -> Self {
        Self::open_in(tempfile::tempdir().unwrap()).await
    }

    /// With messages of [`ACCOUNT`] that died: each was tried once, and answered 500.
    pub(crate) async fn open_with_dead(count: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        bury(folder.path(), count).await;
        Self::open_in(folder).await
    }

    /// Over the store that is in this folder, if one is.
    pub(crate) async fn open_in(folder: TempDir) -> Self {
        let args = ["serve", "--listen", "127.0.0.1:0", "--egress", "any"];
        let mut server = Program::start(folder.path(), &args);
        let url = server.url();
        let operator = create(folder.path(), "night shift", "*", "operate,callbacks,publish");
        let api = Api::new(&url);
        let tokens = api.log_in(&operator).await;
        Self { url, operator, tokens, api, _server: server, _folder: folder }
    }

    /// Publishes a message of an account.
    pub(crate) async fn publish(&self, account: &str, more: &Value) -> Value {
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
        let (status, answer) = self.api.publish(&self.tokens, &message).await.unwrap();
        assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
        answer
    }

    /// Logs in as the operator, and waits for the overview.
    pub(crate) async fn log_in(&self, browser: &Driven) {
        browser.go(&format!("{}/console", self.url)).await;
        browser.write("#username", &self.operator.username).await;
        browser.write("#password", &self.operator.password).await;
        browser.click("Log in").await;
        browser.reads("In trouble").await;
    }
}

/// Days of retries are not waited for: the store is told how they ended, before anything serves it.
async fn bury(folder: &Path, count: u64) {
    let store = SqliteStore::open(SqliteOptions::server(folder.join("ringback.db"))).unwrap();
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
