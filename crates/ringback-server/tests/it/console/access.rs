//! Every route of the console by who asks: a table of all that there are, and a walk through it with no cookie, an expired, an
//! ended and an invented session, on another's account, and with forms that are not of the session.
//!
//! The list of routes is the console's own: a route that stands in no row fails the walk.

use std::time::Duration;

use http::Method;
use ringback_server::api::Route;
use ringback_server::console;
use ringback_store::Scopes;

use super::{Browser, form_token, send_form, text};
use crate::cast::Cast;
use crate::client::{Answer, Ask};
use crate::server::{ACCOUNT, CALLBACKS, OPERATE, OTHER, Server};

/// An account that nobody has heard of.
const NOBODYS: &str = "9999999999-99999";

/// What is done to an account.
const ACTS: [&str; 8] = ["check", "ping", "replay", "pause", "resume", "register", "restore", "deregister"];

/// What a route asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asks {
    /// Nothing.
    Nothing,
    /// Nothing: there is no page.
    Nowhere,
    /// A session.
    Session,
    /// A session with the account, or the message's, in its reach.
    Reach,
    /// A session of who operates everything.
    Everywhere,
}

use Asks::{Everywhere, Nothing, Nowhere, Reach, Session};

/// The table. What changes something asks for the session's form beside, the log-in aside.
const TABLE: &[(Method, &str, Asks)] = &[
    (Method::GET, "/console", Session),
    (Method::GET, "/console/login", Nothing),
    (Method::POST, "/console/login", Nothing),
    (Method::POST, "/console/logout", Session),
    (Method::GET, "/console/accounts", Session),
    (Method::GET, "/console/accounts/{account}", Reach),
    (Method::GET, "/console/accounts/{account}/messages/{sequence}", Reach),
    (Method::GET, "/console/accounts/{account}/{act}", Reach),
    (Method::POST, "/console/accounts/{account}/{act}", Reach),
    (Method::GET, "/console/messages", Session),
    (Method::GET, "/console/messages/{id}", Reach),
    (Method::GET, "/console/messages/{id}/replay", Reach),
    (Method::POST, "/console/messages/{id}/replay", Reach),
    (Method::GET, "/console/live", Session),
    (Method::GET, "/console/live/events", Session),
    (Method::GET, "/console/audit", Everywhere),
    (Method::GET, "/console/{*rest}", Nowhere),
    (Method::GET, "/console/assets/{file}", Nothing),
];

/// Every route with what it asks for.
fn rows() -> Vec<(Route, Asks)> {
    let row = |route: Route| {
        let found = TABLE.iter().find(|(method, path, _)| (method, *path) == (&route.method, route.path));
        let (_, _, asks) = found.unwrap_or_else(|| panic!("{route:?} stands in no row of the table"));
        (route, *asks)
    };
    let rows: Vec<_> = console::all_routes().into_iter().map(row).collect();
    assert_eq!(rows.len(), TABLE.len(), "a row of the table is of no route");
    rows
}

/// The rows that only who has logged in gets something of.
fn closed() -> impl Iterator<Item = (Route, Asks)> {
    rows().into_iter().filter(|(_, asks)| !matches!(asks, Nothing | Nowhere))
}

/// The route's paths, about an account and a message: one for each act.
pub(crate) fn paths(route: &Route, account: &str, message: &str) -> Vec<String> {
    let path = route
        .path
        .replace("{account}", account)
        .replace("{sequence}", "1")
        .replace("{id}", message)
        .replace("{file}", "nothing.css")
        .replace("{*rest}", "nothing");
    match path.contains("{act}") {
        true => ACTS.iter().map(|act| path.replace("{act}", act)).collect(),
        false => vec![path],
    }
}

async fn send(ask: Ask, route: &Route, fields: &[(&str, &str)]) -> Answer {
    if route.method == Method::POST { send_form(ask, fields).await } else { ask.send().await }
}

#[tokio::test]
async fn without_an_open_session_every_page_leads_to_the_log_in_and_nothing_is_done() {
    let cast = Cast::meet().await;
    let server = &cast.server;
    let message = cast.publish(ACCOUNT).await;
    let expired = Browser::of(server, "expired", &["*"], OPERATE).await;
    let token = form_token(&expired.get("/console").await);
    server.advance(Duration::from_secs(3600));
    let ended = Browser::of(server, "ended", &["*"], OPERATE).await;
    server.revoke("ended").await;
    let of_the_api = server.user_of("api", &[ACCOUNT], CALLBACKS).await.session;
    let cookies = [
        None,
        Some(expired.cookie.clone()),
        Some(ended.cookie.clone()),
        Some("ringback-console=1767225600000.AAAA".to_owned()),
        Some(format!("ringback-console={of_the_api}")),
        Some(format!("ringback-console=1767225600000.{of_the_api}")),
    ];
    for (route, _) in closed() {
        for path in paths(&route, ACCOUNT, &message) {
            for cookie in &cookies {
                let mut ask = server.ask(route.method.as_str(), &path);
                if let Some(cookie) = cookie {
                    ask = ask.header("cookie", cookie);
                }
                let answer = send(ask, &route, &[("form_token", &token)]).await;
                let to = answer.header("location").unwrap_or_default();
                assert!(answer.status == 303 && to.starts_with("/console/login"), "{path}: {answer:?}");
                assert!(answer.body.is_empty(), "{path}: {answer:?}");
            }
        }
    }
    standing_is_untouched(server).await;
}

