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

impl ReplayFilter {
    /// Whether it asks for all that is dead, of which there is a count already.
    pub(crate) fn is_all_that_is_dead(&self) -> bool {
        *self == Self { state: Some(MessageState::Dead), since: None, until: None }
    }
}

/// How many messages a replay sends again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplayCount {
    /// So many.
    pub messages: u64,
    /// Whether there may be more of them: the account has more messages than were looked at.
    pub at_least: bool,
}

impl ReplayCount {
    /// So many, and no more.
    pub fn exactly(messages: u64) -> Self {
        Self { messages, at_least: false }
    }
}

/// Messages that are looked at in one read of a count: a read transaction stays far below a second.
pub(crate) const COUNT_STEP: usize = 10_000;
/// Steps of a count that somebody asked for; one before a replay is begun.
pub(crate) const COUNT_STEPS: usize = 20;

/// What became of an account's replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplayJob {
    /// It is kept, and goes on in steps, across restarts. So many messages were to be sent again, just before.
    Kept(ReplayCount),
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

    /// How many messages of the account a replay would send again. What is dead is counted already; otherwise at most
    /// 200,000 messages are looked at, the oldest first, in short reads.
    async fn count_replay(&self, account: AccountId, filter: ReplayFilter)
    -> Result<ReplayCount, StoreError>;

    /// Keeps a job that sends the account's messages again, the oldest first, up to the last one that is accepted now, and
    /// releases the lane. It is one small commit, however many they are; its count looked at 10,000 at most.
    async fn begin_replay(
        &self,
        now: Timestamp,
        account: AccountId,
        filter: ReplayFilter,
    ) -> Result<ReplayJob, StoreError>;

    /// Does one bounded step of one kept job, if there is one. A deregistration ends the account's job.
    async fn replay_step(&self, now: Timestamp) -> Result<Swept, StoreError>;
}
