//! A store with a million accounts: its pages answer quickly.

use std::path::Path;
use std::time::{Duration, Instant};

use super::driver::Driven;
use super::hand::Hand;
use super::scene::{ACCOUNT, Home, Scene};

const ACCOUNTS: u64 = 1_000_000;
/// A page that takes longer than this makes one wait. It is many times what it takes: the machine may be busy.
const QUICK: Duration = Duration::from_secs(2);

/// Fills a store as accounts that were registered and served for a while would have: by hand, as a million commits take
/// too long for a test.
fn fill(folder: &Path) {
    let database = folder.join("ringback.db");
    drop(ringback_store::SqliteStore::open(ringback_store::SqliteOptions::server(&database)).unwrap());
    let connection = rusqlite::Connection::open(&database).unwrap();
    connection
        .execute_batch(&format!(
            "PRAGMA synchronous = OFF;
             BEGIN;
             INSERT INTO account (account, last_sequence, last_turn, generation, registered)
             SELECT 25201000000001 + value * 7, 10, 10, 1, 1 FROM (
                 WITH RECURSIVE n(value) AS (SELECT 0 UNION ALL SELECT value + 1 FROM n WHERE value < {ACCOUNTS} - 1)
                 SELECT value FROM n);
             INSERT INTO lane (account, successes, health, failures, since, probe_at, trouble, delivered, dead, dropped_delivered)
             SELECT account, 9, account % 1000 = 1, 0,
                 CASE WHEN account % 1000 = 1 THEN 1767225600000 + account % 86400000 END,
                 CASE WHEN account % 1000 = 1 THEN 1767225700000 END,
                 CASE WHEN account % 1000 = 1 THEN 503 END,
                 2, account % 500 = 2, 8 - (account % 500 = 2) FROM account;
             COMMIT;"
        ))
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_million_accounts_are_looked_over_quickly() {
    let Some(browser) = Driven::start().await else { return };
    let folder = tempfile::tempdir().unwrap();
    fill(folder.path());
    let scene = Scene::open_at(Home::Sqlite(folder), &["one"]).await;
    scene.log_in(&browser, Hand::Mouse).await;
    // The sum of them all takes a moment; nothing waits for it.
    browser.reads("1\u{202f}000\u{202f}000").await;
    let headline = browser.reads("Callbacks don't arrive for 1\u{202f}").await;
    assert!(headline.contains("adds up"), "{headline}");
    let known = "0252010000-00001";
    for (path, awaited) in [
        ("/console", "Callbacks don't arrive"),
        ("/console/accounts", "The worst 100 are shown."),
        ("/console/accounts?all=true", "Next page"),
        ("/console/accounts?prefix=0252015", "Accounts that begin with 0252015"),
        ("/console/messages", "Found, the newest first"),
        (&format!("/console/accounts/{known}"), known),
        (&format!("/console/accounts/{ACCOUNT}"), ACCOUNT),
    ] {
        let began = Instant::now();
        browser.go(&format!("{}{path}", scene.url)).await;
        browser.reads(awaited).await;
        let took = began.elapsed();
        eprintln!("{path}: {} ms", took.as_millis());
        assert!(took < QUICK, "{path} took {took:?}");
    }
    browser.end().await;
}
