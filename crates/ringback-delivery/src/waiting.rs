//! What passes between a lane and the store: what waits, what a lane asks to read, and what it gets.

use crate::account::AccountId;
use crate::health::LaneRecord;
use crate::message::{OrderingKey, Sequence, Turn};
use crate::standing::Standing;
use crate::time::Timestamp;

/// A pending message as the engine knows it: small, and without its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// Its place in its account's queue.
    pub turn: Turn,
    /// Its number.
    pub sequence: Sequence,
    /// Where the store keeps its body.
    pub position: i64,
    /// What it keeps order with.
    pub key: Option<OrderingKey>,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// The lane time from which its age counts.
    pub born: Timestamp,
    /// Attempts so far, replays and all.
    pub attempts: u32,
    /// Attempts of this life that count against it.
    pub charged: u32,
    /// When it may be tried again; `None` when it has not been tried in this life.
    pub due: Option<Timestamp>,
    /// The lane's successes when it was tried last.
    pub successes: u64,
    /// Whether a person sent it again.
    pub replay: bool,
}

/// A lane of which nothing waits, as the store has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EmptyLane {
    /// The account's standing.
    pub standing: Standing,
    /// The lane's record.
    pub record: LaneRecord,
}

/// One lane's request to read what waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneRead {
    /// Whose lane.
    pub account: AccountId,
    /// Whether the account's standing and the lane's record are wanted too.
    pub opening: bool,
    /// Read on behind this place in the queue.
    pub after: Turn,
    /// At most so many from there; and so many that are due, apart.
    pub limit: u32,
    /// Read those that have been tried and are due by now.
    pub due_by: Option<Timestamp>,
    /// For each: read what comes next with this key behind this place.
    pub followers: Vec<(OrderingKey, Turn)>,
}

/// The answer to a [`LaneRead`], all of one snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneRows {
    /// Whose lane.
    pub account: AccountId,
    /// What was asked for with `opening`.
    pub opening: Option<(Standing, LaneRecord)>,
    /// What waits behind `after`, in the order of the queue. With each, the message of the same key that waits
    /// immediately before it, if there is one.
    pub queue: Vec<(Waiting, Option<Turn>)>,
    /// Whether `queue` goes to the queue's end.
    pub end: bool,
    /// Those that are due, the longest due first.
    pub due: Vec<Waiting>,
    /// Whether there are more of those.
    pub more_due: bool,
    /// When the next is due that was tried and is not due yet.
    pub next_due: Option<Timestamp>,
    /// What comes next with each key that was asked for, in the order of the queue.
    pub followers: Vec<Waiting>,
}
