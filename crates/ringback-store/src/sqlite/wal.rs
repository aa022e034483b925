//! The bound of the write-ahead log.
//!
//! SQLite starts the log anew by itself whenever a checkpoint has moved all of it into the database and nobody reads
//! from it. Only a read that goes on and on can keep it from that; then the writer waits for a moment, once in a while.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::connection::{LOG_LIMIT, WRITER_PATIENCE, beside};

/// How often, in commits, the log's size is looked at.
const LOOK: u64 = 16;
/// How long a reader is waited for: as long as a read of ours may take.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long after such a reader was met the next try is made.
const PAUSE: Duration = Duration::from_secs(30);

/// Watches over the log's size.
pub(super) struct Wal {
    path: PathBuf,
    limit: u64,
    patience: Duration,
    held: Option<Instant>,
}

impl Wal {
    pub(super) fn new(database: &Path) -> Self {
        Self { path: beside(database, "-wal"), limit: LOG_LIMIT, patience: PATIENCE, held: None }
    }

    /// Called after each commit, with how many there were: cuts the log if it has outgrown its bound.
    pub(super) fn committed(&mut self, connection: &Connection, commits: u64) {
        if commits.is_multiple_of(LOOK) && self.held.is_none_or(|when| when.elapsed() >= PAUSE) {
            self.held = None;
            self.keep_bounded(connection);
        }
    }

    fn keep_bounded(&mut self, connection: &Connection) {
        let length = std::fs::metadata(&self.path).map_or(0, |found| found.len());
        if length <= self.limit {
            return;
        }
        let cut = connection.busy_timeout(self.patience).and_then(|()| {
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0))
        });
        // It was set once before, so it can be set again.
        let _ = connection.busy_timeout(WRITER_PATIENCE);
        if !cut.is_ok_and(|busy| busy == 0) {
            tracing::warn!(bytes = length, "a long read keeps the database's log from being cut");
            self.held = Some(Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::sqlite::{SqliteOptions, SqliteStore, connection};

    #[test]
    fn a_log_that_outgrew_its_bound_is_cut_once_its_reader_has_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ringback.db");
        drop(SqliteStore::open(SqliteOptions::server(&path)).unwrap());
        let writer = connection::writer(&path).unwrap();
        let reader = connection::reader(&path).unwrap();
        let length = || std::fs::metadata(beside(&path, "-wal")).unwrap().len();
        let patience = Duration::from_millis(1);
        let mut wal = Wal { limit: 1000, patience, ..Wal::new(&path) };

        writer.execute("INSERT INTO account (account) VALUES (1)", []).unwrap();
        reader.execute_batch("BEGIN; SELECT * FROM account").unwrap();
        writer.execute("INSERT INTO account (account) VALUES (2)", []).unwrap();
        wal.committed(&writer, 1);
        assert!(wal.held.is_none(), "it looked out of its turn");
        wal.committed(&writer, LOOK);
        assert!(wal.held.is_some() && length() > 1000);

        reader.execute_batch("COMMIT").unwrap();
        wal.committed(&writer, 2 * LOOK);
        assert!(length() > 1000, "it tried again at once");
        wal.held = None;
        wal.committed(&writer, 3 * LOOK);
        assert_eq!((length(), wal.held), (0, None));
        let accounts: i64 = reader.query_row("SELECT count(*) FROM account", [], |row| row.get(0)).unwrap();
        assert_eq!(accounts, 2);
    }
}
