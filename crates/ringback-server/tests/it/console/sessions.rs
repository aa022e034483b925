//! How long a session lasts.

use std::time::Duration;

use super::{Browser, form_token, send_form};
use crate::server::{OPERATE, Server};

const MINUTE: Duration = Duration::from_secs(60);

async fn status(browser: &Browser<'_>) -> u16 {
    browser.get("/console/audit").await.status.as_u16()
}

#[tokio::test]
async fn a_session_ends_after_twenty_minutes_without_use_and_never_sooner() {
    let server = Server::start().await;
    let browser = Browser::of(&server, "operator", &["*"], OPERATE).await;
    for _ in 0..3 {
        server.advance(20 * MINUTE);
        assert_eq!(status(&browser).await, 200);
    }
    server.advance(21 * MINUTE);
    assert_eq!(status(&browser).await, 303);
}

#[tokio::test]
async fn a_page_that_looks_again_by_itself_does_not_use_the_session() {
    let server = Server::start().await;
    let browser = Browser::of(&server, "operator", &["*"], OPERATE).await;
    for minutes in 1..=21 {
        server.advance(MINUTE);
        let answer = browser.ask("GET", "/console").header("x-ringback-refresh", "1").send().await;
        assert_eq!(answer.status.as_u16(), if minutes < 21 { 200 } else { 303 }, "after {minutes}");
    }
}

#[tokio::test]
async fn a_session_ends_after_twelve_hours_however_much_it_is_used() {
    let server = Server::start().await;
    let browser = Browser::of(&server, "operator", &["*"], OPERATE).await;
    for _ in 0..12 * 4 - 1 {
        server.advance(15 * MINUTE);
        assert_eq!(status(&browser).await, 200);
    }
    server.advance(15 * MINUTE);
    assert_eq!(status(&browser).await, 303);
}

#[tokio::test]
async fn a_log_out_ends_the_session_for_whoever_has_its_cookie() {
    let server = Server::start().await;
    let browser = Browser::of(&server, "operator", &["*"], OPERATE).await;
    let answer = browser.post("/console/logout", &[]).await;
    assert_eq!(answer.header("location"), Some("/console/login?after=logout"));
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.starts_with("ringback-console=;") && cookie.contains("Max-Age=0"), "{cookie}");
    assert_eq!(status(&browser).await, 303);
}

#[tokio::test]
async fn a_session_ends_with_its_credential_and_outlives_a_restart() {
    let server = Server::start().await;
    let cookie = Browser::of(&server, "operator", &["*"], OPERATE).await.cookie;
    let server = server.restart().await;
    let browser = Browser { server: &server, cookie };
    assert_eq!(status(&browser).await, 200);
    server.revoke("operator").await;
    assert_eq!(status(&browser).await, 303);
}

#[tokio::test]
async fn a_cookie_is_no_token_of_the_api_and_its_time_can_not_be_changed() {
    let server = Server::start().await;
    let browser = Browser::of(&server, "operator", &["*"], OPERATE).await;
    let (_, value) = browser.cookie.split_once('=').unwrap();
    let answer = server.ask("GET", "/api/ringback/v1/accounts").bearer(value).send().await;
    assert_eq!(answer.status, 401);
    let (opened, random) = value.split_once('.').unwrap();
    let later: i64 = opened.parse::<i64>().unwrap() + 1000;
    let forged = Browser { server: &server, cookie: format!("ringback-console={later}.{random}") };
    assert_eq!(status(&forged).await, 303);
}

#[tokio::test]
async fn a_form_is_of_its_own_session_alone() {
    let server = Server::start().await;
    server.register(crate::server::ACCOUNT).await;
    let one = Browser::of(&server, "one", &["*"], OPERATE).await;
    let other = Browser::of(&server, "other", &["*"], OPERATE).await;
    let path = format!("/console/accounts/{}/pause", crate::server::ACCOUNT);
    let others = form_token(&other.get("/console").await);
    for fields in [&[][..], &[("form_token", "")], &[("form_token", others.as_str())]] {
        let answer = send_form(one.ask("POST", &path), fields).await;
        assert_eq!(answer.status, 403);
    }
    for (name, value) in [("sec-fetch-site", "cross-site"), ("origin", "http://evil.example")] {
        let token = form_token(&one.get("/console").await);
        let ask = one.ask("POST", &path).header(name, value);
        assert_eq!(send_form(ask, &[("form_token", &token)]).await.status, 403);
    }
    assert!(one.page(&format!("/console/accounts/{}", crate::server::ACCOUNT)).await.contains("active"));
    assert_eq!(one.post(&path, &[]).await.status, 303);
}
