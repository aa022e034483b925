//! Every page, as it is looked at on a desk, at night and on a phone: no violation of WCAG 2.2 A and AA that axe-core finds,
//! and nothing that has to be moved sideways to be read. Two nodes on PostgreSQL, and accounts in every trouble.
//!
//! With `RINGBACK_WRITE_PICTURES=SECONDS` there is traffic for so long before, and what was seen is kept in `docs/console/`.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;
use tokio::task::JoinHandle;

use super::driver::{Driven, LOOKS, Look};
use super::hand::Hand;
use super::scene::{ACCOUNT, Answering, Home, Scene, publish};

const REFUSING: &str = "0252012346-00001";
const FAILING: &str = "0252012347-00001";
const GONE: &str = "0252012348-00001";
const PAUSED: &str = "0252012352-00001";
const HEALTHY: std::ops::Range<u64> = 353..385;
/// Messages of each account in trouble: as many failures put a lane on hold.
const MESSAGES: usize = 6;
/// Of a page that is longer the beginning is kept, in pixels.
const TALLEST: u64 = 1700;

/// What axe-core finds, as lines.
const FINDINGS: &str = "
    const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
    return axe.run(document, {runOnly: tags, resultTypes: ['violations']}).then(found => found.violations.flatMap(
        violation => violation.nodes.map(node => `${violation.id}: ${node.target} ${node.failureSummary}`)));";
/// What is wider than its place.
const TOO_WIDE: &str = "
    const wide = [...document.querySelectorAll('html, .scroll')].filter(one => one.checkVisibility() && one.scrollWidth > one.clientWidth + 1);
    return wide.map(one => `${one.tagName} ${one.id} ${one.innerText.slice(0, 60)}`);";

/// The text of axe-core, which `./test` installs. Where it is missing that is said, and fails with `CI=true`.
fn axe() -> Option<String> {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../.cache/accessibility");
    let folder = std::env::var_os("RINGBACK_ACCESSIBILITY").map_or(here, PathBuf::from);
    let text = std::fs::read_to_string(folder.join("node_modules/axe-core/axe.min.js")).ok();
    if text.is_none() {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "axe-core is missing in {}", folder.display());
        eprintln!("NOT CHECKED: axe-core is missing: ./test --prepare installs it");
    }
    text
}

/// For how long there is traffic before pictures are taken, where they are.
fn pictures() -> Option<Duration> {
    let seconds = std::env::var("RINGBACK_WRITE_PICTURES").ok()?;
    Some(Duration::from_secs(seconds.parse().expect("RINGBACK_WRITE_PICTURES is a number of seconds")))
}

/// A page: what its pictures are called, if any are kept; where it is; what stands on it.
struct Seen {
    name: Option<&'static str>,
    path: String,
    awaited: &'static str,
}

fn page(name: impl Into<Option<&'static str>>, path: impl Into<String>, awaited: &'static str) -> Seen {
    Seen { name: name.into(), path: path.into(), awaited }
}

/// Accounts in every kind of trouble, beside many in none; and somebody who goes on publishing to those.
async fn trouble(scene: &Scene, pace: Duration) -> (Vec<Answering>, JoinHandle<()>) {
    let mut endpoints = Vec::new();
    for (account, status) in [(REFUSING, 503), (FAILING, 500), (GONE, 410), (PAUSED, 204)] {
        let endpoint = Answering::with(status).await;
        scene.api.register(&scene.tokens, account, &endpoint.url()).await;
        endpoints.push(endpoint);
    }
    let (status, answer) = scene.act(PAUSED, "pause").await;
    assert_eq!(status, http::StatusCode::OK, "{answer}");
    for account in [ACCOUNT, REFUSING, FAILING, GONE, PAUSED] {
        for _ in 0..if account == FAILING { 2 } else { MESSAGES } {
            scene.publish(account, &json!({})).await;
        }
    }
    let good = Answering::with(204).await;
    for number in HEALTHY {
        scene.api.register(&scene.tokens, &healthy(number), &good.url()).await;
    }
    endpoints.push(good);
    for (account, state) in [(ACCOUNT, "hold"), (REFUSING, "hold"), (GONE, "suspended"), (PAUSED, "paused")] {
        scene.until(account, |shown| shown["state"] == *state).await;
    }
    scene.until(FAILING, |shown| shown["lastError"].is_string()).await;
    let (apis, tokens) = (scene.apis.clone(), scene.tokens.clone());
    let traffic = tokio::spawn(async move {
        let mut rng = fastrand::Rng::with_seed(7);
        loop {
            let api = rng.choice(&apis).unwrap();
            publish(api, &tokens, &healthy(rng.u64(HEALTHY)), &json!({})).await;
            tokio::time::sleep(pace.mul_f64(0.5 + rng.f64())).await;
        }
    });
    (endpoints, traffic)
}

