//! What no route takes.

use crate::server::{ACCOUNT, Server, callbacks};

#[tokio::test]
async fn an_unknown_path_is_404_not_found_in_the_form_of_its_family() {
    let server = Server::start().await;
    for path in [
        "/api/fota/v1/nothing",
        "/api/fota/v2/callbacks/0252012345-00001",
        "/api/fota/v1/callbacks/0252012345%2F00001/x",
        "/api/m2m/v1/session",
        "/api/ringback/v1/nothing",
        "/",
    ] {
        server.ask("GET", path).send().await.error(404, "REQUEST_FAILED.NotFound");
    }
    let oauth = server.ask("POST", "/api/ts/v1/oauth2/nothing").send().await;
    assert_eq!(oauth.status, 404);
    assert_eq!(oauth.json()["error"], "invalid_request");
}

#[tokio::test]
async fn another_method_is_405_method_not_allowed_with_those_allowed() {
    let server = Server::start().await;
    let answer = server.ask("PUT", &callbacks(ACCOUNT)).send().await;
    answer.error(405, "INPUT_INVALID.Request.MethodNotAllowed");
    assert_eq!(answer.header("allow"), Some("GET,HEAD,POST"));
    let oauth = server.ask("GET", "/api/ts/v1/oauth2/token").send().await;
    assert_eq!((oauth.status.as_u16(), oauth.header("allow")), (405, Some("POST")));
    assert_eq!(oauth.json()["error"], "invalid_request");
}

#[tokio::test]
async fn options_is_answered_with_the_methods_and_no_body() {
    let server = Server::start().await;
    let answer = server.ask("OPTIONS", &callbacks(ACCOUNT)).send().await;
    assert_eq!((answer.status.as_u16(), answer.header("allow")), (204, Some("GET,HEAD,POST")));
    assert!(answer.body.is_empty());
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let server = Server::start().await;
    let user = server.user().await;
    let answer = server.as_user(&user, "HEAD", &callbacks(ACCOUNT)).send().await;
    assert_eq!(answer.status, 200);
    assert!(answer.body.is_empty());
    assert_eq!(server.ask("HEAD", &callbacks(ACCOUNT)).send().await.status, 401);
}
