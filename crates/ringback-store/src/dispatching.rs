//! Giving messages out and taking their outcomes back: the dispatcher's side of the store.

use std::time::Duration;

use async_trait::async_trait;
use ringback_delivery::{
    AccountId, EmptyLane, LaneRead, LaneRows, LaneUpdate, Outcome, Settlement, Standing, Timestamp, Turn,
    Waiting,
};

use crate::{Commit, Content, Lease, StoreError};

/// A message that was just accepted, handed over without being read back.
#[derive(Debug, Clone)]
pub struct Fresh {
    /// Whose it is.
    pub account: AccountId,
    /// What the lane needs to know of it.
    pub waiting: Waiting,
    /// What is sent of it.
    pub content: Content,
    /// Its lane before it, where nothing else waited. Only a store may tell this whose news of a commit come before any
    /// answer to a later write, whatever connection that took.
    pub lane: Option<Box<EmptyLane>>,
}

/// What hears of commits. It is called after a commit and before anyone who waits for that commit is answered, on the
/// store's own thread: it must be quick.
pub trait CommitListener: Send + Sync {
    /// These were accepted, in this order.
    fn accepted(&self, fresh: Vec<Fresh>);

    /// Other nodes had accepted these, in this order, for accounts that this node delivers for: they come before what is told
    /// next as accepted. One may have been read meanwhile.
    fn brought_along(&self, _brought: Vec<Fresh>) {}

    /// This account's standing is now this.
    fn standing_changed(&self, account: AccountId, standing: Standing);

    /// Something may have been accepted for these, or their standings may have changed, in a commit that could not be told
    /// of: what is known of them is to be read anew.
    fn missed(&self, _accounts: Vec<AccountId>) {}

    /// These shards are other nodes', and messages that were just accepted for them wait there for the processor.
    fn behind(&self, _shards: Vec<u16>) {}

    /// A commit is on stable storage. This comes after its news.
    fn committed(&self, _commit: Commit) {}
}

/// A settlement with the attempt that led to it; none when a message died of age as it waited.
#[derive(Debug, Clone)]
pub struct Settled {
    /// The decision.
    pub settlement: Settlement,
    /// The attempt.
    pub attempt: Option<Attempt>,
}

/// One attempt, as the history keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The how-manieth of its message, from 1.
    pub number: u32,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took.
    pub duration: Duration,
    /// How it ended.
    pub outcome: Outcome,
    /// A short reason for a failure, without addresses or secrets.
    pub error: Option<String>,
    /// The start of the endpoint's answer (1 KiB at most), stripped of the registration's secrets.
    pub excerpt: Option<Vec<u8>>,
}

/// How far a sweep came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Swept {
    /// Nothing is left to do.
    Done,
    /// This step was full; there may be more.
    More,
}

/// What the dispatcher does with the store.
#[async_trait]
pub trait Dispatching {
    /// Sets who hears of commits, in place of who did.
    fn listen(&self, listener: std::sync::Arc<dyn CommitListener>);

    /// Accounts with something pending, in the order of their numbers, behind `after`.
    async fn lanes_waiting(
        &self,
        after: Option<AccountId>,
        limit: usize,
    ) -> Result<Vec<AccountId>, StoreError>;

    /// Reads what lanes ask for, all in one snapshot.
    async fn load(&self, reads: Vec<LaneRead>) -> Result<Vec<LaneRows>, StoreError>;

    /// What is sent of the messages at these positions; `None` where there is none.
    async fn contents(&self, positions: Vec<i64>) -> Result<Vec<Option<Content>>, StoreError>;

    /// Records outcomes and the lanes' records in one commit. A message that its account acknowledged meanwhile is settled
    /// so, whatever the verdict; what was cancelled meanwhile and would be dead is cancelled, and what is to be tried again
    /// waits for its lane's sweep. A message that is settled already is left alone.
    async fn record(
        &self,
        now: Timestamp,
        settled: Vec<Settled>,
        lanes: Vec<LaneUpdate>,
    ) -> Result<(), StoreError>;

    /// The same as the owner under these leases, of which the outcomes were decided: where the node has lost one, nothing is
    /// recorded ([`StoreError::NotOwner`]), though the shard may be its own anew. Who is alone has them for ever.
    async fn record_under(
        &self,
        now: Timestamp,
        _leases: Vec<Lease>,
        settled: Vec<Settled>,
        lanes: Vec<LaneUpdate>,
    ) -> Result<(), StoreError> {
        self.record(now, settled, lanes).await
    }

    /// Settles a step of what the account cancelled or acknowledged by this standing, the newest that its lane knows, but
    /// for what is under way. What it cancelled since stays: its lane may be about to send it.
    async fn sweep(
        &self,
        now: Timestamp,
        account: AccountId,
        standing: Standing,
        under_way: Vec<Turn>,
    ) -> Result<Swept, StoreError>;

    /// Makes a step of what was tried and waits due now.
    async fn hasten(&self, now: Timestamp, account: AccountId) -> Result<Swept, StoreError>;
}
