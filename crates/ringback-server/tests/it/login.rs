//! Logging in, failing to, and being locked out.

use std::time::Duration;

use ringback_server::api::Limits;
use ringback_server::credentials;

use crate::server::{ACCOUNT, CALLBACKS, Server, Settings};

const LOCK: Duration = Duration::from_secs(15 * 60);

#[tokio::test]
async fn a_wrong_password_and_an_unknown_user_are_the_same_400_login_invalid() {
    let server = Server::start().await;
    let user = server.user().await;
    let wrong = server.login_as(&user.bearer, &user.issued.username, "wrong").await;
    let unknown = server.login_as(&user.bearer, "nobody", user.issued.password.expose()).await;
    wrong.error(400, "REQUEST_FAILED.Login.Invalid");
    assert_eq!((wrong.status, &wrong.body), (unknown.status, &unknown.body));
}

#[tokio::test]
async fn a_user_logs_in_only_under_its_own_client() {
    let server = Server::start().await;
    let user = server.user().await;
    let other = server.user_of("other", &[ACCOUNT], CALLBACKS).await;
    let answer = server.login(&user.issued, &other.bearer).await;
    answer.error(400, "REQUEST_FAILED.Login.Invalid");
}

#[tokio::test]
async fn five_failures_in_a_row_lock_the_user_for_15_minutes() {
    let server = Server::start().await;
    let user = server.user().await;
    for _ in 0..5 {
        let wrong = server.login_as(&user.bearer, &user.issued.username, "wrong").await;
        wrong.error(400, "REQUEST_FAILED.Login.Invalid");
    }
    let locked = server.login(&user.issued, &user.bearer).await;
    locked.error(400, "REQUEST_FAILED.Login.Locked");
    assert_eq!(locked.header("retry-after"), Some("900"));
    server.advance(LOCK - Duration::from_millis(1_500));
    let still = server.login(&user.issued, &user.bearer).await;
    still.error(400, "REQUEST_FAILED.Login.Locked");
    assert_eq!(still.header("retry-after"), Some("2"));
    server.advance(Duration::from_millis(1_500));
    server.login(&user.issued, &user.bearer).await.ok();
}

#[tokio::test]
async fn a_success_forgets_the_failures_before_it() {
    let server = Server::start().await;
    let user = server.user().await;
    for _ in 0..3 {
        for _ in 0..4 {
            server.login_as(&user.bearer, &user.issued.username, "wrong").await;
        }
        server.login(&user.issued, &user.bearer).await.ok();
    }
}

#[tokio::test]
async fn an_unknown_user_is_locked_as_a_known_one_is_and_locks_nobody_else() {
    let server = Server::start().await;
    let user = server.user().await;
    for _ in 0..5 {
        server.login_as(&user.bearer, "nobody", "wrong").await.error(400, "REQUEST_FAILED.Login.Invalid");
    }
    server.login_as(&user.bearer, "nobody", "wrong").await.error(400, "REQUEST_FAILED.Login.Locked");
    server.login(&user.issued, &user.bearer).await.ok();
}

#[tokio::test]
async fn failures_under_another_client_lock_nobody_here() {
    let server = Server::start().await;
    let user = server.user().await;
    let other = server.user_of("other", &[ACCOUNT], CALLBACKS).await;
    for _ in 0..6 {
        server.login_as(&other.bearer, &user.issued.username, "wrong").await;
    }
    server.login(&user.issued, &user.bearer).await.ok();
}

#[tokio::test]
async fn an_operator_unlocks() {
    let server = Server::start().await;
    let user = server.user().await;
    for _ in 0..5 {
        server.login_as(&user.bearer, &user.issued.username, "wrong").await;
    }
    server.login(&user.issued, &user.bearer).await.error(400, "REQUEST_FAILED.Login.Locked");
    credentials::unlock(&*server.store, server.clock.now(), "user").await.unwrap();
    server.login(&user.issued, &user.bearer).await.ok();
}

#[tokio::test]
async fn a_chosen_password_logs_in_and_locks_like_any_other() {
    let server = Server::start().await;
    let issued = server.credential_with("chosen", &[ACCOUNT], CALLBACKS, Some("correct horse")).await;
    let bearer = server.token_of(&issued).await;
    server.login_as(&bearer, &issued.username, "correct horse").await.ok();
    // All at once: one after another is compared, so not one more than five gets its guess.
    let server = std::sync::Arc::new(server);
    let guesses: Vec<_> = (0..8)
        .map(|_| {
            let (server, bearer, username) = (server.clone(), bearer.clone(), issued.username.clone());
            tokio::spawn(async move { server.login_as(&bearer, &username, "wrong").await.json() })
        })
        .collect();
    let mut codes = Vec::new();
    for guess in guesses {
        codes.push(guess.await.unwrap()["errorCode"].as_str().unwrap().to_owned());
    }
    assert_eq!(codes.iter().filter(|code| *code == "REQUEST_FAILED.Login.Invalid").count(), 5);
    assert_eq!(codes.iter().filter(|code| *code == "REQUEST_FAILED.Login.Locked").count(), 3);
}

#[tokio::test]
async fn more_log_ins_than_may_wait_are_429_too_many_requests() {
    let limits = Limits { logins_waiting: 0, ..Limits::default() };
    let server = Server::start_with(Settings { limits, ..Settings::default() }).await;
    let issued = server.credential_with("chosen", &[ACCOUNT], CALLBACKS, Some("correct horse")).await;
    let bearer = server.token_of(&issued).await;
    let log_in = || server.login(&issued, &bearer);
    let (first, second, third) = tokio::join!(log_in(), log_in(), log_in());
    let busy = [&first, &second, &third].into_iter().find(|answer| answer.status == 429);
    let busy = busy.expect("all three got in");
    busy.error(429, "REQUEST_FAILED.TooManyRequests");
    assert!(busy.header("retry-after").is_some());
}

#[tokio::test]
async fn a_log_in_wants_a_bearer_and_a_whole_body() {
    let server = Server::start().await;
    let user = server.user().await;
    let path = "/api/m2m/v1/session/login";
    let nobody = server.ask("POST", path).json("{}").send().await;
    nobody.error(401, "REQUEST_FAILED.AccessToken.Invalid");
    let empty = server.ask("POST", path).bearer(&user.bearer).send().await;
    empty.error(400, "INPUT_INVALID.RequestUndefined");
    let half = server.ask("POST", path).bearer(&user.bearer).json(r#"{"username":"u"}"#).send().await;
    assert!(half.error(400, "INPUT_INVALID.Request.InvalidJson").contains("password"));
    let form = server.ask("POST", path).bearer(&user.bearer).body("text/plain", "x").send().await;
    form.error(415, "INPUT_INVALID.Request.UnsupportedMediaType");
}
