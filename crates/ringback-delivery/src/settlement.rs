//! What a lane decided about a message, to be recorded.

use crate::account::AccountId;
use crate::health::LaneRecord;
use crate::message::{Sequence, Turn};
use crate::time::Timestamp;

/// The decision about one message after one attempt, or without one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settlement {
    /// Whose message.
    pub account: AccountId,
    /// Its place in the queue.
    pub turn: Turn,
    /// Its number.
    pub sequence: Sequence,
    /// Attempts with this one.
    pub attempts: u32,
    /// The decision.
    pub verdict: Verdict,
}

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is delivered.
    Delivered,
    /// It waits for another attempt.
    Retry {
        /// When.
        due: Timestamp,
        /// Attempts of this life that count against it.
        charged: u32,
        /// The lane's successes at this attempt.
        successes: u64,
    },
    /// It is given up.
    Dead(Death),
    /// Its account deregistered while it was under way.
    Cancelled,
}

/// Why a message was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Death {
    /// The last attempt of the schedule failed.
    Attempts,
    /// It grew too old.
    Age,
}

/// A lane's record as it is to be kept with the settlements that changed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneUpdate {
    /// Whose lane.
    pub account: AccountId,
    /// The record.
    pub record: LaneRecord,
}
