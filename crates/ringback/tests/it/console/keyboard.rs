//! Without a mouse: everything is reached and done with keys, and one sees where one is.

use serde_json::json;

use super::driver::{Driven, ENTER, TAB};
use super::hand::{FOCUSED, reach};
use super::scene::{ACCOUNT, Answering, Scene};

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
