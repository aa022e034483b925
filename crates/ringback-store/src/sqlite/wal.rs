//! The write-ahead log: moved into the database, and kept within its bound.
//!
//! SQLite starts the log anew by itself whenever a checkpoint has moved all of it into the database and nobody reads
//! from it. A thread of its own does nearly all of that ([`Checkpointer`]); the little that came meanwhile is moved here,
//! between two commits. Only a read that goes on and on can keep the log from starting anew; then the writer waits for a
//! moment, once in a while.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::checkpointer::{Checkpointer, Log};
use super::connection::{CHECKPOINT_PAGES, LOG_LIMIT, WRITER_PATIENCE, beside};

/// How often, in commits, the log's size is looked at.
const LOOK: u64 = 16;
/// Pages that the writer moves itself, at most.
const LITTLE: i64 = 2048;
/// How long a reader is waited for: as long as a read of ours may take.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long after such a reader was met the next try is made.
const PAUSE: Duration = Duration::from_secs(30);

/// Watches over the log.
pub(super) struct Wal {
    path: PathBuf,
    limit: u64,
    patience: Duration,
    held: Option<Instant>,
    checkpointer: Checkpointer,
}

impl Wal {
    pub(super) fn new(database: &Path) -> std::io::Result<Self> {
        Ok(Self {
            path: beside(database, "-wal"),
            limit: LOG_LIMIT,
            patience: PATIENCE,
            held: None,
            checkpointer: Checkpointer::start(database.to_owned())?,
        })
    }

    /// Called after each commit, with how many there were: has the log moved into the database, and cuts it if it has
    /// outgrown its bound.
    pub(super) fn committed(&mut self, connection: &Connection, commits: u64) {
        self.move_on(connection);
        if commits.is_multiple_of(LOOK) && self.held.is_none_or(|when| when.elapsed() >= PAUSE) {
            self.held = None;
            self.keep_bounded(connection);
        }
    }

    /// What fails here is tried again after the next commit.
    fn move_on(&self, connection: &Connection) {
        let Ok(log) = Log::look(connection) else { return };
        if log.pages < CHECKPOINT_PAGES || self.checkpointer.is_busy() {
            return;
        }
        if log.left() > LITTLE {
            self.checkpointer.begin();
        } else {
            let _ = Log::move_on(connection);
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
    use crate::sqlite::{SqliteOptions, SqliteStore, checkpointer, connection};

    #[test]
    fn a_log_that_outgrew_its_bound_is_cut_once_its_reader_has_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ringback.db");
        drop(SqliteStore::open(SqliteOptions::server(&path)).unwrap());
        let writer = connection::writer(&path).unwrap();
        let reader = connection::reader(&path).unwrap();
        let length = || std::fs::metadata(beside(&path, "-wal")).unwrap().len();
        let patience = Duration::from_millis(1);
        let mut wal = Wal { limit: 1000, patience, ..Wal::new(&path).unwrap() };

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

    #[test]
    fn what_the_thread_left_is_moved_between_two_commits_and_the_log_starts_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ringback.db");
        drop(SqliteStore::open(SqliteOptions::server(&path)).unwrap());
        let writer = connection::writer(&path).unwrap();
        let wal = Wal::new(&path).unwrap();
        let write = |number: i64, bytes: i64| {
            let insert =
                "INSERT INTO kept_body (position, account, sequence, body) VALUES (?1, 1, ?1, zeroblob(?2))";
            writer.execute(insert, [number, bytes]).unwrap();
        };
        write(1, (CHECKPOINT_PAGES + LITTLE) * 4096);
        let log = Log::look(&writer).unwrap();
        assert!(log.pages > CHECKPOINT_PAGES && log.left() == log.pages, "{log:?}");
        // A read keeps it from moving what came after it began.
        let reader = connection::reader(&path).unwrap();
        reader.execute_batch("BEGIN; SELECT * FROM account").unwrap();
        write(2, 100_000);
        checkpointer::checkpoint(&path, &mut None).unwrap();
        let log = Log::look(&writer).unwrap();
        assert!((1..=LITTLE).contains(&log.left()) && log.moved > CHECKPOINT_PAGES, "{log:?}");
        reader.execute_batch("COMMIT").unwrap();
        wal.move_on(&writer);
        assert_eq!(Log::look(&writer).unwrap().left(), 0);
        write(3, 100_000);
        assert!(Log::look(&writer).unwrap().pages < LITTLE);
    }
}
