//! One thing that happened to a message.

use ringback_delivery::{AccountId, Outcome, Sequence, Timestamp, Verdict};
use ringback_store::{Attempt, Fresh, Settled};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum What {
    /// It was taken in.
    Accepted,
    /// A person had it sent again.
    Replayed,
    /// It was delivered.
    Delivered,
    /// An attempt failed; another follows.
    Failed,
    /// It was given up.
    Dead,
    /// Its account deregistered.
    Cancelled,
}

impl What {
    /// Everything that can happen.
    pub const ALL: [Self; 6] =
        [Self::Accepted, Self::Replayed, Self::Delivered, Self::Failed, Self::Dead, Self::Cancelled];

    /// In a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Replayed => "replayed",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Dead => "dead",
            Self::Cancelled => "cancelled",
        }
    }
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happening {
    /// When it was committed.
    pub at: Timestamp,
    /// Whose message.
    pub account: AccountId,
    /// Its number.
    pub sequence: Sequence,
    /// What happened.
    pub what: What,
    /// The attempt that led to it, if one did; without what the endpoint answered.
    pub attempt: Option<Attempt>,
}

impl Happening {
    pub(super) fn of_fresh(at: Timestamp, fresh: &Fresh) -> Self {
        let what = if fresh.waiting.replay { What::Replayed } else { What::Accepted };
        Self { at, account: fresh.account, sequence: fresh.waiting.sequence, what, attempt: None }
    }

    pub(super) fn of_settled(at: Timestamp, settled: &Settled) -> Self {
        let settlement = &settled.settlement;
        let what = match settlement.verdict {
            Verdict::Delivered => What::Delivered,
            Verdict::Retry { .. } => What::Failed,
            Verdict::Dead(_) => What::Dead,
            Verdict::Cancelled => What::Cancelled,
        };
        let attempt = settled.attempt.as_ref().map(|attempt| Attempt { excerpt: None, ..attempt.clone() });
        Self { at, account: settlement.account, sequence: settlement.sequence, what, attempt }
    }

    /// The status that the endpoint answered with, if it did.
    pub fn status(&self) -> Option<u16> {
        match self.attempt.as_ref()?.outcome {
            Outcome::Answered { status, .. } => Some(status),
            Outcome::Failed(_) | Outcome::NotStarted => None,
        }
    }
}
