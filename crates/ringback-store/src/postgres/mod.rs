//! For several nodes: PostgreSQL, 15 or later, with its own replication.
//!
//! The cast: [`PostgresStore`] is what callers hold; it keeps nothing that another node could not have. A *pool* of a few
//! connections serves reads and small writes; a *link* is one connection, and never depends on its session. A node owns
//! shards by a *lease*, and everything that only an owner may write is fenced by the shard's token. *Tidings* are what other
//! nodes did with accounts of this node's shards; *hints* make them come sooner.
//!
//! The promise: what was answered is committed and, where the database has synchronous standbys, on one of them. What failed
//! may or may not have happened, and says so.

mod connector;
mod fault;
mod hints;
mod keys;
mod lane;
mod lease;
mod link;
mod load;
mod migrate;
mod open;
mod options;
mod pending;
mod pool;
mod rows;
mod sharing;
mod standing;
mod tenure;
mod tidings;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use ringback_delivery::Timestamp;

pub use options::{PostgresHost, PostgresOptions, PostgresTls};

use crate::{OpenError, Vault};
use hints::Hints;
use pool::Pool;
use tenure::Tenure;

/// A store in a PostgreSQL database that other nodes may use too.
pub struct PostgresStore {
    vault: Arc<Vault>,
    pool: Arc<Pool>,
    tenure: Arc<Tenure>,
    cursor: tidings::Cursor,
    hints: Hints,
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
}

impl std::fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PostgresStore")
    }
}
