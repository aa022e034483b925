//! The thread that moves what is in the write-ahead log into the database while the writer goes on.
//!
//! SQLite would do it in the commit that fills the log up, which then takes as long as some thousand pages take. Here a
//! commit never waits for that: only the last few pages, those of the commits meanwhile, are left to the writer
//! ([`super::wal`]), because the log starts anew only when all of it was moved and nobody has written since.
//!
//! It is asked to move a small part at a time. Moving is work for the processor, and a writer whose write is done while
//! this thread has its processor gets it back only once the part is moved, or the system's time slice is over.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use rusqlite::Connection;

use super::connection;

/// How much is in the log, in pages, and how much of that is in the database too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Log {
    pub(super) pages: i64,
    pub(super) moved: i64,
}

impl Log {
    /// As it is now.
    pub(super) fn look(connection: &Connection) -> rusqlite::Result<Self> {
        Self::ask(connection, "PRAGMA wal_checkpoint(NOOP)")
    }

    /// Moves as much as can be moved without waiting for anybody.
    pub(super) fn move_on(connection: &Connection) -> rusqlite::Result<Self> {
        Self::ask(connection, "PRAGMA wal_checkpoint(PASSIVE)")
    }

    fn ask(connection: &Connection, pragma: &str) -> rusqlite::Result<Self> {
        let read = |row: &rusqlite::Row<'_>| Ok(Self { pages: row.get(1)?, moved: row.get(2)? });
        connection.prepare_cached(pragma)?.query_row([], read)
    }

    /// What is only in the log.
    pub(super) fn left(self) -> i64 {
        self.pages - self.moved
    }
}

/// The thread, from outside. Dropping it waits for its end.
pub(super) struct Checkpointer {
    wanted: Option<SyncSender<()>>,
    busy: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    pub(super) fn start(path: PathBuf) -> std::io::Result<Self> {
        let (wanted, queue) = sync_channel(1);
        let busy = Arc::new(AtomicBool::new(false));
        let state = Arc::clone(&busy);
        let thread = std::thread::Builder::new().name("ringback-check".to_owned());
        let thread = thread.spawn(move || serve(path, &queue, &state))?;
        Ok(Self { wanted: Some(wanted), busy, thread: Some(thread) })
    }

    /// Whether it is at work.
    pub(super) fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Acquire)
    }

    /// Has it begin, if it is not at work.
    pub(super) fn begin(&self) {
        if let Some(wanted) = &self.wanted
            && !self.busy.swap(true, Ordering::AcqRel)
            && wanted.try_send(()).is_err()
        {
            self.busy.store(false, Ordering::Release);
        }
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.wanted = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(path: PathBuf, queue: &Receiver<()>, busy: &AtomicBool) {
    let mut connection = None;
    while queue.recv().is_ok() {
        // What failed is tried again with a new connection; until then the log grows, up to its bound.
        if let Err(error) = checkpoint(&path, &mut connection) {
            tracing::debug!(%error, "the database's log could not be moved into it");
            connection = None;
        }
        busy.store(false, Ordering::Release);
    }
}

/// Moves what there is, on a connection that is kept for the next time.
fn checkpoint(path: &Path, kept: &mut Option<Connection>) -> rusqlite::Result<()> {
    let connection = match kept {
        Some(connection) => connection,
        None => kept.insert(connection::checkpointer(path)?),
    };
    Log::move_on(connection)?;
    Ok(())
}
