//! What every answer of the console bears.

use super::{Browser, text};
use crate::cast::Cast;
use crate::server::ACCOUNT;

#[tokio::test]
async fn every_page_is_kept_nowhere_runs_nothing_inline_and_loads_nothing_from_elsewhere() {
    let cast = Cast::meet().await;
    let id = cast.publish(ACCOUNT).await;
    cast.dead(ACCOUNT, 1).await;
    let browser = Browser::operator(&cast).await;
    let account = format!("/console/accounts/{ACCOUNT}");
    let pages = [
        "/console".to_owned(),
        "/console/accounts".to_owned(),
        "/console/accounts?all=true".to_owned(),
        account.clone(),
        format!("{account}/replay"),
        format!("{account}/register"),
        format!("{account}/pause"),
        "/console/messages".to_owned(),
        format!("/console/messages/{id}"),
        format!("/console/messages/{id}/replay"),
        "/console/live".to_owned(),
        "/console/audit".to_owned(),
        "/console/nowhere".to_owned(),
        "/console/accounts/1111111111-11111".to_owned(),
        "/console/login".to_owned(),
    ];
    for path in pages {
        let answer = browser.get(&path).await;
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"), "{path}");
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{path}");
        for (name, value) in [
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "same-origin"),
            ("x-frame-options", "DENY"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{path}");
        }
        let page = text(&answer).to_lowercase();
        for inline in
            ["<style", " style=", "<script>", " onclick", " onload", "javascript:", "http://www", "//cdn"]
        {
            assert!(!page.contains(inline), "{path} has {inline}");
        }
        // A heading, a language, a place to skip to: what a reader without eyes or mouse goes by.
        if answer.status != 303 {
            assert_eq!(page.matches("<h1").count(), 1, "{path}");
            assert!(page.contains("<html lang=\"en\">") && page.contains("id=\"main\""), "{path}");
        }
    }
}

#[tokio::test]
async fn what_pages_load_is_served_under_a_name_that_changes_with_it() {
    let cast = Cast::meet().await;
    let browser = Browser::operator(&cast).await;
    let page = browser.page("/console").await;
    let mut found = 0;
    for part in page.split("\"/console/assets/").skip(1) {
        let file = part.split('"').next().unwrap();
        let answer = cast.server.ask("GET", &format!("/console/assets/{file}")).send().await;
        assert_eq!(answer.status, 200, "{file}");
        assert!(answer.header("cache-control").unwrap().contains("immutable"));
        assert!(!answer.body.is_empty());
        found += 1;
    }
    assert_eq!(found, 3);
    assert_eq!(cast.server.ask("GET", "/console/assets/console-0.css").send().await.status, 404);
}