fn healthy(number: u64) -> String {
    format!("0252012{number:03}-00001")
}

async fn first_of(scene: &Scene, query: &str) -> String {
    let (_, found) = scene.api.get(&format!("/api/ringback/v1/messages?{query}"), &scene.tokens).await;
    let messages = found["messages"].as_array().unwrap();
    messages.last().unwrap_or_else(|| panic!("no message: {query}"))["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_can_be_read_by_everybody_on_a_desk_at_night_and_on_a_phone() {
    let Some(axe) = axe() else { return };
    let Some(browser) = Driven::start().await else { return };
    let Some(home) = Home::postgres() else { return };
    let scene = Scene::open_with_dead(home, &["ash", "birch"], 3).await;
    let before = pictures();
    let pace = Duration::from_millis(if before.is_some() { 60 } else { 200 });
    let (_endpoints, traffic) = trouble(&scene, pace).await;
    browser.look(LOOKS[0]).await;
    browser.go(&format!("{}/console/login", scene.url)).await;
    seen(&browser, &axe, &page("login", "", "Log in with"), before.is_some()).await;
    browser.look(LOOKS[0]).await;
    browser.write("#username", "nobody").await;
    browser.write("#password", "wrong").await;
    browser.click("Log in").await;
    seen(&browser, &axe, &page(None, "", "is wrong"), false).await;
    scene.log_in(&browser, Hand::Mouse).await;
    if let Some(before) = before {
        tokio::time::sleep(before).await;
    }

    let pending = first_of(&scene, &format!("account={FAILING}&state=pending")).await;
    let dead = first_of(&scene, &format!("account={ACCOUNT}&state=dead")).await;
    let account = format!("/console/accounts/{ACCOUNT}");
    let overview = page("overview", "/console", "This node and the others");
    for one in [
        page("accounts", "/console/accounts", "Waiting the longest"),
        page(None, "/console/accounts?all=true", "By name"),
        page(None, "/console/accounts?prefix=nonsense", "must be the beginning"),
        page("account", account.as_str(), "On hold since"),
        page("replay", format!("{account}/replay"), "3 dead messages will be sent again"),
        page(None, format!("{account}/register"), "Replaces"),
        page(None, format!("{account}/deregister"), "Cancel"),
        page("messages", "/console/messages", "Found, the newest first"),
        page("message", format!("/console/messages/{pending}"), "Its life"),
        page("dead", format!("/console/messages/{dead}"), "its attempts are used up"),
        page(None, format!("/console/messages/{dead}/replay"), "fresh attempts"),
        page("live", "/console/live", "Connected."),
        page("audit", "/console/audit", "paused the account"),
        page(None, "/console/nowhere", "The console has no page"),
        overview,
    ] {
        browser.look(LOOKS[0]).await;
        browser.go(&format!("{}{}", scene.url, one.path)).await;
        seen(&browser, &axe, &one, before.is_some()).await;
    }
    // Each node knows of itself and of the other.
    let overview = browser.text().await;
    assert!(overview.contains("ash (this one)") && overview.contains("birch"), "{overview}");
    assert_eq!(overview.matches("serving").count(), 2, "{overview}");
    traffic.abort();
    browser.end().await;
}

/// Looks at the page that is open in every way.
async fn seen(browser: &Driven, axe: &str, page: &Seen, kept: bool) {
    browser.reads(page.awaited).await;
    if page.path.ends_with("/live") {
        browser.holds("return document.querySelectorAll('#happenings tr').length >= 6").await;
    }
    browser.run(axe).await;
    for look in LOOKS {
        browser.look(look).await;
        let is = format!("{} on {}", look.name, page.path);
        assert_eq!(browser.run(FINDINGS).await, json!([]), "{is}");
        assert_eq!(browser.run(TOO_WIDE).await, json!([]), "{is}");
        if let Some(name) = page.name.filter(|_| kept) {
            keep(name, look, &browser.picture(look, TALLEST).await);
        }
    }
}

fn keep(name: &str, look: Look, picture: &[u8]) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/console");
    std::fs::write(folder.join(format!("{name}-{}.png", look.name)), picture).unwrap();
}