/// Nothing was done to the account.
async fn standing_is_untouched(server: &Server) {
    let keeper = Browser::of(server, "keeper", &["*"], OPERATE).await;
    let page = keeper.page(&format!("/console/accounts/{ACCOUNT}")).await;
    assert!(page.contains("active") && page.contains("/pause\""), "{page}");
}

#[tokio::test]
async fn no_form_is_taken_without_its_sessions_token_or_from_another_site() {
    let cast = Cast::meet().await;
    let server = &cast.server;
    let message = cast.publish(ACCOUNT).await;
    let all = Scopes { callbacks: true, publish: true, operate: true };
    let one = Browser::of(server, "one", &["*"], all).await;
    let other = Browser::of(server, "other", &["*"], all).await;
    let own = form_token(&one.get("/console").await);
    let others = form_token(&other.get("/console").await);
    let mut tried = 0;
    for (route, _) in closed().filter(|(route, _)| route.method == Method::POST) {
        for path in paths(&route, ACCOUNT, &message) {
            for fields in [&[][..], &[("form_token", "")], &[("form_token", others.as_str())]] {
                let answer = send_form(one.ask("POST", &path), fields).await;
                assert_eq!(answer.status, 403, "{path}: {answer:?}");
            }
            let ask = one.ask("POST", &path).header("sec-fetch-site", "cross-site");
            assert_eq!(send_form(ask, &[("form_token", &own)]).await.status, 403, "{path}");
            tried += 1;
        }
    }
    assert!(tried >= ACTS.len() + 2, "{tried}");
    // The session is open still: not even the log-out was done.
    one.page("/console").await;
    standing_is_untouched(server).await;
}

#[tokio::test]
async fn anothers_account_and_message_are_answered_like_nobodys() {
    let cast = Cast::meet().await;
    let server = &cast.server;
    server.register(OTHER).await;
    let others = cast.publish(OTHER).await;
    let own = cast.publish(ACCOUNT).await;
    let nobodys = format!("{}zzzzzz", &own[..own.len() - 6]);
    let tenant = Browser::of(server, "tenant", &[ACCOUNT], CALLBACKS).await;
    let token = form_token(&tenant.get("/console").await);
    let fields = [("form_token", token.as_str()), ("url", "https://10.0.0.9/")];
    for (route, asks) in closed() {
        if !matches!(asks, Reach | Everywhere) {
            continue;
        }
        let theirs = paths(&route, OTHER, &others);
        for (theirs, nobodys) in theirs.iter().zip(paths(&route, NOBODYS, &nobodys)) {
            let answer = send(tenant.ask(route.method.as_str(), theirs), &route, &fields).await;
            let like = send(tenant.ask(route.method.as_str(), &nobodys), &route, &fields).await;
            assert!(matches!(answer.status.as_u16(), 403 | 404), "{theirs}: {answer:?}");
            assert_eq!((answer.status, text(&answer)), (like.status, text(&like)), "{theirs}");
        }
    }
    let keeper = Browser::of(server, "keeper", &["*"], OPERATE).await;
    assert!(keeper.page(&format!("/console/accounts/{OTHER}")).await.contains("active"));
}

#[tokio::test]
async fn who_runs_everything_gets_every_page() {
    let cast = Cast::meet().await;
    let message = cast.publish(ACCOUNT).await;
    let keeper = Browser::operator(&cast).await;
    for (route, asks) in closed().filter(|(route, _)| route.method == Method::GET) {
        // The stream has no end.
        if route.path == "/console/live/events" {
            continue;
        }
        for path in paths(&route, ACCOUNT, &message) {
            let answer = keeper.get(&path).await;
            // A message by its number leads to its page.
            assert!(matches!(answer.status.as_u16(), 200 | 303), "{path} ({asks:?}): {answer:?}");
            let to = answer.header("location").unwrap_or_default();
            assert!(!to.starts_with("/console/login"), "{path}");
        }
    }
}
