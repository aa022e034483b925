//! A server takes up a large backlog quickly and in little memory, dead endpoints among the good.

use std::collections::HashSet;
use std::path::Path;
use std::time::Instant;

use bytes::Bytes;
use http::StatusCode;
use ringback_delivery::{AccountId, MessageKind, OrderingKey};
use ringback_server::clock::Clock;
use ringback_store::{
    Admission, NewMessage, Publishing as _, Registration, Registrations as _, Secret, SqliteOptions,
    SqliteStore,
};
use tempfile::tempdir;

use crate::api::{Api, Tokens};
use crate::bad_endpoints::refused_url;
use crate::listener::{Listener, loopback};
use crate::program::{PATIENCE, Program};
use crate::stage::{SERVE, account, alone, scale};

/// Of every day; ten times as many are the promise: 1,000,000 of 10,000 accounts.
const MESSAGES: usize = 100_000;
const ACCOUNTS: usize = 1000;
/// One account in so many is dead.
const DEAD: usize = 10;
/// The promise.
const MOST_KIB: u64 = 150 * 1024;
const BATCH: usize = 2000;
const KEYS: usize = 5;

fn is_dead(number: usize) -> bool {
    number.is_multiple_of(DEAD)
}

/// Accepts the whole backlog, as a server that could not deliver would have.
async fn fill(folder: &Path, listener: &Listener, accounts: usize, messages: usize, body: usize) {
    let store = SqliteStore::open(SqliteOptions::server(folder.join("ringback.db"))).unwrap();
    let ids: Vec<AccountId> = (0..accounts).map(|number| account(number).parse().unwrap()).collect();
    let (dead, clock) = (refused_url().await, Clock::system());
    for (number, id) in ids.iter().enumerate() {
        let url = if is_dead(number) {
            dead.replace("127.0.0.1", &loopback(number).to_string())
        } else {
            listener.url_at(number)
        };
        let registration = Registration { url: Secret::new(url), username: None, password: None };
        store.register(clock.now(), *id, registration).await.unwrap();
    }
    let padding = "x".repeat(body.saturating_sub(32));
    let bodies: Vec<Bytes> = (0..messages.min(BATCH))
        .map(|number| Bytes::from(format!(r#"{{"number":{number:05},"pad":"{padding}"}}"#)))
        .collect();
    for first in (0..messages).step_by(BATCH) {
        let batch = (first..messages.min(first + BATCH)).map(|number| NewMessage {
            account: ids[number % accounts],
            kind: MessageKind::UpgradeProgress,
            key: Some(OrderingKey((number / accounts % KEYS) as i64)),
            idempotency: None,
            content: bodies[number - first].clone().into(),
        });
        let admissions = store.accept(clock.now(), batch.collect()).await.unwrap();
        assert!(admissions.iter().all(|admission| matches!(admission, Admission::Queued(_))));
    }
}

/// The most memory that a process has had at once, in KiB; `None` where the system does not tell.
fn most_memory(program: &Program) -> Option<u64> {
    let path = format!("/proc/{}/status", program.pid().as_raw_nonzero());
    let status = std::fs::read_to_string(path).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_backlog_is_taken_up_at_once_and_runs_in_little_memory() {
    let _stage = alone().await;
    rlimit::increase_nofile_limit(u64::MAX).unwrap();
    let (accounts, messages) = (ACCOUNTS * scale(), MESSAGES * scale());
    let body = if scale() < 10 { 200 } else { 1024 };
    let folder = tempdir().unwrap();
    let listener = Listener::everywhere().await;
    let begun = Instant::now();
    fill(folder.path(), &listener, accounts, messages, body).await;
    eprintln!(
        "{messages} messages of {body} bytes for {accounts} accounts accepted in {:?}",
        begun.elapsed()
    );

    let begun = Instant::now();
    let mut server = Program::start(folder.path(), &SERVE);
    let api = Api::new(&server.url());
    let (status, _) = api.get("/readyz", &Tokens::default()).await;
    assert_eq!(status, StatusCode::OK);
    let ready = begun.elapsed();
    assert!(ready < PATIENCE);

    let good = (0..messages).filter(|number| !is_dead(number % accounts)).count();
    let mut arrived = HashSet::with_capacity(good);
    let mut looked_at = 0;
    let mut first = None;
    listener
        .until("the delivery of all that goes to good endpoints", |arrivals| {
            for arrival in &arrivals[looked_at..] {
                first.get_or_insert_with(|| begun.elapsed());
                arrived.insert((arrival.id.clone(), arrival.sequence));
            }
            looked_at = arrivals.len();
            arrived.len() >= good
        })
        .await;
    let took = begun.elapsed();
    let most = most_memory(&server);
    eprintln!(
        "ready after {ready:?}, the first callback after {first:?}, all {good} after {took:?} ({:.0}/s); at most {most:?} KiB",
        good as f64 / took.as_secs_f64()
    );
    assert_eq!((arrived.len(), looked_at), (good, good), "each came once");
    assert!(most.is_none_or(|most| most <= MOST_KIB), "{most:?} KiB");
    assert!(server.stop().success());
}
