//! Every route by who asks: a table of all that there are, and a walk through it with no token, an expired, a revoked, a
//! wrong-scope and another account's one.
//!
//! The list of routes is the router's own: a route that stands in no row fails the walk.

use std::time::Duration;

use http::Method;
use ringback_server::api::{self, Route};
use ringback_store::Scopes;
use ringback_wire::routes;

use crate::cast::Cast;
use crate::client::{Answer, Ask};
use crate::publishing::message;
use crate::server::{ACCOUNT, CALLBACKS, OPERATE, OTHER, PUBLISH, Server, User};

/// An account that nobody has heard of.
const NOBODYS: &str = "9999999999-99999";

/// What a route asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asks {
    /// Nothing.
    Nothing,
    /// A client's id and secret.
    Client,
    /// A bearer token, of whichever scope.
    Bearer,
    /// A bearer token with one of these scopes: callbacks, publish, operate.
    Scope(bool, bool, bool),
    /// A bearer token of an operator of all accounts.
    Everywhere,
    /// A bearer token and a session of the same client, of whichever scope.
    Session,
    /// The same with the scope callbacks.
    CallbacksSession,
}

use Asks::{Bearer, CallbacksSession, Client, Everywhere, Nothing, Scope, Session};

const OWNER: Asks = Scope(true, false, false);
const EITHER: Asks = Scope(true, false, true);
const OPERATOR: Asks = Scope(false, false, true);

/// The table.
const TABLE: &[(Method, &str, Asks)] = &[
    (Method::POST, routes::TOKEN_PATH, Client),
    (Method::POST, routes::REVOKE_PATH, Client),
    (Method::POST, routes::LOGIN_PATH, Bearer),
    (Method::POST, routes::LOGOUT_PATH, Session),
    (Method::GET, routes::CALLBACKS_PATH, CallbacksSession),
    (Method::POST, routes::CALLBACKS_PATH, CallbacksSession),
    (Method::DELETE, routes::CALLBACK_PATH, CallbacksSession),
    (Method::GET, routes::MESSAGES_PATH, Scope(true, true, true)),
    (Method::POST, routes::MESSAGES_PATH, Scope(false, true, false)),
    (Method::GET, routes::MESSAGE_PATH, Scope(true, true, true)),
    (Method::POST, routes::MESSAGE_REPLAY_PATH, EITHER),
    (Method::GET, routes::ACCOUNTS_PATH, EITHER),
    (Method::GET, routes::ACCOUNT_PATH, EITHER),
    (Method::GET, routes::ACCOUNT_MESSAGES_PATH, OWNER),
    (Method::POST, routes::ACCOUNT_REPLAY_PATH, EITHER),
    (Method::POST, routes::ACCOUNT_PING_PATH, EITHER),
    (Method::POST, routes::ACCOUNT_CHECK_PATH, EITHER),
    (Method::POST, routes::ACCOUNT_PAUSE_PATH, OPERATOR),
    (Method::POST, routes::ACCOUNT_RESUME_PATH, OPERATOR),
    (Method::PUT, routes::ACCOUNT_PULL_PATH, OWNER),
    (Method::POST, routes::ACCOUNT_ACK_PATH, OWNER),
    (Method::POST, routes::REGISTRATION_RESTORE_PATH, EITHER),
    (Method::GET, routes::SIGNING_KEY_PATH, OWNER),
    (Method::POST, routes::SIGNING_KEY_ROTATE_PATH, OWNER),
    (Method::GET, routes::CREDENTIALS_PATH, Everywhere),
    (Method::POST, routes::CREDENTIALS_PATH, Everywhere),
    (Method::PATCH, routes::CREDENTIAL_PATH, Everywhere),
    (Method::DELETE, routes::CREDENTIAL_PATH, Everywhere),
    (Method::GET, routes::METRICS_PATH, Everywhere),
    (Method::GET, routes::HEALTH_PATH, Nothing),
    (Method::GET, routes::READY_PATH, Nothing),
    (Method::GET, routes::OPENAPI_PATH, Nothing),
    (Method::GET, routes::CALLBACK_SCHEMA_PATH, Nothing),
    (Method::GET, routes::PUBLISHED_SCHEMA_PATH, Nothing),
];

