//! Looking at a store as a reader of the stories would.

use std::time::Duration;

use bytes::Bytes;
use ringback_delivery::{MessageId, Timestamp, Turn};
use ringback_store::{
    Admission, Attempt, Counts, LedgerReport, Message, MessageFilter, NewMessage, Page, Reach, Retention,
    Store, Swept,
};

use crate::cast::*;

/// Steps or pages after which something that ends has not ended.
const ENDLESS: usize = 10_000;

/// Every message that there is.
pub fn everything() -> MessageFilter {
    MessageFilter {
        reach: Reach::Every,
        account: None,
        state: None,
        kind: None,
        since: None,
        until: None,
        with_bodies: false,
    }
}

/// Every message of one account.
pub fn of(number: u64) -> MessageFilter {
    MessageFilter { account: Some(account(number)), ..everything() }
}

/// All the pages of a search.
pub async fn pages(store: &dyn Store, filter: &MessageFilter, limit: usize) -> Vec<Page<Message>> {
    let mut pages: Vec<Page<Message>> = Vec::new();
    for _ in 0..ENDLESS {
        let before = pages.last().and_then(|page| page.next);
        let page = store.search(filter.clone(), before, limit).await.unwrap();
        assert!(page.items.len() <= limit);
        let is_last = page.next.is_none();
        pages.push(page);
        if is_last {
            return pages;
        }
    }
    panic!("a search without an end");
}

/// Whose they are, and their numbers.
pub fn names(messages: &[Message]) -> Vec<(u64, u64)> {
    messages.iter().map(|message| (message.id.account.number(), message.id.sequence.0)).collect()
}

/// What a search finds on all its pages.
pub async fn found(store: &dyn Store, filter: &MessageFilter) -> Vec<(u64, u64)> {
    let pages = pages(store, filter, 100).await;
    pages.iter().flat_map(|page| names(&page.items)).collect()
}

/// One message, as it stands.
pub async fn seen(store: &dyn Store, id: MessageId) -> Message {
    store.message(id).await.unwrap().unwrap().0
}

/// Its attempts.
pub async fn attempts(store: &dyn Store, id: MessageId) -> Vec<Attempt> {
    store.message(id).await.unwrap().unwrap().1
}

/// An account's ledger.
pub async fn counts(store: &dyn Store, number: u64) -> Counts {
    store.account(account(number)).await.unwrap().counts
}

/// Accepts messages that nothing speaks against, in one batch.
pub async fn accept_all(store: &dyn Store, now: Timestamp, messages: Vec<NewMessage>) -> Vec<MessageId> {
    let admissions = store.accept(now, messages).await.unwrap();
    let ids = admissions.iter().map(|admission| match admission {
        Admission::Queued(id) => *id,
        other => panic!("not queued: {other:?}"),
    });
    ids.collect()
}

/// So many messages of an account, each with its own body.
pub async fn accept_many(store: &dyn Store, now: Timestamp, number: u64, count: usize) -> Vec<MessageId> {
    let messages = (0..count).map(|n| message(number, &format!("{number} {n}"))).collect();
    accept_all(store, now, messages).await
}

/// Delivers all that waits for an account, at its first attempt or at a later one.
pub async fn deliver_all(store: &dyn Store, now: Timestamp, number: u64) {
    loop {
        let rows = waiting(store, number).await;
        if rows.is_empty() {
            return;
        }
        let outcomes = rows.iter().map(|row| delivered(number, row)).collect();
        store.record(now, outcomes, Vec::new()).await.unwrap();
    }
}

/// Lets all that waits for an account die.
pub async fn kill_all(store: &dyn Store, now: Timestamp, number: u64) {
    loop {
        let rows = waiting(store, number).await;
        if rows.is_empty() {
            return;
        }
        let outcomes = rows.iter().map(|row| dead(number, row)).collect();
        store.record(now, outcomes, Vec::new()).await.unwrap();
    }
}

/// Sweeps a step of an account, by what is known of it now.
pub async fn sweep(store: &dyn Store, now: Timestamp, number: u64, under_way: Vec<Turn>) -> Swept {
    let standing = store.standing(account(number)).await.unwrap();
    store.sweep(now, account(number), standing, under_way).await.unwrap()
}

/// Sweeps an account to the end.
pub async fn sweep_all(store: &dyn Store, now: Timestamp, number: u64) {
    for _ in 0..ENDLESS {
        if sweep(store, now, number, Vec::new()).await == Swept::Done {
            return;
        }
    }
    panic!("a sweep without an end");
}

/// Does the retention's steps to the end; how many there were.
pub async fn retire_all(store: &dyn Store, now: Timestamp, retention: Retention) -> usize {
    for steps in 1..ENDLESS {
        if store.retire(now, retention).await.unwrap() == Swept::Done {
            return steps;
        }
    }
    panic!("a retention without an end");
}

/// Does the steps of all replays to the end; how many there were.
pub async fn replay_all(store: &dyn Store, now: Timestamp) -> usize {
    for steps in 1..ENDLESS {
        if store.replay_step(now).await.unwrap() == Swept::Done {
            return steps;
        }
    }
    panic!("a replay without an end");
}

/// An hour for the finished, ten for the dead, however many bytes.
pub fn short() -> Retention {
    let hour = Duration::from_secs(3600);
    Retention { finished: hour, dead: 10 * hour, bytes: None }
}

/// A moment of the stories, in hours after their beginning.
pub fn hour(hours: i64) -> Timestamp {
    at(hours * 3600)
}

/// The ledger, which adds up.
pub async fn verified(store: &dyn Store) -> LedgerReport {
    let report = store.verify().await.unwrap();
    assert_eq!(report.discrepancies, []);
    let counts = report.counts;
    let finished = counts.delivered + counts.dead + counts.cancelled;
    let dropped = counts.dropped_delivered + counts.dropped_dead + counts.dropped_cancelled;
    assert_eq!(counts.accepted, counts.pending + finished + dropped);
    report
}

/// A body, as text.
pub fn text(body: Option<&Bytes>) -> &str {
    std::str::from_utf8(body.unwrap()).unwrap()
}
