//! The SQLite store: the whole story, and what is its own.

mod backing_up;
mod committing;
mod crash;
mod history;
mod lanes_told;
mod ledger;
mod limits;
mod opening;
mod replay_jobs;
mod retention;
mod rotating;
mod upheaval;
mod verifying;

use std::path::{Path, PathBuf};

use ringback_store::{SqliteOptions, SqliteStore};
use rusqlite::Connection;
use tempfile::TempDir;

crate::story::tell_the_story!(crate::sqlite::told_store);

async fn told_store() -> Option<(TempDir, SqliteStore)> {
    Some(new_store())
}

/// A store in a folder of its own.
pub fn new_store() -> (TempDir, SqliteStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(SqliteOptions::server(database(folder.path()))).unwrap();
    (folder, store)
}

/// The database's place in a folder.
pub fn database(folder: &Path) -> PathBuf {
    folder.join("ringback.db")
}

/// Looks into the database from outside.
pub fn look(folder: &Path) -> Connection {
    Connection::open(database(folder)).unwrap()
}

/// One number from the database.
pub fn number(connection: &Connection, query: &str) -> i64 {
    connection.query_row(query, [], |row| row.get(0)).unwrap()
}
