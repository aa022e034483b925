//! What goes wrong inside: a full file, a contradiction, a panic, another database in the place of this one.
#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex, mpsc};

use bytes::Bytes;
use ringback_delivery::{AccountId, MessageKind, Standing, Timestamp};
use tempfile::TempDir;

use super::fault::Fault;
use super::{SqliteOptions, SqliteStore};
use crate::{
    Admission, CommitListener, Credentials, Dispatching, Fresh, NewMessage, Publishing, Registration,
    Registrations, Secret, StoreError,
};

const NOW: Timestamp = Timestamp::from_millis(1_750_000_000_000);

fn account() -> AccountId {
    AccountId::from_number(25_201_234_500_001).unwrap()
}

fn message(bytes: usize) -> NewMessage {
    NewMessage {
        account: account(),
        kind: MessageKind::FirmwareList,
        key: None,
        idempotency: None,
        content: Bytes::from(vec![b'x'; bytes]).into(),
    }
}

async fn registered() -> (TempDir, SqliteStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(SqliteOptions::server(folder.path().join("ringback.db"))).unwrap();
    let registration = Registration { url: Secret::new("https://x"), username: None, password: None };
    store.register(NOW, account(), registration).await.unwrap();
    (folder, store)
}

async fn accept(store: &SqliteStore) -> u64 {
    match store.accept(NOW, vec![message(10)]).await.unwrap().as_slice() {
        [Admission::Queued(id)] => id.sequence.0,
        other => panic!("{other:?}"),
    }
}

/// Hears whose commits were in doubt.
#[derive(Default)]
struct Doubtful(Mutex<Vec<AccountId>>);

impl CommitListener for Doubtful {
    fn accepted(&self, _: Vec<Fresh>) {}

    fn standing_changed(&self, _: AccountId, _: Standing) {}

    fn missed(&self, accounts: Vec<AccountId>) {
        self.0.lock().unwrap().extend(accounts);
    }
}

#[tokio::test]
async fn a_full_disk_refuses_and_what_was_kept_stays_and_counts_on() {
    let (_folder, store) = registered().await;
    accept(&store).await;
    // This connection's file may not grow any more; a new connection's may.
    store
        .write(|work| {
            let pages: i64 = work.connection.query_row("PRAGMA page_count", [], |row| row.get(0))?;
            work.connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))?;
            Ok(())
        })
        .await
        .unwrap();
    let doubtful = Arc::new(Doubtful::default());
    store.listen(doubtful.clone());
    let refused = store.accept(NOW, vec![message(1), message(100_000)]).await;
    assert!(matches!(refused, Err(StoreError::Full)), "{refused:?}");
    assert_eq!(accept(&store).await, 2);
    // What is on the disk after a failure is found when the database is opened anew: then the lane has to look.
    assert_eq!(*doubtful.0.lock().unwrap(), [account()]);
    let standing = store.standing(account()).await.unwrap();
    assert_eq!(standing.last_sequence.0, 2);
}

#[tokio::test]
async fn a_panic_is_answered_and_the_writer_goes_on() {
    let (_folder, store) = registered().await;
    let answer: Result<(), StoreError> = store.write(|_| panic!("on purpose")).await;
    assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
    assert_eq!(accept(&store).await, 1);
}

#[tokio::test]
async fn what_contradicts_the_store_fails_alone_in_its_batch() {
    let (_folder, store) = registered().await;
    let store = std::sync::Arc::new(store);
    let (inside, is_inside) = mpsc::channel();
    let (let_go, go) = mpsc::channel::<()>();
    let mut tasks = tokio::task::JoinSet::new();
    let held = std::sync::Arc::clone(&store);
    tasks.spawn(async move {
        held.write(move |_| {
            inside.send(()).unwrap();
            let _ = go.recv();
            Ok(())
        })
        .await
        .unwrap();
    });
    tokio::task::yield_now().await;
    is_inside.recv().unwrap();

    let commits = store.commits();
    let (a, b, c, ()) = tokio::join!(
        store.accept(NOW, vec![message(10)]),
        store.write(|work| {
            work.connection.execute("UPDATE account SET last_turn = 77", [])?;
            work.connection.execute("INSERT INTO store (only, mark) VALUES (1, x'00')", [])?;
            Ok(())
        }),
        store.set_pull(NOW, account(), true),
        // Polled last: the three wait for the writer by then.
        async { drop(let_go) }
    );
    assert!(matches!(a.unwrap().as_slice(), [Admission::Queued(id)] if id.sequence.0 == 1));
    assert!(matches!(b, Err(StoreError::Damaged(_))), "{b:?}");
    assert!(c.unwrap().pull);
    // One for what held the writer up, one for the three.
    assert_eq!(store.commits() - commits, 2);
    assert_eq!(store.standing(account()).await.unwrap().last_turn.0, 1);
}

#[tokio::test]
async fn messages_that_contradict_the_store_fail_and_others_of_the_batch_do_not() {
    let (_folder, store) = registered().await;
    accept(&store).await;
    // A number that was given already: the row that says so was set back.
    store
        .write(|work| Ok(work.connection.execute("UPDATE account SET last_sequence = 0", [])?))
        .await
        .unwrap();
    let (a, b) = tokio::join!(
        store.accept(NOW, vec![message(10)]),
        store.write(|work| Ok(work.connection.execute("UPDATE store SET credentials_version = 9", [])?))
    );
    assert!(matches!(a, Err(StoreError::Damaged(_))), "{a:?}");
    b.unwrap();
    assert_eq!(store.credentials_version().await.unwrap(), 9);
}

#[tokio::test]
async fn another_database_in_its_place_is_not_written_to() {
    let (folder, store) = registered().await;
    let path = folder.path().join("ringback.db");
    for file in ["ringback.db", "ringback.db-wal", "ringback.db-shm"] {
        std::fs::remove_file(folder.path().join(file)).unwrap();
    }
    drop(SqliteStore::open(SqliteOptions::admin(&path)).unwrap());
    // The writer still has its own file, until it has to open it anew.
    let _: Result<(), StoreError> = store.write(|_| panic!("on purpose")).await;
    let refused = store.accept(NOW, vec![message(10)]).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    drop(store);
    let other = SqliteStore::open(SqliteOptions::server(&path)).unwrap();
    assert_eq!(other.standing(account()).await.unwrap(), Default::default());
}

#[tokio::test]
async fn a_read_that_fails_leaves_the_reader_fit_for_the_next() {
    let (_folder, store) = registered().await;
    let failed: Result<(), _> = store.read(|_| Err(Fault::damaged("on purpose"))).await;
    assert!(matches!(failed, Err(StoreError::Damaged(_))));
    let write = store.read(|connection| Ok(connection.execute("DELETE FROM account", [])?)).await;
    assert!(write.is_err(), "a reader wrote");
    assert!(store.standing(account()).await.unwrap().registered);
}
