//! What the pages tell.

use std::time::Duration;

use ringback_delivery::{Failure, Health, Trouble};

use super::Browser;
use crate::cast::Cast;
use crate::server::{ACCOUNT, OTHER};

#[tokio::test]
async fn the_overview_says_for_whom_callbacks_do_not_arrive_and_why() {
    let cast = Cast::meet().await;
    let browser = Browser::operator(&cast).await;
    let page = browser.page("/console").await;
    assert!(page.contains("Callbacks arrive") && page.contains("Nothing ails any account."), "{page}");
    cast.publish(ACCOUNT).await;
    let now = cast.server.clock.now();
    let health = Health::Hold {
        since: now,
        failed_probes: 1,
        probe_at: now.after(Duration::from_secs(180)),
        trouble: Trouble::Failure(Failure::Connect),
    };
    cast.lane(ACCOUNT, |lane| lane.health = health).await;
    let page = browser.page("/console").await;
    assert!(page.contains("Callbacks don't arrive for 1 account<"), "{page}");
    assert!(page.contains("no connection could be made; next probe in 3 min"), "{page}");
    let account = browser.page(&format!("/console/accounts/{ACCOUNT}")).await;
    assert!(account.contains("On hold since <time") && account.contains("on hold</span>"), "{account}");
}

#[tokio::test]
async fn accounts_are_found_by_the_beginning_of_their_names() {
    let cast = Cast::meet().await;
    cast.server.register(OTHER).await;
    let browser = Browser::operator(&cast).await;
    let page = browser.page("/console/accounts?prefix=0252012345-").await;
    assert!(page.contains(ACCOUNT) && !page.contains(OTHER));
    let whole = browser.get(&format!("/console/accounts?prefix={ACCOUNT}")).await;
    assert_eq!(whole.header("location"), Some(format!("/console/accounts/{ACCOUNT}").as_str()));
    let wrong = browser.page("/console/accounts?prefix=abc").await;
    assert!(wrong.contains("must be the beginning of an account"));
}

#[tokio::test]
async fn messages_are_filtered_and_paged_as_in_the_api() {
    let cast = Cast::meet().await;
    for _ in 0..52 {
        cast.publish(ACCOUNT).await;
    }
    cast.dead(ACCOUNT, 7).await;
    let browser = Browser::operator(&cast).await;
    let rows = |page: &str| page.matches("<td class=\"state\"><span class=\"badge").count();
    let first = browser.page("/console/messages").await;
    assert_eq!(rows(&first), 50);
    let next = first.split("href=\"/console/messages?cursor=").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(rows(&browser.page(&format!("/console/messages?cursor={next}")).await), 2);
    let dead = browser.page("/console/messages?state=dead&type=&account=&since=2026-01-01T00%3A00").await;
    assert_eq!(rows(&dead), 1);
    assert_eq!(rows(&browser.page("/console/messages?state=dead&since=2026-01-01T00%3A01").await), 0);
    let upgrade = format!("account={ACCOUNT}&upgradeId=e3a8d88a-04c6-4ef3-b039-89b62f91e962&state=dead");
    assert_eq!(rows(&browser.page(&format!("/console/messages?{upgrade}")).await), 1);
    let wrong = browser.get("/console/messages?device=1").await;
    assert_eq!(wrong.status, 400);
    assert!(super::text(&wrong).contains("looked for within an account"));
}

#[tokio::test]
async fn a_message_tells_its_life() {
    let cast = Cast::meet().await;
    let id = cast.publish(ACCOUNT).await;
    let browser = Browser::operator(&cast).await;
    let by_number = browser.get(&format!("/console/accounts/{ACCOUNT}/messages/1")).await;
    assert_eq!(by_number.header("location"), Some(format!("/console/messages/{id}").as_str()));
    let page = browser.page(&format!("/console/messages/{id}")).await;
    assert!(page.contains("not tried yet") && page.contains("Accepted"));
    cast.dead(ACCOUNT, 1).await;
    let page = browser.page(&format!("/console/messages/{id}")).await;
    for told in ["Attempt 1", "answered <strong>500</strong> after 12 ms", "What it answered", "Given up"] {
        assert!(page.contains(told), "{told}: {page}");
    }
}
