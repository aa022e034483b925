//! A commit that stopped waiting for its standby is none, for whoever asked: it may be on the primary alone.

use std::time::{Duration, Instant};

use ringback_delivery::MessageState;
use ringback_store::{
    Admission, Dispatching as _, PostgresStore, Publishing as _, Registrations as _, Role, Sharing as _,
    StoreError,
};
use ringback_testbed::{Database, Postgres};

use super::{options, own_everything};
use crate::cast::*;

const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_wait_for_the_standby_is_cancelled_counts_as_failed() {
    let Some(postgres) = Postgres::own() else { return };
    let standby = postgres.synchronous_standby().await;
    // It goes before the standby, which what drops it waits for.
    let database = postgres.database();
    let store = PostgresStore::connect(options(&database, Role::Server)).await.unwrap();
    own_everything(&store).await;
    register(&store, ONE).await;
    accept(&store, at(1), named(ONE, 1, 1)).await;
    assert_eq!(store.synchronous_standbys().await.unwrap(), Some(1));

    standby.stop();
    let publishing = async { store.accept(at(2), vec![named(ONE, 2, 2)]).await.map(drop) };
    assert_fails_for_the_standby(publishing, &database).await;
    let row = waiting(&store, ONE).await[0];
    let recording = async { store.record(at(3), vec![delivered(ONE, &row)], Vec::new()).await };
    assert_fails_for_the_standby(recording, &database).await;
    let pausing = async { store.pause(at(4), account(TWO)).await.map(drop) };
    assert_fails_for_the_standby(pausing, &database).await;

    // Sent again with its key, it is known for what it is.
    standby.start();
    let again = store.accept(at(5), vec![named(ONE, 2, 2)]).await.unwrap();
    assert!(matches!(again[..], [Admission::Duplicate(_, MessageState::Pending)]), "{again:?}");
}

/// Cancels every wait for the standby for a while, as an impatient operator would.
async fn cancel_the_waits(database: &Database<'_>) {
    let cancel = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity
                  WHERE datname = current_database() AND wait_event = 'SyncRep'";
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        database.psql(cancel);
        tokio::task::yield_now().await;
    }
}

async fn assert_fails_for_the_standby(
    act: impl Future<Output = Result<(), StoreError>>,
    database: &Database<'_>,
) {
    let done = tokio::select! {
        done = act => done,
        () = cancel_the_waits(database) => panic!("nothing comes of it"),
    };
    let error = done.unwrap_err().to_string();
    assert!(error.contains("standby"), "{error}");
}
