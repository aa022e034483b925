//! Doing something: it is said first what will be touched, and kept who did it.

use super::Browser;
use crate::cast::Cast;
use crate::server::{ACCOUNT, OTHER, Settings};

fn of(act: &str) -> String {
    format!("/console/accounts/{ACCOUNT}/{act}")
}

#[tokio::test]
async fn a_pause_and_a_resume_say_what_they_touch_and_do_it() {
    let cast = Cast::meet().await;
    cast.publish(ACCOUNT).await;
    let browser = Browser::operator(&cast).await;
    assert!(browser.page(&of("pause")).await.contains("Holds 1 pending message,"));
    let paused = browser.post(&of("pause"), &[]).await;
    let there = format!("/console/accounts/{ACCOUNT}?did=pause&count=0");
    assert_eq!(paused.header("location"), Some(there.as_str()));
    assert!(browser.page(&there).await.contains("Paused. Nothing is sent"));
    assert_eq!(cast.account(ACCOUNT).await["state"], "paused");
    browser.post(&of("resume"), &[]).await;
    assert_eq!(cast.account(ACCOUNT).await["state"], "active");
    let audit = browser.page("/console/audit").await;
    let (resumed, paused) =
        (audit.find("resumed the account").unwrap(), audit.find("paused the account").unwrap());
    assert!(resumed < paused && audit.contains("night shift"), "{audit}");
}

#[tokio::test]
async fn a_replay_is_counted_before_it_is_done() {
    let cast = Cast::meet().await;
    for sequence in 1..=3 {
        cast.publish(ACCOUNT).await;
        cast.dead(ACCOUNT, sequence).await;
    }
    cast.publish(ACCOUNT).await;
    let browser = Browser::operator(&cast).await;
    assert!(browser.page(&of("replay")).await.contains("3 dead messages</strong> will be sent again"));
    assert!(browser.page(&of("replay?state=delivered")).await.contains("0 delivered messages"));
    assert!(
        browser.page(&of("replay?state=pending")).await.contains("1 pending message</strong> become due")
    );
    assert!(
        browser.page(&of("replay?state=dead&since=2026-01-02T00%3A00")).await.contains("0 dead messages")
    );
    let answer = browser.post(&of("replay"), &[("state", "dead")]).await;
    assert_eq!(
        answer.header("location"),
        Some(format!("/console/accounts/{ACCOUNT}?did=replay&count=3").as_str())
    );
    // One at a time: the job that was kept goes on.
    assert_eq!(browser.post(&of("replay"), &[("state", "dead")]).await.status, 409);
}

#[tokio::test]
async fn one_message_is_sent_again() {
    let cast = Cast::meet().await;
    let id = cast.publish(ACCOUNT).await;
    cast.dead(ACCOUNT, 1).await;
    let browser = Browser::operator(&cast).await;
    let path = format!("/console/messages/{id}/replay");
    assert!(browser.page(&path).await.contains("It goes to https://10.0.0.1/."));
    let answer = browser.post(&path, &[]).await;
    assert_eq!(answer.header("location"), Some(format!("/console/messages/{id}?did=replay").as_str()));
    assert_eq!(cast.message(&id).await["state"], "pending");
}

#[tokio::test]
async fn a_url_is_registered_as_by_the_api_and_refused_as_by_the_api() {
    let cast = Cast::meet().await;
    let browser = Browser::operator(&cast).await;
    let refused = browser.post(&of("register"), &[("url", "http://127.0.0.1/x"), ("username", "u<")]).await;
    assert_eq!(refused.status, 400);
    let page = super::text(&refused);
    assert!(page.contains("role=\"alert\"") && page.contains("value=\"http://127.0.0.1/x\""), "{page}");
    let fields = [("url", "https://10.0.0.7/new"), ("username", "ann"), ("password", "secret-of-ann")];
    assert_eq!(browser.post(&of("register"), &fields).await.status, 303);
    let page = browser.page(&format!("/console/accounts/{ACCOUNT}")).await;
    assert!(page.contains("https://10.0.0.7/new") && page.contains("ann") && !page.contains("secret-of-ann"));
    assert_eq!(browser.post(&of("restore"), &[]).await.status, 303);
    assert!(browser.page(&format!("/console/accounts/{ACCOUNT}")).await.contains("https://10.0.0.1/"));
    assert_eq!(browser.post(&of("deregister"), &[]).await.status, 303);
    assert_eq!(cast.account(ACCOUNT).await["state"], "unregistered");
}

#[tokio::test]
async fn what_a_check_and_a_ping_find_is_told() {
    let cast = Cast::meet_with(Settings { delivers: true, ..Settings::default() }).await;
    cast.server.register_at(OTHER, "http://127.0.0.1:1/nobody").await;
    let browser = Browser::operator(&cast).await;
    for act in ["check", "ping"] {
        let path = format!("/console/accounts/{OTHER}/{act}");
        assert!(browser.page(&path).await.contains("signed test message"));
        let answer = browser.post(&path, &[]).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let page = super::text(&answer);
        assert!(page.contains("no answer") && page.contains("refused"), "{page}");
    }
    // Once in ten seconds, as in the API.
    assert_eq!(browser.post(&format!("/console/accounts/{OTHER}/check"), &[]).await.status, 429);
}
