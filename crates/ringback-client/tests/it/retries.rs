//! What is sent again, and what is not.

use std::time::Duration;

use http::Method;
use ringback_client::models::{CallbackService, FotaV1CallbackRegistrationRequest};
use ringback_client::{Client, OutgoingMessage, RETRY_STATUSES, RetrySettings};
use ringback_wire::routes::TOKEN_PATH;

use crate::server::{ACCOUNT, Reply, Server, good_tokens};

/// No waiting between tries.
fn settings() -> RetrySettings {
    RetrySettings::up_to(2).first_wait(Duration::ZERO)
}

fn client(server: &Server, settings: RetrySettings) -> Client {
    server.builder().retry(settings).build().expect("a client")
}

async fn list(client: &Client) -> bool {
    client.software_management_callbacks_v1().list_registered_callbacks(ACCOUNT).await.is_ok()
}

async fn register(client: &Client) -> bool {
    let request = FotaV1CallbackRegistrationRequest {
        name: "Fota".to_owned(),
        url: "http://a".to_owned(),
        username: None,
        password: None,
    };
    client.software_management_callbacks_v1().register_callback(ACCOUNT, &request).await.is_ok()
}

#[tokio::test]
async fn nothing_is_sent_again_unless_that_is_switched_on() {
    let server = Server::with_tokens(|_, _| Reply::empty(503)).await;
    assert!(!list(&server.client()).await);
    assert_eq!(server.calls().len(), 1);
}

#[tokio::test]
async fn the_published_sdks_statuses_are_tried_again_until_it_works() {
    for status in RETRY_STATUSES {
        let server = Server::with_tokens(move |_, before| match before {
            0 | 1 => Reply::empty(status),
            _ => Reply::json(200, "[]"),
        })
        .await;
        assert!(list(&client(&server, settings())).await, "{status}");
        assert_eq!(server.calls().len(), 3, "{status}");
    }
}

#[tokio::test]
async fn other_statuses_are_not_tried_again() {
    for status in [400, 403, 404, 409, 501] {
        let server = Server::with_tokens(move |_, _| Reply::empty(status)).await;
        assert!(!list(&client(&server, settings())).await);
        assert_eq!(server.calls().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn the_trying_ends() {
    let server = Server::with_tokens(|_, _| Reply::empty(503)).await;
    assert!(!list(&client(&server, settings())).await);
    assert_eq!(server.calls().len(), 3);
}

#[tokio::test]
async fn a_broken_connection_is_tried_again() {
    let server = Server::with_tokens(|_, before| match before {
        0 => Reply::Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n[".to_vec()),
        _ => Reply::json(200, "[]"),
    })
    .await;
    assert!(list(&client(&server, settings())).await);
    assert_eq!(server.calls().len(), 2);
}

#[tokio::test]
async fn a_registration_is_not_sent_again_unless_told_otherwise() {
    let server = Server::with_tokens(|_, _| Reply::empty(503)).await;
    assert!(!register(&client(&server, settings())).await);
    assert_eq!(server.calls().len(), 1);
    assert!(!register(&client(&server, settings().methods([Method::POST]))).await);
    assert_eq!(server.calls().len(), 4);
}

#[tokio::test]
async fn a_deregistration_is_sent_again() {
    let server = Server::with_tokens(|_, before| match before {
        0 => Reply::empty(502),
        _ => Reply::json(200, r#"{"success":true}"#),
    })
    .await;
    let callbacks = client(&server, settings()).software_management_callbacks_v1();
    callbacks.deregister_callback(ACCOUNT, CallbackService::Fota).await.expect("deregistered");
    assert_eq!(server.calls().len(), 2);
}

#[tokio::test]
async fn a_message_is_sent_again_with_the_same_bytes() {
    let server = Server::with_tokens(|_, before| match before {
        0 => Reply::empty(503),
        _ => Reply::json(202, r#"{"id":"m","sequence":1,"status":"queued"}"#),
    })
    .await;
    let json = format!(r#"{{"accountName":"{ACCOUNT}","type":"firmwareList"}}"#);
    let message = OutgoingMessage::from_json(json.as_bytes()).expect("a message");
    client(&server, settings()).messages().publish(&message).await.expect("accepted");
    let calls = server.calls();
    assert_eq!(calls.len(), 2);
    assert_eq!(calls[0].body, calls[1].body);
}

#[tokio::test]
async fn a_retry_after_beyond_the_longest_wait_ends_the_trying() {
    let server = Server::with_tokens(|_, _| Reply::empty(503).with("retry-after", "61")).await;
    assert!(!list(&client(&server, settings())).await);
    assert_eq!(server.calls().len(), 1);
}

#[tokio::test]
async fn a_retry_after_is_waited_for() {
    let server = Server::with_tokens(|_, before| match before {
        0 => Reply::empty(429).with("retry-after", "1"),
        _ => Reply::json(200, "[]"),
    })
    .await;
    let began = tokio::time::Instant::now();
    assert!(list(&client(&server, settings())).await);
    assert!(began.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_token_request_is_sent_again_too() {
    let server = Server::start(|seen, before| match (seen.path.as_str(), before) {
        (TOKEN_PATH, 0) => Reply::empty(503),
        _ => good_tokens(seen, before).unwrap_or_else(|| Reply::json(200, "[]")),
    })
    .await;
    assert!(list(&client(&server, settings())).await);
    assert_eq!(server.count(TOKEN_PATH), 2);
}