/// Every route with what it asks for.
fn rows() -> Vec<(Route, Asks)> {
    let row = |route: Route| {
        let found = TABLE.iter().find(|(method, path, _)| (method, *path) == (&route.method, route.path));
        let (_, _, asks) = found.unwrap_or_else(|| panic!("{route:?} stands in no row of the table"));
        (route, *asks)
    };
    let rows: Vec<_> = api::all_routes().into_iter().map(row).collect();
    assert_eq!(rows.len(), TABLE.len(), "a row of the table is of no route");
    rows
}

/// The route's path, about an account and a message.
fn path(route: &Route, account: &str, message: &str) -> String {
    route
        .path
        .replace("{account}", account)
        .replace("{service}", "Fota")
        .replace("{id}", message)
        .replace("{clientId}", "nobody")
}

fn ask(server: &Server, route: &Route, path: &str) -> Ask {
    server.ask(route.method.as_str(), path)
}

#[tokio::test]
async fn without_a_token_nothing_is_had_but_the_health() {
    let server = Server::start().await;
    for (route, asks) in rows() {
        let answer = ask(&server, &route, &path(&route, ACCOUNT, "msg_x")).send().await;
        match asks {
            Nothing => assert_eq!(answer.status, 200, "{route:?}"),
            Client => assert_eq!(answer.status, 401, "{route:?}"),
            _ => drop(answer.error(401, "REQUEST_FAILED.AccessToken.Invalid")),
        }
    }
}

#[tokio::test]
async fn an_expired_a_revoked_and_an_invented_token_are_all_the_same() {
    let server = Server::start().await;
    let all = Scopes { callbacks: true, publish: true, operate: true };
    let expired = server.user_of("expired", &["*"], all).await;
    let ended = server.user_of("ended", &["*"], all).await;
    server.advance(Duration::from_secs(3601));
    let revoked = server.user_of("revoked", &["*"], all).await;
    server.revoke("revoked").await;
    server.revoke("ended").await;
    let invented =
        User { issued: expired.issued.clone(), bearer: "x".repeat(43), session: expired.session.clone() };
    for (route, asks) in rows() {
        if matches!(asks, Nothing | Client) {
            continue;
        }
        let path = path(&route, ACCOUNT, "msg_x");
        let as_user = async |user: &User| {
            let answer = ask(&server, &route, &path).bearer(&user.bearer).session(&user.session).send().await;
            answer.error(401, "REQUEST_FAILED.AccessToken.Invalid")
        };
        let said = as_user(&invented).await;
        for user in [&expired, &revoked, &ended] {
            assert_eq!(as_user(user).await, said, "{route:?}");
        }
    }
}

#[tokio::test]
async fn each_scope_opens_its_routes_and_no_others() {
    let cast = Cast::meet().await;
    let message = cast.publish(ACCOUNT).await;
    let server = &cast.server;
    for (name, scopes) in [("callbacks", CALLBACKS), ("publish", PUBLISH), ("operate", OPERATE)] {
        let user = server.user_of(name, &[ACCOUNT], scopes).await;
        for (route, asks) in rows() {
            let will_do = match asks {
                Client => continue,
                Nothing | Bearer | Session => true,
                Scope(callbacks, publish, operate) => {
                    callbacks && scopes.callbacks || publish && scopes.publish || operate && scopes.operate
                }
                CallbacksSession => scopes.callbacks,
                Everywhere => false,
            };
            // Each with a session of its own: one of the routes ends it.
            let login = server.login(&user.issued, &user.bearer).await.ok();
            let session = login["sessionToken"].as_str().unwrap();
            let path = path(&route, ACCOUNT, &message);
            let answer = ask(server, &route, &path).bearer(&user.bearer).session(session).send().await;
            if will_do {
                let refused = matches!(answer.status.as_u16(), 401 | 403 | 404 | 405 | 500);
                assert!(!refused, "{name}: {route:?}: {answer:?}");
            } else {
                answer.error(403, "REQUEST_FAILED.Scope.Insufficient");
            }
        }
    }
    for (route, _) in rows().into_iter().filter(|(_, asks)| *asks == Everywhere) {
        let path = path(&route, ACCOUNT, &message);
        let answer = ask(server, &route, &path).bearer(&cast.operator).send().await;
        assert!(!matches!(answer.status.as_u16(), 401 | 403 | 405 | 500), "{route:?}: {answer:?}");
    }
}

