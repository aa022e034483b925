//! The story of a night: an account's callbacks don't arrive, and a person finds out why and mends it.

use serde_json::json;

use super::driver::Driven;
use super::hand::Hand;
use super::scene::{ACCOUNT, Answering, Home, Scene};

/// Failures in a row that put a lane on hold.
const FAILURES: usize = 5;

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_account_is_seen_understood_and_mended_and_its_dead_messages_are_delivered_live() {
    a_night(Home::sqlite(), Hand::Keyboard).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres_a_failing_account_is_seen_understood_and_mended_too() {
    let Some(home) = Home::postgres() else { return };
    a_night(home, Hand::Mouse).await;
}

async fn a_night(home: Home, hand: Hand) {
    let Some(browser) = Driven::start().await else { return };
    let scene = Scene::open_with_dead(home, &["one"], 3).await;
    let good = Answering::with(204).await;
    // Nobody is at the URL that is registered.
    for _ in 0..FAILURES {
        scene.publish(ACCOUNT, &json!({})).await;
    }
    scene.log_in(&browser, hand).await;
    browser.reads("Callbacks don't arrive for 1 account").await;
    let overview = browser.reads("no connection could be made").await;
    assert!(
        overview.contains("on hold") && overview.contains("3 dead messages can be sent again"),
        "{overview}"
    );
    hand.press(&browser, ACCOUNT).await;
    let account = browser.reads("On hold since").await;
    assert!(account.contains("next probe") && account.contains("http://127.0.0.1:9/"), "{account}");
    assert!(account.contains("the connection was refused"), "{account}");

    // Why one of them died.
    hand.follow(&browser, "#counts a[href*='state=dead']").await;
    browser.reads("Found, the newest first").await;
    hand.follow(&browser, "tbody th a").await;
    let message = browser.reads("Its life").await;
    for told in
        ["Attempt 1", "answered 500", "Given up", "its attempts are used up", "\"password\": \"••••••••\""]
    {
        assert!(message.contains(told), "{told} in {message}");
    }
    hand.press(&browser, "What it answered").await;
    browser.reads("the <b>database</b> is locked").await;

    // Mended: what waited goes at once.
    hand.press(&browser, ACCOUNT).await;
    hand.press(&browser, "Register a URL").await;
    browser.reads("Replaces http://127.0.0.1:9/").await;
    hand.write(&browser, "url", "ftp://127.0.0.1/callbacks").await;
    hand.press(&browser, "Register").await;
    browser.reads("http or https").await;
    hand.write(&browser, "url", &good.url()).await;
    hand.press(&browser, "Register").await;
    browser.reads("What waits is sent to the new URL now.").await;
    // The page looks again by itself.
    browser.reads("Open, nothing pending").await;

    // The dead are sent again, and one sees them arrive.
    let watching = Driven::start().await.unwrap();
    scene.log_in(&watching, hand).await;
    hand.press(&watching, "Live").await;
    watching.reads("Connected. 0 shown.").await;
    hand.press(&browser, "Send messages again").await;
    let said = browser.reads("3 dead messages will be sent again").await;
    assert!(said.contains(&good.url()), "{said}");
    hand.press(&browser, "Send 3 dead messages again").await;
    browser.reads("3 messages are being sent again.").await;
    let live = watching.reads("Connected. 6 shown.").await;
    assert_eq!(live.matches("replayed\t").count(), 3, "{live}");
    assert_eq!(live.matches("attempt 2: 204 after").count(), 3, "{live}");

    // Paused, what comes is held, and shown when one goes on.
    hand.press(&watching, "Pause").await;
    scene.publish(ACCOUNT, &json!({})).await;
    watching.reads("Paused. 2 held.").await;
    hand.press(&watching, "Go on").await;
    watching.reads("Connected. 8 shown.").await;
    hand.press(&watching, "Overview").await;
    watching.reads("Nothing ails any account.").await;

    // Who did what is kept.
    hand.press(&browser, "Audit").await;
    let audit = browser.reads("sent 3 dead messages again").await;
    assert!(audit.contains("registered a callback URL") && audit.contains("night shift"), "{audit}");
    hand.press(&browser, "Log out").await;
    browser.reads("You have logged out.").await;
    // The URL that was refused is the one thing that the browser has to say.
    let complaints: Vec<_> = browser.complaints().await;
    assert!(complaints.iter().all(|complaint| complaint.contains("/register - Failed")), "{complaints:?}");
    assert_eq!(watching.complaints().await, [""; 0]);
    browser.end().await;
    watching.end().await;
}
