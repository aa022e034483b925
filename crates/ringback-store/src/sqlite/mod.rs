//! The embedded default: one file, one writer thread, group commit.
//!
//! The cast: [`SqliteStore`] is what callers hold. Every change is a job for the *writer*, the only thread that writes;
//! it takes what has gathered, runs it in one transaction, commits, tells the listener, and then answers. Every read is
//! one short transaction on one of a few *reader* connections, and sees one snapshot.
//!
//! The promise: what was answered is on stable storage (`synchronous=FULL`). What failed may or may not have happened,
//! says so, and leaves the writer with a fresh connection: after a failed fsync it trusts nothing that it had.
//!
//! One process serves a database, and a lock file beside it says which. Commands of an operator
//! open it beside the server ([`Role::Admin`]) and take their turns with the writer by SQLite's own locks.

mod accept;
mod acts;
mod backup;
mod checkpointer;
mod connection;
mod create;
mod credential;
mod credentials;
mod dispatching;
mod fault;
mod history;
mod idempotency;
mod identity;
mod job;
mod key_file;
mod keys;
mod lane;
mod ledger;
mod load;
mod lock;
mod logins;
mod message;
mod migrate;
mod open;
mod options;
mod overseeing;
mod pending;
mod positions;
mod publishing;
mod readers;
mod reading;
mod record;
mod reel;
mod registrations;
mod removal;
mod replay;
mod replay_job;
mod replaying;
mod resealing;
mod retire;
mod rows;
mod runs;
mod search;
mod sessions;
mod settle;
mod sharing;
mod signing;
mod size;
mod space;
mod stale;
mod standing;
mod summary;
mod sweep;
mod tally;
mod tape;
#[cfg(test)]
mod tests;
mod trouble;
mod troubled;
mod upkeep;
mod verify;
mod wal;
mod work;
mod writer;

use std::sync::Arc;

use tokio::sync::oneshot;

pub use backup::{BackupError, back_up};
pub use options::{KeySource, Limits, Role, SqliteOptions};

use crate::{OpenError, Store, StoreError, Vault};
use fault::Fault;
use job::{Asked, Job};
use readers::Readers;
use work::Work;
use writer::Writer;

/// A store in one SQLite file.
///
/// Dropping it waits for what the writer has in hand, and then lets go of the lock.
pub struct SqliteStore {
    vault: Arc<Vault>,
    readers: Arc<Readers>,
    writer: Writer,
}

impl SqliteStore {
    /// Opens a database, and makes it when there is none. Blocks: a migration or a recovery can take a while.
    pub fn open(options: SqliteOptions) -> Result<Self, OpenError> {
        open::open(options)
    }

    /// How many transactions the writer has committed since the store was opened.
    pub fn commits(&self) -> u64 {
        self.writer.commits()
    }

    /// Runs an act on the writer's thread and answers after its commit. The act may be run more than once, each time
    /// on what was there before.
    async fn write<T, F>(&self, act: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&mut Work<'_>) -> Result<T, Fault> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        self.ask(Job::Act(Box::new(Asked::new(act, answer))), answered).await
    }

    /// Hands the writer a job and waits for its answer.
    async fn ask<T>(
        &self,
        job: Job,
        answered: oneshot::Receiver<Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        self.writer.send(job).await?;
        answered.await.unwrap_or_else(|_| Err(writer::gone()))
    }

    /// Runs a read in one snapshot.
    async fn read<T, F>(&self, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&rusqlite::Connection) -> Result<T, Fault> + Send + 'static,
    {
        self.readers.read(read).await
    }
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SqliteStore")
    }
}

impl Store for SqliteStore {
    fn vault(&self) -> &Vault {
        &self.vault
    }
}
