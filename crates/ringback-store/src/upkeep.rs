//! Keeping the store in order: what is old goes, and the ledger is checked against the rows.

use std::time::Duration;

use async_trait::async_trait;
use ringback_delivery::{AccountId, Timestamp};

use crate::{Counts, StoreError, Swept};

/// How long what is finished is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Delivered and cancelled messages.
    pub finished: Duration,
    /// Dead ones.
    pub dead: Duration,
    /// While the store has more bytes in use than this, the oldest delivered ones go early. It is the whole store that
    /// counts (on SQLite: the database's pages that are not free), as it is the disk that fills.
    pub bytes: Option<u64>,
}

impl Retention {
    /// The least that finished and dead messages are to be kept: for so long an idempotency key may be remembered, and
    /// who gives it again is told what became of its message.
    pub const LEAST: Duration = Duration::from_secs(2 * 24 * 3600);
}

impl Default for Retention {
    /// Seven days, dead ones thirty, however many bytes.
    fn default() -> Self {
        let day = Duration::from_secs(24 * 3600);
        Self { finished: 7 * day, dead: 30 * day, bytes: None }
    }
}

/// How a store does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StoreSize {
    /// Bytes of the store on its disk, as far as this process can see.
    pub bytes: u64,
    /// Bytes that are free there; `None` where that can't be seen from here.
    pub free_bytes: Option<u64>,
    /// Commits since it was opened.
    pub commits: u64,
}

/// Something that the ledger says and the rows don't, or the other way round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discrepancy {
    /// Whose; `None` for the store as a whole.
    pub account: Option<AccountId>,
    /// What is wrong, in a sentence with both numbers.
    pub what: String,
}

/// What a check of the whole ledger found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LedgerReport {
    /// Accounts that were checked.
    pub accounts: u64,
    /// All of them in sum.
    pub counts: Counts,
    /// What is wrong; nothing, where all is well. At most the first hundred.
    pub discrepancies: Vec<Discrepancy>,
}

/// Keeping order.
#[async_trait]
pub trait Upkeep {
    /// Does one bounded step of the retention: messages, bodies, attempts, idempotency keys, tokens and sessions that
    /// are old.
    async fn retire(&self, now: Timestamp, retention: Retention) -> Result<Swept, StoreError>;

    /// How large the store is.
    async fn size(&self) -> Result<StoreSize, StoreError>;

    /// For how long the oldest snapshot, whoever holds it, has kept dead rows from being cleaned, as far as this process
    /// has seen; none where nobody else can hold one.
    async fn oldest_snapshot(&self) -> Result<Option<Duration>, StoreError>;

    /// Checks the ledger against the rows, account by account, a bounded read at a time: counters = rows + dropped,
    /// accepted = last sequence number, every pending row a pending message with a body, and no other way round.
    async fn verify(&self) -> Result<LedgerReport, StoreError>;
}
