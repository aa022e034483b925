//! Session tokens: valid only with the bearer of the same client, and for as long as they are used.

use std::time::Duration;

use crate::server::{ACCOUNT, CALLBACKS, Server, callbacks};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_missing_session_header_is_401_session_token_format() {
    let server = Server::start().await;
    let user = server.user().await;
    let answer = server.ask("GET", &callbacks(ACCOUNT)).bearer(&user.bearer).send().await;
    answer.error(401, "REQUEST_FAILED.SessionToken.Format");
}

#[tokio::test]
async fn what_is_not_a_guid_or_no_session_is_401_session_token_invalid() {
    let server = Server::start().await;
    let user = server.user().await;
    let bare = user.session.replace('-', "");
    for token in ["nonsense", "00000000-0000-4000-8000-000000000000", bare.as_str()] {
        let answer = server.ask("GET", &callbacks(ACCOUNT)).bearer(&user.bearer).session(token).send().await;
        answer.error(401, "INPUT_INVALID.SessionToken.Invalid");
    }
}

#[tokio::test]
async fn a_session_of_another_client_is_401_session_token_invalid() {
    let server = Server::start().await;
    let user = server.user().await;
    let other = server.user_of("other", &[ACCOUNT], CALLBACKS).await;
    let answer =
        server.ask("GET", &callbacks(ACCOUNT)).bearer(&user.bearer).session(&other.session).send().await;
    answer.error(401, "INPUT_INVALID.SessionToken.Invalid");
}

#[tokio::test]
async fn a_session_token_is_a_version_4_guid_and_capital_letters_are_the_same() {
    let server = Server::start().await;
    let user = server.user().await;
    let guid: uuid::Uuid = user.session.parse().unwrap();
    assert_eq!((guid.get_version_num(), user.session.len()), (4, 36));
    let capitals = user.session.to_uppercase();
    server.ask("GET", &callbacks(ACCOUNT)).bearer(&user.bearer).session(&capitals).send().await.ok();
}

#[tokio::test]
async fn a_session_without_use_ends_after_20_to_21_minutes() {
    let server = Server::start().await;
    let user = server.user().await;
    let list = || server.as_user(&user, "GET", &callbacks(ACCOUNT)).send();
    // A use 59 s after the log-in is not written; 20 minutes later the session is still there.
    server.advance(59 * SECOND);
    list().await.ok();
    server.advance(20 * MINUTE);
    list().await.ok();
    // That use was written; now nothing for 20 minutes and 59 s, and then for 21 minutes.
    server.advance(20 * MINUTE + 59 * SECOND);
    list().await.ok();
    server.advance(21 * MINUTE);
    let bearer = server.token_of(&user.issued).await;
    let answer = server.ask("GET", &callbacks(ACCOUNT)).bearer(&bearer).session(&user.session).send().await;
    answer.error(401, "REQUEST_FAILED.SessionToken.Expired");
}

#[tokio::test]
async fn a_session_lives_on_with_a_new_bearer_of_the_same_client() {
    let server = Server::start().await;
    let user = server.user().await;
    let bearer = server.token_of(&user.issued).await;
    server.ask("GET", &callbacks(ACCOUNT)).bearer(&bearer).session(&user.session).send().await.ok();
}

#[tokio::test]
async fn logging_out_ends_the_session_and_gives_its_token() {
    let server = Server::start().await;
    let user = server.user().await;
    // As the TypeScript SDK sends it: a form's content type, and no body.
    let answer = server
        .as_user(&user, "POST", "/api/m2m/v1/session/logout")
        .header("content-type", "application/x-www-form-urlencoded")
        .send()
        .await;
    assert_eq!(answer.ok(), serde_json::json!({"sessionToken": user.session}));
    let after = server.as_user(&user, "GET", &callbacks(ACCOUNT)).send().await;
    after.error(401, "INPUT_INVALID.SessionToken.Invalid");
    let twice = server.as_user(&user, "POST", "/api/m2m/v1/session/logout").send().await;
    twice.error(401, "INPUT_INVALID.SessionToken.Invalid");
}
