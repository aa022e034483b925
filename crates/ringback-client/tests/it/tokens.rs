//! Tokens: one request for many callers, renewed in time, got anew once when refused.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use futures_util::future::join_all;
use futures_util::{FutureExt as _, pin_mut};
use ringback_client::{AccessToken, AuthenticationError, Credentials, Error, NewToken, error_code};
use ringback_wire::routes::{LOGIN_PATH, TOKEN_PATH};

use crate::server::{ACCOUNT, Reply, Seen, Server, good_tokens, token};

/// Refuses calls with the first tokens for this reason, and takes later ones.
fn refuse_first(seen: &Seen, code: &str) -> Reply {
    let first_access = seen.header("authorization") == Some("Bearer access-0");
    let first_session = seen.header("vz-m2m-token") == Some("session-0");
    let refused = match code {
        error_code::ACCESS_TOKEN_INVALID => first_access,
        _ => first_session,
    };
    if refused { Reply::error(401, &format!("Some.Service.{code}")) } else { Reply::json(200, "[]") }
}

#[tokio::test]
async fn concurrent_calls_are_one_token_request_and_one_log_in() {
    let server = Server::with_tokens(|_, _| Reply::json(200, "[]")).await;
    let callbacks = server.client().software_management_callbacks_v1();
    let lists = join_all((0..20).map(|_| callbacks.list_registered_callbacks(ACCOUNT))).await;
    assert!(lists.iter().all(Result::is_ok));
    assert_eq!((server.count(TOKEN_PATH), server.count(LOGIN_PATH)), (1, 1));
    assert_eq!(server.calls().len(), 20);
}

#[tokio::test]
async fn concurrent_calls_share_a_failed_log_in() {
    let server = Server::start(|seen, before| match seen.path.as_str() {
        LOGIN_PATH => Reply::error(400, error_code::LOGIN_INVALID),
        _ => good_tokens(seen, before).unwrap_or_else(|| Reply::empty(500)),
    })
    .await;
    let callbacks = server.client().software_management_callbacks_v1();
    let lists = join_all((0..20).map(|_| callbacks.list_registered_callbacks(ACCOUNT))).await;
    assert!(
        lists.iter().all(|list| list.as_ref().is_err_and(|error| error.has_code(error_code::LOGIN_INVALID)))
    );
    assert_eq!(server.count(LOGIN_PATH), 1);
}

#[tokio::test]
async fn a_caller_that_gives_up_leaves_the_token_to_the_others() {
    let server = Server::with_tokens(|_, _| Reply::json(200, "[]")).await;
    let callbacks = server.client().software_management_callbacks_v1();
    let patient = callbacks.list_registered_callbacks(ACCOUNT);
    pin_mut!(patient);
    {
        let hasty = callbacks.list_registered_callbacks(ACCOUNT);
        pin_mut!(hasty);
        assert!(hasty.as_mut().now_or_never().is_none());
        assert!(patient.as_mut().now_or_never().is_none());
    }
    patient.await.expect("a list");
    assert_eq!(server.count(TOKEN_PATH), 1);
}

#[tokio::test]
async fn a_token_that_everyone_gave_up_on_is_asked_for_anew() {
    let server = Server::with_tokens(|_, _| Reply::json(200, "[]")).await;
    let callbacks = server.client().software_management_callbacks_v1();
    assert!(callbacks.list_registered_callbacks(ACCOUNT).now_or_never().is_none());
    callbacks.list_registered_callbacks(ACCOUNT).await.expect("a list");
}

#[tokio::test]
async fn an_access_token_is_renewed_a_minute_before_its_end() {
    let server = Server::with_tokens(|_, _| Reply::json(200, "[]")).await;
    let callbacks = server.client().software_management_callbacks_v1();
    let mut tokens = Vec::new();
    // Not a minute before its end, and then just so; the session is used all the while.
    for pass in [0, 1_000, 1_000, 1_000, 500, 60] {
        pass_time(Duration::from_secs(pass)).await;
        callbacks.list_registered_callbacks(ACCOUNT).await.expect("a list");
        tokens.push(server.count(TOKEN_PATH));
    }
    assert_eq!(tokens, [1, 1, 1, 1, 1, 2]);
    assert_eq!(server.count(LOGIN_PATH), 1);
    let last = server.calls().pop().expect("a call");
    assert_eq!(last.header("authorization"), Some("Bearer access-1"));
}

