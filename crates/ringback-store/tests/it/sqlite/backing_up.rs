//! A copy of a database that is in use.

use std::os::unix::fs::PermissionsExt as _;

use ringback_store::Upkeep as _;
use ringback_store::sqlite::{BackupError, SqliteOptions, SqliteStore, back_up};

use crate::cast::*;

fn folder() -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("ringback.db");
    (folder, database)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_holds_one_moment_whatever_is_written_meanwhile_and_opens_with_the_key_alone() {
    let (folder, database) = folder();
    let store = SqliteStore::open(SqliteOptions::server(&database)).unwrap();
    register(&store, ONE).await;
    // More than one step, so that the writer writes between two of them.
    for body in 0..12 {
        accept(&store, at(0), message(ONE, &format!("{body}").repeat(500_000))).await;
    }
    let copy = folder.path().join("copy.db");
    let runtime = tokio::runtime::Handle::current();
    let mut steps = 0;
    let bytes = tokio::task::block_in_place(|| {
        back_up(&database, &copy, |done, all| {
            assert!(done <= all);
            steps += 1;
            runtime.block_on(accept(&store, at(1), message(ONE, "meanwhile")));
        })
    })
    .unwrap();
    assert!(steps > 2, "{steps} steps");
    assert_eq!(std::fs::metadata(&copy).unwrap().len(), bytes);
    assert_eq!(std::fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(queue(&store, ONE).await.len(), 12 + steps);
    drop(store);

    let names: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!names.iter().any(|name| name.to_str().unwrap().contains(".part")), "{names:?}");
    let missing = SqliteStore::open(SqliteOptions::server(&copy));
    assert!(missing.is_err(), "a copy without its key must not open");
    std::fs::copy(folder.path().join("ringback.db.key"), folder.path().join("copy.db.key")).unwrap();
    let restored = SqliteStore::open(SqliteOptions::server(&copy)).unwrap();
    assert_eq!(queue(&restored, ONE).await.len(), 12);
    assert!(restored.verify().await.unwrap().discrepancies.is_empty());
}

#[test]
fn a_copy_replaces_nothing_and_is_of_ringbacks_databases_only() {
    let (folder, database) = folder();
    drop(SqliteStore::open(SqliteOptions::server(&database)).unwrap());
    let there = folder.path().join("there");
    std::fs::write(&there, "precious").unwrap();
    assert!(matches!(back_up(&database, &there, |_, _| {}), Err(BackupError::Exists(_))));
    assert_eq!(std::fs::read_to_string(&there).unwrap(), "precious");
    let other = folder.path().join("other.db");
    rusqlite::Connection::open(&other).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
    let to = folder.path().join("copy.db");
    assert!(matches!(back_up(&other, &to, |_, _| {}), Err(BackupError::NotOurs(_))));
    let nowhere = folder.path().join("no-such-folder/copy.db");
    assert!(matches!(back_up(&database, &nowhere, |_, _| {}), Err(BackupError::Write { .. })));
    assert!(matches!(back_up(&folder.path().join("none.db"), &to, |_, _| {}), Err(BackupError::Read { .. })));
    assert!(!to.exists());
}
