//! What is left when the power goes.

use std::fs;
use std::path::Path;

use ringback_store::{Dispatching, Publishing, Registrations, SqliteOptions, SqliteStore};
use tempfile::TempDir;

use super::ledger::the_rows_agree;
use super::{database, look, new_store, number};
use crate::cast::*;

/// The files as they are at this moment on the disk, with a store at work on them.
fn power_cut(folder: &Path) -> TempDir {
    let left = tempfile::tempdir().unwrap();
    for name in ["ringback.db", "ringback.db-wal", "ringback.db.key"] {
        fs::copy(folder.join(name), left.path().join(name)).unwrap();
    }
    left
}

fn open(folder: &Path) -> SqliteStore {
    SqliteStore::open(SqliteOptions::server(database(folder))).unwrap()
}

#[tokio::test]
async fn what_was_answered_is_there_after_a_power_cut() {
    let (folder, store) = new_store();
    register(&store, ONE).await;
    for key in 1..=20 {
        accept(&store, at(0), named(ONE, key, key)).await;
        if key % 3 == 0 {
            let row = waiting(&store, ONE).await[0];
            store.record(at(1), vec![delivered(ONE, &row)], Vec::new()).await.unwrap();
        }
        let left = power_cut(folder.path());
        let again = open(left.path());
        assert_eq!(waiting(&again, ONE).await, waiting(&store, ONE).await);
        let positions = waiting(&again, ONE).await.iter().map(|row| row.position).collect();
        assert!(again.contents(positions).await.unwrap().iter().all(Option::is_some));
        the_rows_agree(&look(left.path()));
    }
}

#[tokio::test]
async fn a_log_that_ends_anywhere_gives_whole_commits_up_to_there() {
    let (folder, store) = new_store();
    register(&store, ONE).await;
    for key in 1..=8 {
        let batch = vec![named(ONE, key, key), ordered(ONE, 1, "two of a kind")];
        store.accept(at(0), batch).await.unwrap();
    }
    let whole = fs::read(folder.path().join("ringback.db-wal")).unwrap();
    let mut most = 0;
    // Lengths that end in frames as well as between them.
    for length in (0..=whole.len()).step_by(3001).chain([whole.len()]) {
        let left = power_cut(folder.path());
        fs::write(left.path().join("ringback.db-wal"), &whole[..length]).unwrap();
        let again = open(left.path());
        let kept = number(&look(left.path()), "SELECT count(*) FROM message");
        assert!(kept % 2 == 0 && kept >= most, "{kept} after {most}");
        most = kept;
        the_rows_agree(&look(left.path()));
        // And it goes on from there.
        let standing = again.standing(account(ONE)).await.unwrap();
        assert_eq!(i64::try_from(standing.last_sequence.0).unwrap(), kept);
        if standing.registered {
            let next = accept(&again, at(1), message(ONE, "next")).await;
            assert_eq!(next.sequence.0, standing.last_sequence.0 + 1);
        }
    }
    assert_eq!(most, 16);
}