#[tokio::test]
async fn a_session_of_another_client_or_none_opens_nothing() {
    let server = Server::start().await;
    let user = server.user().await;
    let other = server.user_of("other", &[ACCOUNT], CALLBACKS).await;
    for (route, _) in rows().into_iter().filter(|(_, asks)| matches!(asks, Session | CallbacksSession)) {
        let path = path(&route, ACCOUNT, "msg_x");
        let asking = || ask(&server, &route, &path).bearer(&user.bearer);
        asking().send().await.error(401, "REQUEST_FAILED.SessionToken.Format");
        let others = asking().session(&other.session).send().await;
        let others = others.error(401, "INPUT_INVALID.SessionToken.Invalid");
        let invented = asking().session("00000000-0000-4000-8000-000000000000").send().await;
        assert_eq!(invented.error(401, "INPUT_INVALID.SessionToken.Invalid"), others);
    }
}

/// Whoever may not know can't tell an account that is there, with a registration and messages, from one that is not.
#[tokio::test]
async fn anothers_account_is_answered_like_nobodys() {
    let cast = Cast::meet().await;
    let server = &cast.server;
    server.register(OTHER).await;
    let others = cast.publish(OTHER).await;
    let own = cast.publish(ACCOUNT).await;
    let nobodys = format!("{}{}", &own[..own.len() - 6], "zzzzzz");
    let all = Scopes { callbacks: true, publish: true, operate: true };
    let user = server.user_of("all", &[ACCOUNT], all).await;
    let mut compared = 0;
    for (route, asks) in rows() {
        let about_account = route.path.contains("{account}");
        let about_message = route.path.contains("{id}");
        if !about_account && !about_message {
            continue;
        }
        let as_user = async |path: String| -> Answer {
            ask(server, &route, &path).bearer(&user.bearer).session(&user.session).send().await
        };
        let theirs = as_user(path(&route, OTHER, &others)).await;
        let nobodys = as_user(path(&route, NOBODYS, &nobodys)).await;
        let expected = if asks == CallbacksSession { 403 } else { 404 };
        assert_eq!(theirs.status, expected, "{route:?}: {theirs:?}");
        assert_eq!((theirs.status, &theirs.body), (nobodys.status, &nobodys.body), "{route:?}");
        compared += 1;
    }
    assert!(compared > 15, "{compared}");

    // Where the account stands in the query or in the body.
    let search = async |account| {
        let path = format!("{}?account={account}", routes::MESSAGES_PATH);
        let answer = server.ask("GET", &path).bearer(&user.bearer).send().await;
        (answer.status, answer.body)
    };
    assert_eq!(search(OTHER).await, search(NOBODYS).await);
    let publish = async |account| {
        let body = message(account, &serde_json::json!({}));
        let answer = server.ask("POST", routes::MESSAGES_PATH).bearer(&user.bearer).json(body).send().await;
        answer.error(403, "REQUEST_FAILED.AccountName")
    };
    assert_eq!(publish(OTHER).await, publish(NOBODYS).await);
    let list = server.ask("GET", routes::ACCOUNTS_PATH).bearer(&user.bearer).send().await;
    assert!(!String::from_utf8_lossy(&list.body).contains(OTHER), "{list:?}");
}
