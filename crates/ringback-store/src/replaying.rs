//! Sending again what a person asks for: one message, or many of an account in bounded steps.

use async_trait::async_trait;
use ringback_delivery::{AccountId, MessageId, MessageState, Timestamp};

use crate::{StoreError, Swept};

/// What became of a message that was to be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replayed {
    /// It waits again, behind what its key has pending.
    Queued,
    /// It waits already; its lane is released, so that it is tried now.
    Pending,
    /// There is nowhere to send it to.
    NotRegistered,
    /// There is no such message any more.
    Unknown,
}

/// Which of an account's messages to send again. Pending ones never are among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplayFilter {
    /// Those in this state; `None` for dead, delivered and cancelled ones.
    pub state: Option<MessageState>,
    /// Accepted at or after this.
    pub since: Option<Timestamp>,
    /// Accepted before this.
    pub until: Option<Timestamp>,
}

/// What became of an account's replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplayJob {
    /// It is kept, and goes on in steps, across restarts. So many messages are to be sent again.
    Kept(u64),
    /// One is under way for this account already.
    Busy,
    /// There is nowhere to send to.
    NotRegistered,
}

/// Sending again.
#[async_trait]
pub trait Replaying {
    /// Puts one message at the end of its account's queue, with fresh attempts and age, and releases the lane.
    async fn replay(&self, now: Timestamp, id: MessageId) -> Result<Replayed, StoreError>;

    /// How many messages of the account a replay would send again. Counts up to the sequence number that is the last now.
    async fn count_replay(&self, account: AccountId, filter: ReplayFilter) -> Result<u64, StoreError>;

    /// Keeps a job that sends the account's messages again, the oldest first, and releases the lane.
    async fn begin_replay(
        &self,
        now: Timestamp,
        account: AccountId,
        filter: ReplayFilter,
    ) -> Result<ReplayJob, StoreError>;

    /// Does one bounded step of one kept job, if there is one. A deregistration ends the account's job.
    async fn replay_step(&self, now: Timestamp) -> Result<Swept, StoreError>;
}
