//! Access tokens: given, refused, revoked, expired.

use std::time::Duration;

use ringback_server::credentials;

use crate::client::Answer;
use crate::server::{ACCOUNT, CALLBACKS, Server, basic, callbacks};

const TOKEN: &str = "/api/ts/v1/oauth2/token";
const REVOKE: &str = "/api/ts/v1/oauth2/revoke";
const FORM: &str = "application/x-www-form-urlencoded";

fn oauth_error(answer: &Answer, status: u16, error: &str) {
    assert_eq!(answer.status.as_u16(), status, "{answer:?}");
    assert_eq!(answer.json()["error"], error);
    assert!(answer.json()["error_description"].as_str().is_some_and(str::is_ascii));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[tokio::test]
async fn a_client_gets_a_token_that_no_cache_keeps() {
    let server = Server::start().await;
    let issued = server.credential("c", &[ACCOUNT], CALLBACKS).await;
    let answer = server
        .ask("POST", TOKEN)
        .header("authorization", &basic(&issued.client_id, issued.client_secret.expose()))
        .body(
            "application/x-www-form-urlencoded; charset=utf-8",
            "grant_type=client_credentials&scope=ts.application.ro+unknown&whatever=1",
        )
        .send()
        .await;
    let body = answer.ok();
    assert_eq!(body["token_type"], "Bearer");
    assert_eq!(body["expires_in"], 3600);
    assert_eq!(body["scope"], "callbacks");
    let token = body["access_token"].as_str().unwrap();
    assert_eq!(token.len(), 43);
    assert!(token.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_'));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("pragma"), Some("no-cache"));
}

#[tokio::test]
async fn an_unknown_client_a_wrong_secret_and_no_header_are_401_invalid_client() {
    let server = Server::start().await;
    let issued = server.credential("c", &[ACCOUNT], CALLBACKS).await;
    let where_to = |answer: &Answer| {
        answer.json()["error_description"].as_str().unwrap().contains("Authorization: Basic")
    };
    for (header, is_usable) in [
        (basic("unknown", "secret"), true),
        (basic(&issued.client_id, "wrong"), true),
        (basic(&issued.client_id, ""), true),
        ("Basic !!!".to_owned(), false),
        ("Bearer x".to_owned(), false),
    ] {
        let answer = server.ask_token(&header).await;
        oauth_error(&answer, 401, "invalid_client");
        assert!(answer.header("www-authenticate").unwrap().starts_with("Basic"));
        assert_ne!(where_to(&answer), is_usable, "{header}");
    }
    // RFC 6749 lets a server take them in the form too; this one does not, and says so.
    let (id, secret) = (&issued.client_id, issued.client_secret.expose());
    let in_the_form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
    for form in ["grant_type=client_credentials".to_owned(), in_the_form] {
        let none = server.ask("POST", TOKEN).body(FORM, form).send().await;
        oauth_error(&none, 401, "invalid_client");
        assert!(where_to(&none), "{}", none.json());
    }
}

#[tokio::test]
async fn a_form_that_is_not_the_grants_is_400() {
    let server = Server::start().await;
    let issued = server.credential("c", &[ACCOUNT], CALLBACKS).await;
    let header = basic(&issued.client_id, issued.client_secret.expose());
    for (content_type, form, error) in [
        (FORM, "", "invalid_request"),
        (FORM, "scope=x", "invalid_request"),
        (FORM, "grant_type=", "invalid_request"),
        (FORM, "grant_type=client_credentials&grant_type=client_credentials", "invalid_request"),
        (FORM, "grant_type=password", "unsupported_grant_type"),
        ("application/json", "{\"grant_type\":\"client_credentials\"}", "invalid_request"),
    ] {
        let ask = server.ask("POST", TOKEN).header("authorization", &header);
        oauth_error(&ask.body(content_type, form).send().await, 400, error);
    }
}

#[tokio::test]
async fn a_token_ends_after_an_hour() {
    let server = Server::start().await;
    let user = server.user().await;
    server.advance(Duration::from_secs(600));
    let session = server.login(&user.issued, &user.bearer).await.ok();
    assert!(session["sessionToken"].is_string());
    server.advance(Duration::from_millis(3_000_000 - 1));
    server.login(&user.issued, &user.bearer).await.ok();
    server.advance(Duration::from_millis(1));
    server.login(&user.issued, &user.bearer).await.error(401, "REQUEST_FAILED.AccessToken.Invalid");
}

#[tokio::test]
async fn a_revoked_token_is_401_at_once_and_revoking_what_is_unknown_is_200() {
    let server = Server::start().await;
    let user = server.user().await;
    let other = server.credential("other", &[ACCOUNT], CALLBACKS).await;
    let revoke = |header: String, token: String| {
        let ask = server.ask("POST", REVOKE).header("authorization", &header);
        ask.body(FORM, format!("token={token}&token_type_hint=access_token")).send()
    };
    let own = basic(&user.issued.client_id, user.issued.client_secret.expose());
    assert_eq!(revoke(own.clone(), "unknown".to_owned()).await.status, 200);
    // Another client's token stays as it is.
    let others = basic(&other.client_id, other.client_secret.expose());
    assert_eq!(revoke(others, user.bearer.clone()).await.status, 200);
    server.as_user(&user, "GET", &callbacks(ACCOUNT)).send().await.ok();

    assert_eq!(revoke(own.clone(), user.bearer.clone()).await.status, 200);
    let answer = server.as_user(&user, "GET", &callbacks(ACCOUNT)).send().await;
    answer.error(401, "REQUEST_FAILED.AccessToken.Invalid");
    let none = server.ask("POST", REVOKE).header("authorization", &own).body(FORM, "x=y").send().await;
    oauth_error(&none, 400, "invalid_request");
    let nobody = server.ask("POST", REVOKE).body(FORM, "token=x").send().await;
    oauth_error(&nobody, 401, "invalid_client");
}

#[tokio::test]
async fn a_rotated_secret_counts_until_its_overlap_ends() {
    let server = Server::start().await;
    let old = server.credential("c", &[ACCOUNT], CALLBACKS).await;
    let overlap = Duration::from_secs(3600);
    let new = credentials::rotate(&*server.store, server.clock.now(), "c", overlap, None).await.unwrap();
    assert_eq!(old.client_id, new.client_id);
    let bearer = server.token_of(&new).await;
    server.token_of(&old).await;
    server.login(&old, &bearer).await.ok();
    server.login(&new, &bearer).await.ok();
    server.advance(overlap);
    let bearer = server.token_of(&new).await;
    let refused = server.ask_token(&basic(&old.client_id, old.client_secret.expose())).await;
    oauth_error(&refused, 401, "invalid_client");
    server.login(&old, &bearer).await.error(400, "REQUEST_FAILED.Login.Invalid");
    server.login(&new, &bearer).await.ok();
}

#[tokio::test]
async fn a_revoked_credential_gets_no_token_and_its_tokens_and_sessions_end() {
    let server = Server::start().await;
    let user = server.user().await;
    server.revoke("user").await;
    let answer = server.as_user(&user, "GET", &callbacks(ACCOUNT)).send().await;
    answer.error(401, "REQUEST_FAILED.AccessToken.Invalid");
    let refused = server.ask_token(&basic(&user.issued.client_id, user.issued.client_secret.expose())).await;
    oauth_error(&refused, 401, "invalid_client");
}
