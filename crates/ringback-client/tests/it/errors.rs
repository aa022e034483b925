//! What goes wrong is told apart.

use ringback_client::{AuthenticationError, Error, error_code};

use crate::server::{ACCOUNT, Reply, Server, good_tokens};
use ringback_wire::routes::{LOGIN_PATH, TOKEN_PATH};

async fn list_error(server: &Server) -> Error {
    let callbacks = server.client().software_management_callbacks_v1();
    callbacks.list_registered_callbacks(ACCOUNT).await.expect_err("an error")
}

#[tokio::test]
async fn the_api_s_own_400_has_its_code_and_message() {
    let server = Server::with_tokens(|_, _| Reply::error(400, "INPUT_INVALID.CallbackUrl.Invalid")).await;
    let error = list_error(&server).await;
    let Error::BadRequest { result, response, .. } = &error else { panic!("{error:?}") };
    assert_eq!(result.error_message, "what is wrong");
    assert_eq!(response.headers()["content-type"], "application/json");
    assert!(error.has_code(error_code::CALLBACK_URL_INVALID));
    assert!(error.to_string().contains("what is wrong"), "{error}");
}

#[tokio::test]
async fn a_code_is_known_after_a_service_s_name() {
    let code = "UnifiedWebService.REQUEST_FAILED.AccountName";
    let server = Server::with_tokens(move |_, _| Reply::error(403, code)).await;
    let error = list_error(&server).await;
    assert!(matches!(error, Error::Status { .. }), "{error:?}");
    assert!(error.has_code(error_code::ACCOUNT_NAME));
    assert!(!error.has_code(error_code::NOT_FOUND));
    assert_eq!(error.code(), Some(code));
}

#[tokio::test]
async fn another_status_has_its_code_where_the_body_has_one_and_its_body_where_not() {
    let server = Server::with_tokens(|_, _| {
        let headers = vec![("content-type", "text/html".to_owned()), ("retry-after", "7".to_owned())];
        Reply::Whole { status: 503, headers, body: b"<h1>down</h1>".to_vec() }
    })
    .await;
    let error = list_error(&server).await;
    let Error::Status { result: None, response, .. } = &error else { panic!("{error:?}") };
    assert_eq!(response.body(), "<h1>down</h1>".as_bytes());
    assert_eq!(error.status_code().map(|status| status.as_u16()), Some(503));
    assert_eq!(error.retry_after().map(|wait| wait.as_secs()), Some(7));
    assert!(error.is_outcome_unknown());
}

#[tokio::test]
async fn a_400_without_the_documented_body_is_another_status() {
    let server = Server::with_tokens(|_, _| Reply::json(400, r#"{"fault":1}"#)).await;
    let error = list_error(&server).await;
    assert!(matches!(error, Error::Status { result: None, .. }), "{error:?}");
}

#[tokio::test]
async fn a_refused_client_has_the_oauth_reason() {
    let server = Server::start(|_, _| {
        Reply::json(401, r#"{"error":"invalid_client","error_description":"no such client"}"#)
    })
    .await;
    let error = list_error(&server).await;
    let Error::Authentication(AuthenticationError::TokenRefused { error: Some(reason), .. }) = &error else {
        panic!("{error:?}")
    };
    assert_eq!(reason.error.as_str(), "invalid_client");
    assert!(error.to_string().contains("no such client"), "{error}");
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_refused_user_has_the_api_s_reason() {
    let server = Server::start(|seen, before| match seen.path.as_str() {
        LOGIN_PATH => Reply::error(400, "REQUEST_FAILED.Login.Locked").with("retry-after", "900"),
        _ => good_tokens(seen, before).unwrap_or_else(|| Reply::empty(500)),
    })
    .await;
    let error = list_error(&server).await;
    assert!(matches!(error, Error::Authentication(AuthenticationError::LoginRefused { .. })), "{error:?}");
    assert!(error.has_code(error_code::LOGIN_LOCKED));
    assert_eq!(error.retry_after().map(|wait| wait.as_secs()), Some(900));
    assert!(server.calls().is_empty());
}

#[tokio::test]
async fn a_token_server_in_trouble_is_not_a_refusal() {
    let server = Server::start(|_, _| Reply::empty(503)).await;
    let error = list_error(&server).await;
    let Error::Status { request, .. } = &error else { panic!("{error:?}") };
    assert_eq!(**request, format!("POST {TOKEN_PATH}"));
}
