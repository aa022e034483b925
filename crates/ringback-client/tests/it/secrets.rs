//! What is logged by mistake gives nothing away.

use std::error::Error as _;

use ringback_client::Proxy;
use ringback_wire::routes::LOGIN_PATH;

use crate::server::{ACCOUNT, Reply, Server, good_tokens};

#[tokio::test]
async fn a_client_its_settings_and_its_groups_show_no_secret() {
    let server = Server::with_tokens(|_, _| Reply::json(200, "[]")).await;
    let proxy = Proxy::new("http://u:hush@proxy.example").login("u", "hush");
    let builder = server.builder().proxy(proxy);
    assert!(!format!("{builder:?}").contains("hush"));
    let built = builder.build().expect("a client");
    assert!(!format!("{built:?}").contains("hush"));
    let client = server.client();
    client.software_management_callbacks_v1().list_registered_callbacks(ACCOUNT).await.expect("a list");
    let shown =
        format!("{client:?} {:?} {:#?}", client.messages(), client.software_management_callbacks_v1());
    for secret in ["hush", "access-0", "session-0"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[tokio::test]
async fn an_unreadable_answer_with_a_token_is_not_quoted() {
    let token = r#"{"access_token":{"hush":1},"token_type":"hush","expires_in":"hush"}"#;
    let server = Server::start(move |_, _| Reply::json(200, token)).await;
    let error = server.client().accounts().list(None).await.expect_err("unreadable");
    assert!(!shown(&error).contains("hush"), "{}", shown(&error));
}

#[tokio::test]
async fn an_unreadable_answer_to_a_log_in_is_not_quoted() {
    let server = Server::start(|seen, before| match seen.path.as_str() {
        LOGIN_PATH => Reply::json(200, r#"["hush"]"#),
        _ => good_tokens(seen, before).unwrap_or_else(|| Reply::empty(500)),
    })
    .await;
    let callbacks = server.client().software_management_callbacks_v1();
    let error = callbacks.list_registered_callbacks(ACCOUNT).await.expect_err("unreadable");
    assert!(!shown(&error).contains("hush"), "{}", shown(&error));
}

#[tokio::test]
async fn a_signing_key_is_not_shown_with_its_response() {
    let key = r#"{"secret":"whsec_hush","publicKey":"whpk_x","previous":[]}"#;
    let server = Server::with_tokens(move |_, _| Reply::json(200, key).with("set-cookie", "hush")).await;
    let response = server.client().accounts().signing_key(ACCOUNT).await.expect("a key");
    assert_eq!(response.result.secret.expose(), "whsec_hush");
    assert!(!format!("{response:?}").contains("hush"));
}

#[tokio::test]
async fn a_failure_of_transport_shows_no_secret() {
    let server = Server::with_tokens(|_, _| Reply::Raw(Vec::new())).await;
    let callbacks = server.client().software_management_callbacks_v1();
    let error = callbacks.list_registered_callbacks(ACCOUNT).await.expect_err("a failure");
    for secret in ["hush", "access-0", "session-0"] {
        assert!(!shown(&error).contains(secret), "{}", shown(&error));
    }
}

/// Everything that an error shows, with its sources.
fn shown(error: &ringback_client::Error) -> String {
    let mut shown = format!("{error:?} {error}");
    let mut source = error.source();
    while let Some(inner) = source {
        shown.push_str(&format!(" {inner:?} {inner}"));
        source = inner.source();
    }
    shown
}
