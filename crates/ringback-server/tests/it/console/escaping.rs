//! Whatever a message, a URL, an endpoint or a name holds is text on a page.

use ringback_delivery::{Death, Verdict};
use serde_json::json;

use super::Browser;
use crate::cast::{Cast, answered};
use crate::publishing::message;
use crate::server::{ACCOUNT, OPERATE};

const SCRIPT: &str = "<script>alert(1)</script>\"'&<img src=x onerror=alert(1)>";

#[tokio::test]
async fn script_in_every_field_of_a_message_is_text() {
    let cast = Cast::meet().await;
    let section = json!({
        "upgradeId": SCRIPT, "firmwareName": SCRIPT, "firmwareTo": SCRIPT, "startDate": "2026-01-01T00:00:00Z",
        "status": "Finished", "unknown<b>": SCRIPT,
        "deviceList": [{"deviceId": SCRIPT, "status": SCRIPT, "resultReason": SCRIPT}],
    });
    let body =
        message(ACCOUNT, &json!({"participantName": SCRIPT, "upgradeFinished": section, "more<i>": SCRIPT}));
    let answer = cast.server.ask("POST", crate::publishing::MESSAGES).bearer(&cast.platform).json(body);
    let answer = answer.send().await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    cast.settle(ACCOUNT, 1, answered(500), Verdict::Dead(Death::Attempts)).await;
    cast.server.register_at(ACCOUNT, "https://10.0.0.1/?<script>alert(2)</script>").await;
    let browser = Browser::of(&cast.server, "<b>night</b>", &["*"], OPERATE).await;
    browser.post(&format!("/console/accounts/{ACCOUNT}/pause"), &[]).await;
    for path in [
        format!("/console/messages/{id}"),
        format!("/console/messages/{id}/replay"),
        format!("/console/accounts/{ACCOUNT}"),
        format!("/console/accounts/{ACCOUNT}/resume"),
        "/console/audit".to_owned(),
        "/console".to_owned(),
    ] {
        let page = browser.page(&path).await;
        assert!(!page.contains("<script>"), "{path}");
        assert!(!page.contains("<img") && !page.contains("<b>") && !page.contains("<i>"), "{path}");
        assert!(page.contains("&lt;b&gt;night&lt;/b&gt;"), "{path}");
    }
    let page = browser.page(&format!("/console/messages/{id}")).await;
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "{page}");
    // What was typed is said back as text, too.
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([
            ("account", SCRIPT),
            ("prefix", SCRIPT),
            ("did", SCRIPT),
            ("what", SCRIPT),
            ("next", SCRIPT),
        ])
        .finish();
    for path in ["accounts", "messages", "live", "login", &format!("accounts/{ACCOUNT}")] {
        let answer = browser.get(&format!("/console/{path}?{query}")).await;
        let page = super::text(&answer);
        assert!(!page.contains("<script>") && !page.contains("<img"), "{path}");
    }
}

#[tokio::test]
async fn a_password_is_on_no_page() {
    let cast = Cast::meet().await;
    let id = cast.publish(ACCOUNT).await;
    let browser = Browser::operator(&cast).await;
    for path in [
        format!("/console/messages/{id}"),
        format!("/console/accounts/{ACCOUNT}"),
        format!("/console/accounts/{ACCOUNT}/register"),
    ] {
        let page = browser.page(&path).await;
        assert!(!page.contains("fota-password"), "{path}");
        assert!(page.contains("fota-user"), "{path}");
    }
    assert!(browser.page(&format!("/console/messages/{id}")).await.contains("••••••••"));
}
