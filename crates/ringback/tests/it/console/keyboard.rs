//! Without a mouse: everything is reached and done with keys, and one sees where one is.

use serde_json::json;

use super::driver::{Driven, ENTER, TAB};
use super::scene::{ACCOUNT, Answering, Scene};

/// Keys that are pressed before something counts as out of reach.
const FAR: usize = 60;

/// What has the focus, as a person knows it.
const FOCUSED: &str = "const e = document.activeElement; \
    return (e.innerText || e.getAttribute('aria-label') || e.name || e.tagName).trim()";
/// Whether one sees that it has.
const IS_SEEN: &str = "const e = document.activeElement; const r = e.getBoundingClientRect(); \
    const s = getComputedStyle(e); \
    return e === document.body || (r.width > 0 && r.height > 0 && s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2)";

/// Goes on with the tabulator until this has the focus.
async fn reach(browser: &Driven, wanted: &str) {
    for _ in 0..FAR {
        browser.press(TAB).await;
        let focused = browser.run(FOCUSED).await;
        assert_eq!(browser.run(IS_SEEN).await, json!(true), "one does not see that {focused} has the focus");
        if focused.as_str().is_some_and(|focused| focused.starts_with(wanted)) {
            return;
        }
    }
    panic!("{wanted} is not reached:\n{}", browser.text().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_found_paused_and_resumed_with_the_keyboard_alone() {
    let Some(browser) = Driven::start().await else { return };
    let scene = Scene::open().await;
    let endpoint = Answering::with(204).await;
    scene.api.register(&scene.tokens, ACCOUNT, &endpoint.url()).await;
    browser.go(&format!("{}/console", scene.url)).await;
    browser.reads("Log in with").await;
    // The first field has the focus already.
    browser.press(&scene.operator.username).await;
    browser.press(TAB).await;
    browser.press(&scene.operator.password).await;
    browser.press(ENTER).await;
    browser.reads("Callbacks arrive").await;

    // The first thing that is reached leads past the navigation.
    browser.press(TAB).await;
    assert_eq!(browser.run(FOCUSED).await, json!("Skip to the page"));
    browser.press(ENTER).await;
    assert_eq!(browser.run("return document.activeElement.id").await, json!("main"));

    browser.go(&format!("{}/console", scene.url)).await;
    reach(&browser, "Accounts").await;
    browser.press(ENTER).await;
    browser.reads("Find an account").await;
    reach(&browser, "prefix").await;
    browser.press(ACCOUNT).await;
    browser.press(ENTER).await;
    browser.reads("Open, nothing pending").await;
    reach(&browser, "Pause").await;
    browser.press(ENTER).await;
    browser.reads("Holds 0 pending messages").await;
    reach(&browser, "Pause").await;
    browser.press(ENTER).await;
    browser.reads("Paused since").await;
    reach(&browser, "Resume").await;
    browser.press(ENTER).await;
    browser.reads("Ends a pause").await;
    reach(&browser, "Resume").await;
    browser.press(ENTER).await;
    browser.reads("Resumed. What waits is sent now.").await;
    reach(&browser, "Log out").await;
    browser.press(ENTER).await;
    browser.reads("You have logged out.").await;
    browser.end().await;
}