#[tokio::test]
async fn a_session_that_was_not_used_for_20_minutes_is_opened_anew() {
    let server = Server::with_tokens(|_, _| Reply::json(200, "[]")).await;
    let callbacks = server.client().software_management_callbacks_v1();
    let mut log_ins = Vec::new();
    for pass in [0, 19, 19, 20] {
        pass_time(Duration::from_secs(pass * 60)).await;
        callbacks.list_registered_callbacks(ACCOUNT).await.expect("a list");
        log_ins.push(server.count(LOGIN_PATH));
    }
    assert_eq!(log_ins, [1, 1, 1, 2]);
}

#[tokio::test]
async fn a_token_that_ends_at_once_is_used_for_the_calls_that_waited_for_it() {
    let server = Server::start(|seen, before| match seen.path.as_str() {
        TOKEN_PATH => token(&format!("access-{before}"), 0),
        _ => Reply::json(200, r#"{"accounts":[]}"#),
    })
    .await;
    let accounts = server.client().accounts();
    accounts.list(None).await.expect("a list");
    accounts.list(None).await.expect("a list");
    assert_eq!(server.count(TOKEN_PATH), 2);
}

#[tokio::test]
async fn a_refused_token_is_got_anew_once_and_the_call_repeated() {
    for (code, tokens, log_ins) in [
        (error_code::ACCESS_TOKEN_INVALID, 2, 1),
        (error_code::SESSION_TOKEN_EXPIRED, 1, 2),
        (error_code::SESSION_TOKEN_INVALID, 1, 2),
        (error_code::SESSION_TOKEN_FORMAT, 1, 2),
        ("REQUEST_FAILED.Unheard", 2, 2),
    ] {
        let server = Server::with_tokens(move |seen, _| refuse_first(seen, code)).await;
        let callbacks = server.client().software_management_callbacks_v1();
        callbacks.list_registered_callbacks(ACCOUNT).await.expect("a list");
        assert_eq!((server.count(TOKEN_PATH), server.count(LOGIN_PATH)), (tokens, log_ins), "{code}");
        assert_eq!(server.calls().len(), 2, "{code}");
    }
}

#[tokio::test]
async fn both_tokens_can_be_got_anew_in_one_call() {
    let server = Server::with_tokens(|seen, before| match before {
        0 => Reply::error(401, error_code::ACCESS_TOKEN_INVALID),
        _ => refuse_first(seen, error_code::SESSION_TOKEN_EXPIRED),
    })
    .await;
    let callbacks = server.client().software_management_callbacks_v1();
    callbacks.list_registered_callbacks(ACCOUNT).await.expect("a list");
    assert_eq!((server.count(TOKEN_PATH), server.count(LOGIN_PATH)), (2, 2));
}

#[tokio::test]
async fn a_server_that_always_says_401_makes_no_loop() {
    for code in [error_code::ACCESS_TOKEN_INVALID, error_code::SESSION_TOKEN_EXPIRED, "x"] {
        let server = Server::with_tokens(move |_, _| Reply::error(401, code)).await;
        let callbacks = server.client().software_management_callbacks_v1();
        let error = callbacks.list_registered_callbacks(ACCOUNT).await.expect_err("refused");
        assert!(
            matches!(error, Error::Authentication(AuthenticationError::Unauthorized { .. })),
            "{error:?}"
        );
        assert_eq!(server.calls().len(), 2, "{code}");
    }
}

#[tokio::test]
async fn concurrent_calls_that_are_refused_get_one_new_token() {
    let server = Server::with_tokens(|seen, _| refuse_first(seen, error_code::ACCESS_TOKEN_INVALID)).await;
    let callbacks = server.client().software_management_callbacks_v1();
    let lists = join_all((0..20).map(|_| callbacks.list_registered_callbacks(ACCOUNT))).await;
    assert!(lists.iter().all(Result::is_ok));
    assert_eq!((server.count(TOKEN_PATH), server.count(LOGIN_PATH)), (2, 1));
}

#[tokio::test]
async fn a_log_in_with_an_ended_access_token_gets_a_new_one() {
    let server = Server::start(|seen, before| match seen.path.as_str() {
        LOGIN_PATH if seen.header("authorization") == Some("Bearer kept") => {
            Reply::error(401, error_code::ACCESS_TOKEN_INVALID)
        }
        _ => good_tokens(seen, before).unwrap_or_else(|| Reply::json(200, "[]")),
    })
    .await;
    let credentials = crate::server::credentials().access_token(AccessToken::new("kept"));
    let client = server.builder().credentials(credentials).build().expect("a client");
    client.software_management_callbacks_v1().list_registered_callbacks(ACCOUNT).await.expect("a list");
    assert_eq!((server.count(TOKEN_PATH), server.count(LOGIN_PATH)), (1, 2));
}

#[tokio::test]
async fn ready_tokens_are_used_as_they_are() {
    let server = Server::with_tokens(|_, _| Reply::json(200, "[]")).await;
    let ready = Credentials::new().access_token(AccessToken::new("mine")).session_token("my-session");
    let client = server.builder().credentials(ready).build().expect("a client");
    client.software_management_callbacks_v1().list_registered_callbacks(ACCOUNT).await.expect("a list");
    let seen = server.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].header("authorization"), Some("Bearer mine"));
    assert_eq!(seen[0].header("vz-m2m-token"), Some("my-session"));
}

