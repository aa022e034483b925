//! `/healthz` and `/readyz`.

use std::sync::Arc;
use std::time::Duration;

use ringback_delivery::{MessageKind, RetrySchedule};
use ringback_server::clock::Clock;
use ringback_server::dispatch::DispatchSettings;
use ringback_server::service::{Service, ServiceSettings};
use ringback_store::sqlite::{Limits, SqliteOptions, SqliteStore};
use ringback_store::{Content, NewMessage, Publishing as _, Registration, Registrations as _, Secret};
use serde_json::json;

use crate::client::{Ask, Http};
use crate::server::{PATIENCE, Server, Settings};

#[tokio::test]
async fn a_living_process_says_ok() {
    let server = Server::start().await;
    let answer = server.ask("GET", "/healthz").send().await;
    assert_eq!((answer.status.as_u16(), &answer.body[..]), (200, &b"ok"[..]));
}

#[tokio::test]
async fn ready_says_why_not() {
    let server = Server::start().await;
    assert_eq!(server.ask("GET", "/readyz").send().await.ok(), json!({"ready": true, "reasons": []}));
    let reasons = vec!["the store is unavailable".to_owned()];
    let server = Server::start_with(Settings { not_ready: reasons.clone(), ..Settings::default() }).await;
    let answer = server.ask("GET", "/readyz").send().await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.json(), json!({"ready": false, "reasons": reasons}));
}

#[tokio::test]
async fn a_service_whose_dispatcher_panics_is_not_ready_and_says_that_it_has_ended() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits { free_space_reserve: 0, ..Limits::default() };
    let options = SqliteOptions { limits, ..SqliteOptions::server(folder.path().join("ringback.db")) };
    let store = Arc::new(SqliteStore::open(options).unwrap());
    // No schedule can be as long as this: the engine panics as it takes a message in.
    let mut dispatch = DispatchSettings::default();
    dispatch.engine.retry = RetrySchedule::new(vec![Duration::MAX], RetrySchedule::JITTER);
    let settings = ServiceSettings { dispatch, ..ServiceSettings::default() };
    let clock = Clock::system();
    let service = Service::start(settings, store.clone(), clock.clone()).await.unwrap();
    let http = Http::new();
    let ask = || Ask::new(&http, "GET", format!("http://{}/readyz", service.local_addr())).send();
    assert_eq!(ask().await.ok(), json!({"ready": true, "reasons": []}));

    let account = "0252012345-00001".parse().unwrap();
    let url = Secret::new("http://127.0.0.1:9/");
    let registration = Registration { url, username: None, password: None };
    store.register(clock.now(), account, registration).await.unwrap();
    let message = NewMessage {
        account,
        kind: MessageKind::FirmwareList,
        key: None,
        idempotency: None,
        content: Content { body: bytes::Bytes::from_static(b"{}"), trace: None },
    };
    store.accept(clock.now(), vec![message]).await.unwrap();
    tokio::time::timeout(PATIENCE, service.ended()).await.expect("its end is told");
    let answer = ask().await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.json(), json!({"ready": false, "reasons": ["the dispatcher has ended"]}));
    service.stop(PATIENCE).await;
}
