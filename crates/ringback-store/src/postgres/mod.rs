//! For several nodes: PostgreSQL, 15 or later, with its own replication.
//!
//! The cast: [`PostgresStore`] is what callers hold; it keeps nothing that another node could not have. A *pool* of a few
//! connections serves reads and small writes; a *link* is one connection, and never depends on its session. A node owns
//! shards by a *lease*, and everything that only an owner may write is fenced by the shard's token. *Tidings* are what other
//! nodes did with accounts of this node's shards; *hints* make them come sooner.
//!
//! The promise: what was answered is committed and, where the database has synchronous standbys, on one of them. What failed
//! may or may not have happened, and says so.

mod accept;
mod canceller;
mod connector;
mod copying;
mod credential;
mod credentials;
mod cursor;
mod days;
mod dispatching;
mod doubts;
mod drop_days;
mod ear;
mod fault;
mod fence;
mod heard;
mod hints;
mod history;
mod horizon;
mod keys;
mod lane;
mod lease;
mod link;
mod load;
mod logins;
mod message;
mod migrate;
mod nodes;
mod open;
mod opening;
mod options;
mod overseeing;
mod pending;
mod pool;
mod publishing;
mod race;
mod reading;
mod record;
mod reel;
mod registrations;
mod repeats;
mod replay;
mod replay_job;
mod replaying;
mod resealing;
mod retire;
mod rows;
mod search;
mod sessions;
mod settle;
mod sharing;
mod signing;
mod size;
mod stale;
mod standing;
mod summary;
mod sweep;
mod tenure;
mod tidings;
mod tls;
mod troubled;
mod upkeep;
mod verify;
mod writer;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use ringback_delivery::Timestamp;

pub use copying::{Copied, CopyError, CopyProgress, copy_sqlite};
pub use options::{PostgresHost, PostgresOptions, PostgresTls};

use crate::{OpenError, Store, StoreError, Vault};
use days::Days;
use doubts::Doubts;
use ear::Ear;
use fault::Fault;
use heard::Heard;
use hints::Hints;
use horizon::Horizon;
use link::Arg;
use pool::Pool;
use tenure::Tenure;
use writer::Writer;

/// How often an act is begun again that met somebody else at the same rows.
const CONFLICTS: u32 = 8;

/// Does an act, and does it again where it met somebody else at the same rows.
macro_rules! retrying {
    ($act:expr) => {{
        let mut tries = 0;
        loop {
            let done: Result<_, $crate::postgres::fault::Fault> = $act.await;
            match done {
                Err(fault) if fault.is_conflict() && tries < $crate::postgres::CONFLICTS => tries += 1,
                done => break done.map_err($crate::postgres::fault::Fault::into_error),
            }
        }
    }};
}
use retrying;

/// A store in a PostgreSQL database that other nodes may use too.
pub struct PostgresStore {
    vault: Arc<Vault>,
    pool: Arc<Pool>,
    writer: Writer,
    days: Arc<Days>,
    tenure: Arc<Tenure>,
    ear: Arc<Ear>,
    doubts: Arc<Doubts>,
    cursor: cursor::Cursor,
    drops: drop_days::Drops,
    hints: Arc<Hints>,
    heard: Arc<Heard>,
    horizon: Horizon,
    commits: Arc<AtomicU64>,
    opened_at: Timestamp,
    node_name: String,
    lease_term: Duration,
}

impl PostgresStore {
    /// Connects; a server makes the schema where there is none, and brings it up to date. Needs a tokio runtime.
    ///
    /// # Errors
    ///
    /// When the database can't be reached, would not keep what it accepts, is used by releases that this one must not stand
    /// beside, or was sealed with another key.
    pub async fn connect(options: PostgresOptions) -> Result<Self, OpenError> {
        open::open(options).await
    }

    /// The database's time as the store was opened: what a node's clock begins with.
    pub fn opened_at(&self) -> Timestamp {
        self.opened_at
    }

    /// One statement that is a transaction of its own.
    async fn run(&self, sql: &'static str, args: &[Arg<'_>]) -> Result<(), StoreError> {
        let run = async {
            let link = self.pool.link().await?;
            link.run(sql, args).await?;
            link.settled()
        };
        run.await.map_err(Fault::into_error)
    }
}

impl Store for PostgresStore {
    fn vault(&self) -> &Vault {
        &self.vault
    }
}

impl std::fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PostgresStore")
    }
}