#[tokio::test]
async fn a_ready_token_that_is_refused_is_the_end_where_nothing_else_is_given() {
    let server = Server::with_tokens(|_, _| Reply::error(401, error_code::ACCESS_TOKEN_INVALID)).await;
    let ready = Credentials::new().access_token(AccessToken::new("mine")).session_token("my-session");
    let client = server.builder().credentials(ready).build().expect("a client");
    let error = client.software_management_callbacks_v1().list_registered_callbacks(ACCOUNT).await;
    assert!(error.expect_err("refused").has_code(error_code::ACCESS_TOKEN_INVALID));
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_kept_token_that_has_ended_is_not_tried() {
    let server = Server::with_tokens(|_, _| Reply::json(200, r#"{"accounts":[]}"#)).await;
    let ended = AccessToken { token: "old".into(), expires_at: Some(SystemTime::UNIX_EPOCH) };
    let credentials = crate::server::credentials().access_token(ended);
    let client = server.builder().credentials(credentials).build().expect("a client");
    client.accounts().list(None).await.expect("a list");
    assert_eq!(server.calls()[0].header("authorization"), Some("Bearer access-0"));
}

#[tokio::test]
async fn the_application_is_told_of_each_new_token_once() {
    let server = Server::with_tokens(|_, _| Reply::json(200, "[]")).await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let telling = Arc::clone(&told);
    let hook = move |token: NewToken<'_>| {
        telling.lock().expect("the lock").push(match token {
            NewToken::Access(access) => {
                assert!(access.expires_at.is_some());
                access.token.expose().to_owned()
            }
            NewToken::Session(session) => session.expose().to_owned(),
            _ => panic!("another token"),
        });
    };
    let client = server.builder().on_new_token(hook).build().expect("a client");
    let callbacks = client.software_management_callbacks_v1();
    join_all((0..5).map(|_| callbacks.list_registered_callbacks(ACCOUNT))).await;
    assert_eq!(*told.lock().expect("the lock"), ["access-0", "session-0"]);
}

#[tokio::test]
async fn our_own_api_is_called_without_a_session() {
    let server = Server::with_tokens(|_, _| Reply::json(200, r#"{"accounts":[]}"#)).await;
    server.client().accounts().list(None).await.expect("a list");
    assert_eq!(server.count(LOGIN_PATH), 0);
    assert_eq!(server.calls()[0].header("vz-m2m-token"), None);
}

/// Lets the client's clock go on, and nothing else.
async fn pass_time(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}
