//! What a store refuses for want of room.

use std::path::Path;

use ringback_store::{Admission, Dispatching, Limits, Publishing, SqliteOptions, SqliteStore, StoreError};

use super::database;
use crate::cast::*;
use crate::looking::sweep;

fn open(folder: &Path, limits: Limits) -> SqliteStore {
    SqliteStore::open(SqliteOptions { limits, ..SqliteOptions::server(database(folder)) }).unwrap()
}

fn is_full(admission: &Admission) -> bool {
    matches!(admission, Admission::AccountFull | Admission::StoreFull)
}

#[tokio::test]
async fn an_account_has_so_many_pending_messages_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), Limits { pending_per_account: 3, ..Limits::default() });
    register(&store, ONE).await;
    register(&store, TWO).await;
    let batch = (1..=5).map(|key| named(ONE, key, key)).chain([message(TWO, "x")]).collect();
    let admissions = store.accept(at(0), batch).await.unwrap();
    assert_eq!(admissions[3..5], [Admission::AccountFull, Admission::AccountFull]);
    assert!(!is_full(&admissions[5]));
    // What was refused is not remembered; a duplicate is one even now; an outcome makes room.
    assert_eq!(store.accept(at(1), vec![named(ONE, 4, 4)]).await.unwrap(), [Admission::AccountFull]);
    assert!(matches!(
        store.accept(at(1), vec![named(ONE, 1, 1)]).await.unwrap()[0],
        Admission::Duplicate(_, ringback_delivery::MessageState::Pending)
    ));
    let rows = waiting(&store, ONE).await;
    store.record(at(2), vec![dead(ONE, &rows[1])], Vec::new()).await.unwrap();
    assert_eq!(accept(&store, at(3), named(ONE, 4, 4)).await.sequence.0, 4);
    assert_eq!(store.accept(at(4), vec![message(ONE, "x")]).await.unwrap(), [Admission::AccountFull]);
}

#[tokio::test]
async fn all_together_have_so_many_pending_messages_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits { pending_in_all: 3, ..Limits::default() };
    let store = open(folder.path(), limits);
    register(&store, ONE).await;
    register(&store, TWO).await;
    accept(&store, at(0), message(ONE, "x")).await;
    accept(&store, at(0), message(TWO, "x")).await;
    let rows = waiting(&store, ONE).await;
    store.record(at(1), vec![delivered(ONE, &rows[0]), delivered(ONE, &rows[0])], Vec::new()).await.unwrap();
    let batch = (0..3).map(|_| message(ONE, "x")).collect();
    let admissions = store.accept(at(2), batch).await.unwrap();
    assert_eq!(admissions.iter().map(is_full).collect::<Vec<_>>(), [false, false, true]);
    drop(store);

    let store = open(folder.path(), limits);
    assert_eq!(store.accept(at(3), vec![message(TWO, "x")]).await.unwrap(), [Admission::StoreFull]);
    let rows = waiting(&store, ONE).await;
    store.record(at(4), vec![delivered(ONE, &rows[0])], Vec::new()).await.unwrap();
    accept(&store, at(5), message(TWO, "x")).await;
    assert_eq!(store.accept(at(6), vec![message(TWO, "x")]).await.unwrap(), [Admission::StoreFull]);
    // A sweep makes room too.
    ringback_store::Registrations::acknowledge(&store, at(7), account(TWO), 2).await.unwrap();
    sweep(&store, at(8), TWO, Vec::new()).await;
    let batch = (0..3).map(|_| message(TWO, "x")).collect();
    let admissions = store.accept(at(9), batch).await.unwrap();
    assert_eq!(admissions.iter().map(is_full).collect::<Vec<_>>(), [false, false, true]);
}

#[cfg(unix)]
#[tokio::test]
async fn below_the_reserve_nothing_is_accepted_and_outcomes_are_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path(), Limits::default());
    register(&store, ONE).await;
    accept(&store, at(0), message(ONE, "x")).await;
    drop(store);

    let store = open(folder.path(), Limits { free_space_reserve: u64::MAX, ..Limits::default() });
    let refused = store.accept(at(1), vec![message(ONE, "y")]).await;
    assert!(matches!(refused, Err(StoreError::Full)), "{refused:?}");
    let rows = waiting(&store, ONE).await;
    store.record(at(2), vec![delivered(ONE, &rows[0])], Vec::new()).await.unwrap();
    assert_eq!(queue(&store, ONE).await, [0; 0]);
}
