//! Whatever a message, an endpoint or a name holds is text, and nothing of it runs.

use serde_json::json;

use super::driver::Driven;
use super::hand::Hand;
use super::scene::{ACCOUNT, Answering, Scene};

const SCRIPT: &str = "<script>document.title = 'run'</script><img src=x onerror=\"document.title = 'run'\">";

#[tokio::test(flavor = "multi_thread")]
async fn script_in_every_field_of_a_message_shows_as_text() {
    let Some(browser) = Driven::start().await else { return };
    let scene = Scene::open().await;
    let endpoint = Answering::with(204).await;
    scene.api.register(&scene.tokens, ACCOUNT, &endpoint.url()).await;
    let section = json!({
        "upgradeId": SCRIPT, "firmwareName": SCRIPT, "firmwareTo": SCRIPT, "startDate": "2026-01-01T00:00:00Z",
        "status": "Finished", "deviceList": [{"deviceId": SCRIPT, "status": SCRIPT, "resultReason": SCRIPT}],
    });
    let more = json!({"participantName": SCRIPT, "upgradeFinished": section, "unknown": {SCRIPT: SCRIPT}});
    let id = scene.publish(ACCOUNT, &more).await["id"].as_str().unwrap().to_owned();
    scene.log_in(&browser, Hand::Mouse).await;
    let pages = [
        (format!("/console/messages/{id}"), "Delivered"),
        (format!("/console/accounts/{ACCOUNT}"), "Open, nothing pending"),
        (format!("/console/accounts/{ACCOUNT}/register"), "Replaces"),
        (format!("/console/accounts/{ACCOUNT}/ping"), "Sends one signed test message"),
        ("/console/messages".to_owned(), "Found, the newest first"),
        ("/console".to_owned(), "Callbacks arrive"),
    ];
    for (path, awaited) in &pages {
        browser.go(&format!("{}{path}", scene.url)).await;
        browser.reads(awaited).await;
        let title = browser.run("return document.title").await;
        assert!(title.as_str().is_some_and(|title| title.ends_with("· Ringback")), "{path}: {title}");
        assert_eq!(browser.run("return document.images.length").await, json!(0), "{path}");
    }
    browser.go(&format!("{}{}", scene.url, pages[0].0)).await;
    let shown = browser.reads("Its body").await;
    // As JSON writes it: with the quotes in the string escaped.
    let written = serde_json::to_string(SCRIPT).unwrap();
    assert_eq!(shown.matches(&written).count(), 9, "{shown}");
    // A frame of another page is not to be had, and nothing was forbidden: nothing had been tried.
    assert_eq!(browser.complaints().await, [""; 0]);
    browser.end().await;
}
