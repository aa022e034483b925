//! How a person does things on a page: with a mouse, or with the keyboard alone.

use serde_json::{Value, json};

use super::driver::{Driven, ENTER, TAB};

/// Keys that are pressed before something counts as out of reach.
const FAR: usize = 80;

/// What has the focus, as a person knows it.
pub(super) const FOCUSED: &str = "const e = document.activeElement; \
    return (e.innerText || e.getAttribute('aria-label') || e.name || e.tagName).trim()";
/// Whether one sees that it has.
const IS_SEEN: &str = "const e = document.activeElement; const r = e.getBoundingClientRect(); \
    const s = getComputedStyle(e); \
    return e === document.body || (r.width > 0 && r.height > 0 && s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2)";

/// What a person uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hand {
    Mouse,
    Keyboard,
}

impl Hand {
    /// Follows the link, or presses the button, whose text begins so.
    pub(crate) async fn press(self, browser: &Driven, text: &str) {
        match self {
            Self::Mouse => browser.click(text).await,
            Self::Keyboard => {
                reach(browser, text).await;
                browser.press(ENTER).await;
            }
        }
    }

    /// Follows the first link that a selector names.
    pub(crate) async fn follow(self, browser: &Driven, css: &str) {
        match self {
            Self::Mouse => browser.click_on(css).await,
            Self::Keyboard => {
                reach_that(browser, &format!("return document.activeElement.matches({})", json!(css)), css)
                    .await;
                browser.press(ENTER).await;
            }
        }
    }

    /// Writes into the field of this name, in place of what is there.
    pub(crate) async fn write(self, browser: &Driven, name: &str, text: &str) {
        match self {
            Self::Mouse => browser.write(&format!("#{name}"), text).await,
            Self::Keyboard => {
                if browser.run("return document.activeElement.name || ''").await != json!(name) {
                    reach(browser, name).await;
                }
                browser.mark_all().await;
                browser.press(text).await;
            }
        }
    }
}

/// Goes on with the tabulator until what has the focus begins with this text.
pub(super) async fn reach(browser: &Driven, text: &str) {
    let script = format!("return (() => {{ {FOCUSED} }})().startsWith({})", json!(text));
    reach_that(browser, &script, text).await;
}

async fn reach_that(browser: &Driven, is_there: &str, wanted: &str) {
    for _ in 0..FAR {
        if browser.run(is_there).await == Value::Bool(true) {
            return;
        }
        browser.press(TAB).await;
        let focused = browser.run(FOCUSED).await;
        assert_eq!(browser.run(IS_SEEN).await, json!(true), "one does not see that {focused} has the focus");
    }
    panic!("{wanted} is not reached:\n{}", browser.text().await);
}
