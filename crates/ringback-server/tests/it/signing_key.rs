//! Signing keys.

use std::time::Duration;

use ringback_wire::signature::{HmacKey, VerifyingKey};

use crate::server::{ACCOUNT, CALLBACKS, OTHER, PUBLISH, Server};

fn path(account: &str) -> String {
    format!("/api/ringback/v1/accounts/{account}/signing-key")
}

#[tokio::test]
async fn an_accounts_key_is_made_once_and_shown_in_both_forms() {
    let server = Server::start().await;
    let bearer = server.bearer("c", &[ACCOUNT], CALLBACKS).await;
    let first = server.ask("GET", &path(ACCOUNT)).bearer(&bearer).send().await.ok();
    HmacKey::parse(first["secret"].as_str().unwrap()).unwrap();
    let public = first["publicKey"].as_str().unwrap();
    assert!(public.starts_with("whpk_"));
    VerifyingKey::parse(public).unwrap();
    assert_eq!(first["previous"], serde_json::json!([]));
    assert_eq!(server.ask("GET", &path(ACCOUNT)).bearer(&bearer).send().await.ok(), first);
}

#[tokio::test]
async fn a_rotated_key_goes_on_for_a_day_or_as_long_as_is_asked_for() {
    let server = Server::start().await;
    let bearer = server.bearer("c", &[ACCOUNT], CALLBACKS).await;
    let rotate = format!("{}/rotate", path(ACCOUNT));
    let first = server.ask("GET", &path(ACCOUNT)).bearer(&bearer).send().await.ok();
    let second = server.ask("POST", &rotate).bearer(&bearer).send().await.ok();
    assert_ne!(second["secret"], first["secret"]);
    assert_eq!(second["previous"][0]["secret"], first["secret"]);
    assert_eq!(second["previous"][0]["expiresAt"], "2026-01-02T00:00:00Z");
    server.advance(Duration::from_secs(1));
    let asked = server.ask("POST", &rotate).bearer(&bearer).json(r#"{"overlapSeconds":60}"#);
    let third = asked.send().await.ok();
    assert_eq!(third["previous"][0]["secret"], second["secret"]);
    assert_eq!(third["previous"][0]["expiresAt"], "2026-01-01T00:01:01Z");
    let long = server.ask("POST", &rotate).bearer(&bearer).json(r#"{"overlapSeconds":99999999}"#);
    long.send().await.error(400, "INPUT_INVALID.Parameter.Invalid");
    let misspelt = server.ask("POST", &rotate).bearer(&bearer).json(r#"{"overlap":60}"#);
    misspelt.send().await.error(400, "INPUT_INVALID.Request.InvalidJson");
}

#[tokio::test]
async fn anothers_account_is_404_like_one_that_does_not_exist() {
    let server = Server::start().await;
    server.bearer("other", &[OTHER], CALLBACKS).await;
    let bearer = server.bearer("c", &[ACCOUNT], CALLBACKS).await;
    let others = server.ask("GET", &path(OTHER)).bearer(&bearer).send().await;
    others.error(404, "REQUEST_FAILED.NotFound");
    let nobodys = server.ask("GET", &path("9999999999-99999")).bearer(&bearer).send().await;
    assert_eq!((others.status, &others.body), (nobodys.status, &nobodys.body));
    let rotate = format!("{}/rotate", path(OTHER));
    server.ask("POST", &rotate).bearer(&bearer).send().await.error(404, "REQUEST_FAILED.NotFound");
}

#[tokio::test]
async fn a_signing_key_wants_the_scope_callbacks_and_an_account() {
    let server = Server::start().await;
    let publisher = server.bearer("p", &[ACCOUNT], PUBLISH).await;
    let answer = server.ask("GET", &path(ACCOUNT)).bearer(&publisher).send().await;
    answer.error(403, "REQUEST_FAILED.Scope.Insufficient");
    let malformed = server.ask("GET", &path("x")).bearer(&publisher).send().await;
    malformed.error(400, "INPUT_INVALID.Account.Invalid");
}
