//! Redirects are errors: neither tokens nor passwords go where they were not meant to.

use ringback_client::Error;
use ringback_client::reqwest::redirect::Policy;
use ringback_wire::routes::{LOGIN_PATH, TOKEN_PATH};

use crate::server::{ACCOUNT, Reply, Server, good_tokens};

/// A client of a server that answers one path with a redirect to another server; that one must see nothing.
async fn redirected(at: &'static str, status: u16) {
    let elsewhere = Server::start(|_, _| Reply::json(200, "[]")).await;
    let location = format!("{}/stolen", elsewhere.url);
    let server = Server::start(move |seen, before| {
        if seen.path.starts_with(at) {
            return Reply::empty(status).with("location", location.clone());
        }
        good_tokens(seen, before).unwrap_or_else(|| Reply::json(200, "[]"))
    })
    .await;
    // A HTTP client of the application's own, which would follow.
    let follows = server.builder().http_client(|http| http.redirect(Policy::limited(10)));
    let follows = follows.build().expect("a client");
    for client in [server.client(), follows] {
        let error = client.software_management_callbacks_v1().list_registered_callbacks(ACCOUNT).await;
        let error = error.expect_err("a redirect");
        assert!(matches!(error, Error::Status { .. }), "{error:?}");
        assert_eq!(error.status_code().map(|code| code.as_u16()), Some(status));
        assert!(error.to_string().contains("not followed"), "{error}");
    }
    assert!(elsewhere.seen().is_empty(), "{at} {status}");
}

#[tokio::test]
async fn a_redirected_call_takes_its_tokens_nowhere() {
    for status in [301, 302, 303, 307, 308] {
        redirected("/api/fota", status).await;
    }
}

#[tokio::test]
async fn a_redirected_token_request_takes_the_secret_nowhere() {
    redirected(TOKEN_PATH, 307).await;
}

#[tokio::test]
async fn a_redirected_log_in_takes_the_password_nowhere() {
    redirected(LOGIN_PATH, 308).await;
}
