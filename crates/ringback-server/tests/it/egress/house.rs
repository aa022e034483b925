//! The whole service under an egress policy, with names from the DNS server of the tests, and its users.

use std::sync::Arc;

use ringback_delivery::AccountId;
use ringback_server::clock::Clock;
use ringback_server::credentials::{self, NewCredential};
use ringback_server::send::{EgressPolicy, SenderSettings};
use ringback_server::service::{Service, ServiceSettings};
use ringback_store::sqlite::{SqliteOptions, SqliteStore};
use ringback_store::{Reach, Scopes};
use ringback_testbed::looking;
use serde_json::json;
use tempfile::TempDir;

use super::dns::Dns;
use super::stub::Stub;
use crate::client::{Answer, Ask, Http};
use crate::server::{PATIENCE, basic, callbacks};

/// See the module.
pub(crate) struct House {
    pub(crate) dns: Dns,
    service: Service,
    http: Http,
    bearer: String,
    session: String,
    _folder: TempDir,
}

impl House {
    pub(crate) async fn start(policy: EgressPolicy) -> Self {
        let (folder, dns, clock) = (tempfile::tempdir().unwrap(), Dns::start().await, Clock::system());
        let options = SqliteOptions::server(folder.path().join("ringback.db"));
        let store = Arc::new(SqliteStore::open(options).unwrap());
        let new = NewCredential {
            name: "t".to_owned(),
            scopes: Scopes { callbacks: true, publish: true, operate: true },
            reach: Reach::Every,
            username: None,
            password: None,
        };
        let issued = credentials::create(&*store, clock.now(), new).await.unwrap();
        let settings =
            ServiceSettings { sender: sender_settings(policy, &dns), ..ServiceSettings::default() };
        let service = Service::start(settings, store, clock).await.unwrap();
        let mut house = Self {
            dns,
            service,
            http: Http::new(),
            bearer: String::new(),
            session: String::new(),
            _folder: folder,
        };
        let answer = house
            .ask("POST", "/api/ts/v1/oauth2/token")
            .header("authorization", &basic(&issued.client_id, issued.client_secret.expose()))
            .body("application/x-www-form-urlencoded", "grant_type=client_credentials")
            .send()
            .await;
        house.bearer = answer.ok()["access_token"].as_str().unwrap().to_owned();
        let login = json!({"username": issued.username, "password": issued.password.expose()});
        let answer = house
            .ask("POST", "/api/m2m/v1/session/login")
            .bearer(&house.bearer)
            .json(login.to_string())
            .send()
            .await;
        house.session = answer.ok()["sessionToken"].as_str().unwrap().to_owned();
        house
    }

    fn ask(&self, method: &str, path: &str) -> Ask {
        Ask::new(&self.http, method, format!("http://{}{path}", self.service.local_addr()))
    }

    /// Asks for a URL to be registered for the account with this number.
    pub(crate) async fn register(&self, number: u64, url: &str) -> Answer {
        self.ask("POST", &callbacks(&account(number)))
            .bearer(&self.bearer)
            .session(&self.session)
            .json(json!({"name": "Fota", "url": url}).to_string())
            .send()
            .await
    }

    /// Publishes for the account; gives the message's id.
    pub(crate) async fn publish(&self, number: u64) -> String {
        let message = json!({
            "accountName": account(number),
            "type": "firmwareList",
            "firmwareList": [{"firmwareName": "F"}],
        });
        let path = "/api/ringback/v1/messages";
        let answer = self.ask("POST", path).bearer(&self.bearer).json(message.to_string()).send().await;
        assert_eq!(answer.status, 202, "{answer:?}");
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    /// The message's last attempt, when it has been made.
    pub(crate) async fn attempt(&self, id: &str) -> serde_json::Value {
        let path = format!("/api/ringback/v1/messages/{id}");
        let ask = async || {
            let shown = self.ask("GET", &path).bearer(&self.bearer).send().await.ok();
            shown["attempts"]
                .as_array()
                .and_then(|attempts| attempts.last())
                .cloned()
                .ok_or(shown.to_string())
        };
        looking::within(PATIENCE, "an attempt", ask).await
    }
}

/// The sender's settings that the service has, for senders beside it.
pub(crate) fn sender_settings(policy: EgressPolicy, dns: &Dns) -> SenderSettings {
    SenderSettings {
        policy: Arc::new(policy),
        resolver: Arc::new(Stub { server: dns.address() }),
        ..SenderSettings::default()
    }
}

fn account(number: u64) -> String {
    AccountId::from_number(25_201_234_500_000 + number).unwrap().to_string()
}
