//! The bounds of what is remembered in memory.

use std::sync::Arc;
use std::time::Duration;

use ringback_listener::{DeliveryKey, ManualClock, MemoryStore, SeenStore as _};

use crate::cast::ACCOUNT;

fn key(id: u32) -> DeliveryKey {
    DeliveryKey { account: ACCOUNT.into(), id: format!("msg_{id}"), replay: false }
}

#[tokio::test]
async fn beyond_its_capacity_the_oldest_is_forgotten() {
    let store = MemoryStore::new().capacity(3);
    for id in 1..=5 {
        store.remember(&key(id)).await.unwrap();
    }
    assert_eq!(store.len(), 3);
    for id in 1..=5 {
        assert_eq!(store.is_handled(&key(id)).await.unwrap(), id > 2, "{id}");
    }
}

#[tokio::test]
async fn without_capacity_nothing_is_remembered() {
    let store = MemoryStore::new().capacity(0);
    store.remember(&key(1)).await.unwrap();
    assert!(store.is_empty());
}

#[tokio::test]
async fn replays_are_forgotten_sooner_and_what_is_past_its_time_takes_no_room() {
    let clock = ManualClock::at(0);
    let second = Duration::from_secs(1);
    let store = MemoryStore::with_clock(Arc::new(clock.clone())).keep(10 * second, second);
    let replay = DeliveryKey { replay: true, ..key(1) };
    store.remember(&key(1)).await.unwrap();
    store.remember(&replay).await.unwrap();
    clock.advance(second);
    assert!(!store.is_handled(&replay).await.unwrap());
    assert!(store.is_handled(&key(1)).await.unwrap());
    clock.advance(9 * second);
    store.remember(&key(2)).await.unwrap();
    assert_eq!(store.len(), 1);
}

#[tokio::test]
async fn what_is_remembered_anew_is_kept_from_then_on() {
    let clock = ManualClock::at(0);
    let second = Duration::from_secs(1);
    let store = MemoryStore::with_clock(Arc::new(clock.clone())).keep(10 * second, second);
    store.remember(&key(1)).await.unwrap();
    clock.advance(6 * second);
    store.remember(&key(1)).await.unwrap();
    clock.advance(6 * second);
    store.remember(&key(2)).await.unwrap();
    assert!(store.is_handled(&key(1)).await.unwrap());
    assert_eq!(store.len(), 2);
}
