//! Who may do what with which account: the contract's table, and the order of its checks.

use crate::server::{ACCOUNT, OTHER, PUBLISH, Server, callbacks};

const REGISTRATION: &str = r#"{"name":"Fota","url":"https://10.0.0.1/"}"#;

#[tokio::test]
async fn a_missing_bearer_token_is_401_access_token_invalid() {
    let server = Server::start().await;
    let answer = server.ask("GET", &callbacks(ACCOUNT)).send().await;
    answer.error(401, "REQUEST_FAILED.AccessToken.Invalid");
    assert!(answer.header("www-authenticate").unwrap().starts_with("Bearer"));
}

#[tokio::test]
async fn a_malformed_or_unknown_bearer_token_is_401_access_token_invalid() {
    let server = Server::start().await;
    for value in ["Bearer", "Bearer ", "Bearer unknown", "Basic YTpi", "nonsense", "Bearer a b"] {
        let answer = server.ask("GET", &callbacks(ACCOUNT)).header("authorization", value).send().await;
        answer.error(401, "REQUEST_FAILED.AccessToken.Invalid");
    }
}

#[tokio::test]
async fn an_account_that_is_not_digits_and_a_hyphen_is_400_account_invalid() {
    let server = Server::start().await;
    let user = server.user().await;
    for account in
        ["0252012345", "0252012345-0001", "0252012345_00001", "a%2Fb", "%FF", "0252012345-00001%20"]
    {
        let answer = server.as_user(&user, "GET", &callbacks(account)).send().await;
        answer.error(400, "INPUT_INVALID.Account.Invalid");
    }
}

#[tokio::test]
async fn another_account_is_403_account_name() {
    let server = Server::start().await;
    let user = server.user().await;
    let list = server.as_user(&user, "GET", &callbacks(OTHER)).send().await;
    list.error(403, "REQUEST_FAILED.AccountName");
    let register = server.as_user(&user, "POST", &callbacks(OTHER)).json(REGISTRATION).send().await;
    register.error(403, "REQUEST_FAILED.AccountName");
    let path = format!("{}/name/Fota", callbacks(OTHER));
    server.as_user(&user, "DELETE", &path).send().await.error(403, "REQUEST_FAILED.AccountName");
}

#[tokio::test]
async fn a_credential_without_the_scope_callbacks_is_403() {
    let server = Server::start().await;
    let publisher = server.user_of("publisher", &[ACCOUNT], PUBLISH).await;
    let answer = server.as_user(&publisher, "GET", &callbacks(ACCOUNT)).send().await;
    assert!(answer.error(403, "REQUEST_FAILED.Scope.Insufficient").contains("callbacks"));
}

#[tokio::test]
async fn checks_come_in_the_contracts_order() {
    let server = Server::start().await;
    let user = server.user().await;
    let all_wrong = "/api/fota/v1/callbacks/not-an-account/name/NotFota";

    // The route comes before everything.
    server.ask("PUT", all_wrong).send().await.error(405, "INPUT_INVALID.Request.MethodNotAllowed");
    // The bearer token comes before the session token.
    let none = server.ask("DELETE", all_wrong).session("nonsense").send().await;
    none.error(401, "REQUEST_FAILED.AccessToken.Invalid");
    // The session token comes before the account's form.
    let bearer = server.ask("DELETE", all_wrong).bearer(&user.bearer).send().await;
    bearer.error(401, "REQUEST_FAILED.SessionToken.Format");
    // The account's form comes before the service.
    let both = server.as_user(&user, "DELETE", all_wrong).send().await;
    both.error(400, "INPUT_INVALID.Account.Invalid");
    // Entitlement comes before the service, and before the body.
    let other = format!("{}/name/NotFota", callbacks(OTHER));
    server.as_user(&user, "DELETE", &other).send().await.error(403, "REQUEST_FAILED.AccountName");
    let text = server.as_user(&user, "POST", &callbacks(OTHER)).body("text/plain", "x").send().await;
    text.error(403, "REQUEST_FAILED.AccountName");
    // The service comes before whether there is something to deregister.
    let own = format!("{}/name/NotFota", callbacks(ACCOUNT));
    server.as_user(&user, "DELETE", &own).send().await.error(400, "INPUT_INVALID.CallbackService.Invalid");
}
