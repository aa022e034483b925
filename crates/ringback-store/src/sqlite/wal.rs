//! The write-ahead log: moved into the database, and kept within its bound.
//!
//! SQLite starts the log anew by itself whenever a checkpoint has moved all of it into the database and nobody reads
//! from it. A thread of its own does nearly all of that, a part at a time ([`Checkpointer`]); once the log is long, the
//! little that came meanwhile is moved here, between two commits. Only a read that goes on and on can keep the log from
//! starting anew; then the writer waits for a moment, once in a while.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::checkpointer::{Checkpointer, Log};
use super::connection::{LOG_LIMIT, WRITER_PATIENCE, beside};

/// How often, in commits, the log's size is looked at.
const LOOK: u64 = 16;
/// Pages that the thread moves at a time: 1 MiB. More take so long that publishers notice; fewer would write busy pages
/// more often.
const PART: i64 = 256;
/// Pages that small commits write, on average at most. Where they are larger, each takes long anyway, and all is moved at
/// once, which is less work.
const SMALL: i64 = 32;
/// Pages in the log at which it is to start anew: 32 MiB. The writer then moves the last ones itself.
const LONG: i64 = 8192;
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
    /// How many pages were in the log when the thread was last asked to move some. A read may have kept it from that, and
    /// does so for a while.
    asked: i64,
    /// Commits since then.
    commits: i64,
    checkpointer: Checkpointer,
}

impl Wal {
    pub(super) fn new(database: &Path) -> std::io::Result<Self> {
        Ok(Self {
            path: beside(database, "-wal"),
            limit: LOG_LIMIT,
            patience: PATIENCE,
            held: None,
            asked: 0,
            commits: 0,
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

    /// What fails here is tried again after the next commit; what the thread fails at, a part later.
    fn move_on(&mut self, connection: &Connection) {
        self.commits += 1;
        let Ok(log) = Log::look(connection) else { return };
        if log.pages < self.asked {
            // It has started anew.
            self.asked = 0;
        }
        if self.checkpointer.is_busy() {
            return;
        }
        let unasked = log.pages - log.moved.max(self.asked);
        let is_long = log.pages >= LONG;
        if is_long && log.left() <= LITTLE && (unasked < PART || self.asked >= LONG) {
            let _ = Log::move_on(connection);
        } else if unasked >= PART && (is_long || unasked <= SMALL * self.commits) {
            self.asked = log.pages;
            self.commits = 0;
            self.checkpointer.begin();
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
    use tempfile::TempDir;

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

    /// A database, with a connection that writes.
    fn written(folder: &TempDir) -> (PathBuf, Connection) {
        let path = folder.path().join("ringback.db");
        drop(SqliteStore::open(SqliteOptions::server(&path)).unwrap());
        let writer = connection::writer(&path).unwrap();
        (path, writer)
    }

    fn write(writer: &Connection, number: i64, pages: i64) {
        let insert =
            "INSERT INTO kept_body (position, account, sequence, body) VALUES (?1, 1, ?1, zeroblob(?2))";
        writer.execute(insert, [number, pages * 4096]).unwrap();
    }

    /// What is in the log once the thread has done what it was asked for.
    fn look_after(wal: Wal, writer: &Connection) -> Log {
        drop(wal);
        Log::look(writer).unwrap()
    }

    #[test]
    fn the_thread_moves_what_there_is_as_soon_as_it_is_a_part() {
        let folder = tempfile::tempdir().unwrap();
        let (path, writer) = written(&folder);
        let mut wal = Wal::new(&path).unwrap();
        let mut commit = |number, pages| {
            write(&writer, number, pages);
            wal.move_on(&writer);
            wal.asked
        };
        for number in 1..=4 {
            assert_eq!(commit(number, PART / 4), 0, "of large commits");
        }
        let mut number = 4;
        let asked = loop {
            number += 1;
            let asked = commit(number, 1);
            if asked > 0 {
                break asked;
            }
        };
        assert!(asked <= SMALL * number, "{number} commits");
        let log = look_after(wal, &writer);
        assert!(log.left() == 0 && log.moved == asked && asked > PART, "{log:?}");
        write(&writer, number + 1, 1);
        let log = Log::look(&writer).unwrap();
        assert!(log.pages < PART, "it has not started anew: {log:?}");

        let mut wal = Wal { commits: PART, ..Wal::new(&path).unwrap() };
        wal.move_on(&writer);
        assert_eq!(wal.asked, 0, "for a few pages");
    }

    #[test]
    fn what_a_read_keeps_the_thread_from_is_asked_of_it_again_a_part_later() {
        let folder = tempfile::tempdir().unwrap();
        let (path, writer) = written(&folder);
        let reader = connection::reader(&path).unwrap();
        reader.execute_batch("BEGIN; SELECT * FROM account").unwrap();
        let mut wal = Wal { commits: PART, ..Wal::new(&path).unwrap() };
        write(&writer, 1, PART);
        wal.move_on(&writer);
        let first = Log::look(&writer).unwrap().pages;
        assert_eq!((wal.asked, wal.commits), (first, 0));
        // A thread that is not at work.
        let mut wal = Wal { checkpointer: Checkpointer::start(path).unwrap(), commits: PART, ..wal };
        write(&writer, 2, PART / 2);
        wal.move_on(&writer);
        assert_eq!(wal.asked, first, "it was asked again for half a part");
        write(&writer, 3, PART / 2);
        wal.move_on(&writer);
        assert!(wal.asked > first + PART, "it was not asked again");
        let log = Log::look(&writer).unwrap();
        assert!(log.left() > 2 * PART, "the read was in nobody's way: {log:?}");
        reader.execute_batch("COMMIT").unwrap();
    }

    #[test]
    fn what_the_thread_left_is_moved_between_two_commits_and_the_log_starts_anew() {
        let folder = tempfile::tempdir().unwrap();
        let (path, writer) = written(&folder);
        write(&writer, 1, LONG + LITTLE);
        // A read keeps the thread from moving what came after it began.
        let reader = connection::reader(&path).unwrap();
        reader.execute_batch("BEGIN; SELECT * FROM account").unwrap();
        write(&writer, 2, LITTLE / 2);
        let mut wal = Wal::new(&path).unwrap();
        wal.move_on(&writer);
        assert_eq!(wal.commits, 0, "the thread was not asked first");
        let log = look_after(wal, &writer);
        assert!((1..=LITTLE).contains(&log.left()) && log.moved > LONG, "{log:?}");
        reader.execute_batch("COMMIT").unwrap();
        let mut wal = Wal { asked: log.pages, ..Wal::new(&path).unwrap() };
        wal.move_on(&writer);
        assert_eq!(Log::look(&writer).unwrap().left(), 0, "not moved before the next commit");
        write(&writer, 3, 1);
        assert!(Log::look(&writer).unwrap().pages < LITTLE);
    }
}
