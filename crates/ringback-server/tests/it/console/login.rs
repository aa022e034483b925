//! Logging in.

use std::sync::Arc;
use std::time::Duration;

use ringback_server::clock::Clock;
use ringback_server::credentials::{self, NewCredential};
use ringback_server::service::{Service, ServiceSettings, TrustedProxies};
use ringback_store::sqlite::{SqliteOptions, SqliteStore};
use ringback_store::{Reach, Scopes, Secret};

use super::{Browser, ask, cookie_of, log_in, send_form, text};
use crate::client::Http;
use crate::server::{ACCOUNT, CALLBACKS, OPERATE, PUBLISH, Server};

#[tokio::test]
async fn a_log_in_opens_a_session_that_a_cookie_bears() {
    let server = Server::start().await;
    let issued = server.credential("operator", &["*"], OPERATE).await;
    let password = issued.password.expose();
    let one = log_in(&server, &issued.username, password).await;
    let cookie = one.header("set-cookie").unwrap().to_owned();
    assert!(cookie.starts_with("ringback-console="), "{cookie}");
    assert!(cookie.ends_with("; Path=/console; Max-Age=43200; HttpOnly; SameSite=Strict"), "{cookie}");
    let browser = Browser { server: &server, cookie: cookie_of(&one) };
    let page = browser.page("/console").await;
    assert!(page.contains("operator") && page.contains("Log out"), "{page}");
    // Each log-in has its own, whatever the browser had.
    let ask = browser.ask("POST", "/console/login");
    let again = send_form(ask, &[("username", &issued.username), ("password", password)]).await;
    assert_ne!(cookie_of(&again), browser.cookie);
    // Who has a session does not log in.
    assert_eq!(browser.get("/console/login").await.header("location"), Some("/console"));
}

#[tokio::test]
async fn who_has_no_session_is_led_to_the_log_in_and_back() {
    let server = Server::start().await;
    for (path, login) in [
        ("/console", "/console/login"),
        ("/console/accounts?prefix=02", "/console/login?next=%2Fconsole%2Faccounts%3Fprefix%3D02"),
        ("/console/live/events", "/console/login?next=%2Fconsole%2Flive%2Fevents"),
        ("/console/audit", "/console/login?next=%2Fconsole%2Faudit"),
    ] {
        let answer = server.ask("GET", path).send().await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (303, Some(login)));
        let forged = server.ask("GET", path).header("cookie", "ringback-console=1767225600000.AAAA");
        assert_eq!(forged.send().await.header("location"), Some(login));
    }
    let issued = server.credential("operator", &["*"], OPERATE).await;
    let fields = |next| {
        [("username", issued.username.as_str()), ("password", issued.password.expose()), ("next", next)]
    };
    for (next, to) in [("/console/audit", "/console/audit"), ("https://evil.example", "/console")] {
        let answer = send_form(server.ask("POST", "/console/login"), &fields(next)).await;
        assert_eq!(answer.header("location"), Some(to));
    }
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_user_are_one_thing() {
    let server = Server::start().await;
    let issued = server.credential_with("chosen", &[ACCOUNT], CALLBACKS, Some("correct horse")).await;
    let wrong = log_in(&server, &issued.username, "wrong horse").await;
    let unknown = log_in(&server, "nobody", "wrong horse").await;
    assert_eq!((wrong.status.as_u16(), unknown.status.as_u16()), (401, 401));
    assert_eq!(text(&wrong).replace(&issued.username, "nobody"), text(&unknown));
    assert!(
        wrong.header("set-cookie").is_none() && text(&wrong).contains("user name or the password is wrong")
    );
    assert_eq!(log_in(&server, &issued.username, "correct horse").await.status, 303);
    server.revoke("chosen").await;
    assert_eq!(log_in(&server, &issued.username, "correct horse").await.status, 401);
}

#[tokio::test]
async fn a_credential_that_only_publishes_has_nothing_to_see() {
    let server = Server::start().await;
    let issued = server.credential("publisher", &["*"], PUBLISH).await;
    let answer = log_in(&server, &issued.username, issued.password.expose()).await;
    assert_eq!(answer.status, 403);
    assert!(answer.header("set-cookie").is_none());
}

#[tokio::test]
async fn who_fails_often_waits_and_nobody_else_does() {
    let server = Server::start().await;
    let issued = server.credential("operator", &["*"], OPERATE).await;
    for _ in 0..5 {
        assert_eq!(log_in(&server, &issued.username, "wrong").await.status, 401);
    }
    let refused = log_in(&server, &issued.username, issued.password.expose()).await;
    assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (429, Some("901")));
    // Another user from there, and this one's log-ins to the API, are not held up.
    let other = server.credential("other", &["*"], OPERATE).await;
    assert_eq!(log_in(&server, &other.username, other.password.expose()).await.status, 303);
    let bearer = server.token_of(&issued).await;
    server.login(&issued, &bearer).await.ok();
    server.advance(Duration::from_secs(15 * 60));
    assert_eq!(log_in(&server, &issued.username, issued.password.expose()).await.status, 303);
}

#[tokio::test]
async fn under_tls_the_cookie_is_for_this_host_and_secure_and_each_client_has_its_own_failures() {
    let folder = tempfile::tempdir().unwrap();
    let store =
        Arc::new(SqliteStore::open(SqliteOptions::server(folder.path().join("ringback.db"))).unwrap());
    let new = NewCredential {
        name: "operator".to_owned(),
        scopes: Scopes { operate: true, ..Scopes::default() },
        reach: Reach::Every,
        username: Some("ann".to_owned()),
        password: Some(Secret::new("correct horse")),
    };
    let clock = Clock::system();
    credentials::create(&*store, clock.now(), new).await.unwrap();
    let proxies = TrustedProxies::new(["127.0.0.0/8".parse().unwrap()]);
    let settings = ServiceSettings { proxies, ..ServiceSettings::default() };
    let service = Service::start(settings, store, clock).await.unwrap();
    let (http, address) = (Http::new(), service.local_addr());
    let log_in = async |client: &str, password: &str| {
        let ask = ask(&http, address, "POST", "/console/login")
            .header("x-forwarded-for", client)
            .header("x-forwarded-proto", "https");
        send_form(ask, &[("username", "ann"), ("password", password)]).await
    };
    for _ in 0..5 {
        assert_eq!(log_in("192.0.2.1", "wrong").await.status, 401);
    }
    assert_eq!(log_in("192.0.2.1", "correct horse").await.status, 429);
    let answer = log_in("192.0.2.2", "correct horse").await;
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.starts_with("__Host-ringback-console="), "{cookie}");
    assert!(cookie.ends_with("; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict; Secure"), "{cookie}");
    let show = async |cookie: String| {
        let ask = ask(&http, address, "GET", "/console").header("cookie", &cookie);
        ask.header("x-forwarded-proto", "https").send().await.status.as_u16()
    };
    let cookie = cookie_of(&answer);
    assert_eq!(show(cookie.clone()).await, 200);
    // A name that any page of the network could set is not looked at under TLS.
    assert_eq!(show(cookie.replace("__Host-", "")).await, 303);
    service.stop(Duration::from_secs(10)).await;
}

#[tokio::test]
async fn the_console_answers_to_this_servers_names_alone() {
    let server = Server::start().await;
    let answer = server.ask("GET", "/console/login").header("host", "evil.example").send().await;
    assert_eq!(answer.status, 421);
}
