//! What an account has decided: registered or not, paused or not, cancelled and acknowledged through where.
//!
//! The API's side writes it, in the account's row; the lane only reads it. What the *endpoint* has shown
//! ([`crate::health::LaneRecord`]) is the lane's own. So no row has two writers.

use crate::message::{Sequence, Turn};
use crate::time::{PauseClock, Timestamp};

/// An account's standing, as of one commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing {
    /// Raised by every registration and deregistration: the fence that an attempt looks at before it starts.
    pub generation: u64,
    /// Whether there is a URL to send to.
    pub registered: bool,
    /// Whether messages are kept without one.
    pub pull: bool,
    /// Raised by whatever releases a lane: a registration, a resume, a successful check, a replay.
    pub releases: u64,
    /// Raised by whatever ends a suspension: a registration and a resume.
    pub reinstatements: u64,
    /// Everything up to this place in the queue is cancelled, unless it is under way.
    pub cancelled_through: Turn,
    /// Everything up to this number is delivered: its account has it,
    pub acknowledged_through: Sequence,
    /// but for what was sent again since, which has a place behind this one: the last that was given at that time.
    pub acknowledged_turn: Turn,
    /// Pauses, past and present.
    pub pause: PauseClock,
    /// The last place in the queue that was given.
    pub last_turn: Turn,
    /// The last sequence number that was given.
    pub last_sequence: Sequence,
}

impl Standing {
    /// Whether the lane may send at all, as far as its account is concerned.
    pub fn sends(&self) -> bool {
        self.registered && self.pause.since.is_none()
    }

    /// Whether a message with this place and number was cancelled or acknowledged as it waited.
    pub fn overtakes(&self, turn: Turn, sequence: Sequence) -> bool {
        turn <= self.cancelled_through || self.acknowledges(turn, sequence)
    }

    /// Whether the account has said that it has the message with this place and number.
    pub fn acknowledges(&self, turn: Turn, sequence: Sequence) -> bool {
        sequence <= self.acknowledged_through && turn <= self.acknowledged_turn
    }

    /// Whether this is the account's standing as of the same commit as `other`, or of a later one: all but the
    /// beginning of a pause raises something.
    pub fn follows(&self, other: &Self) -> bool {
        let order = |standing: &Self| {
            let marks =
                (standing.cancelled_through, standing.acknowledged_through, standing.acknowledged_turn);
            let queue = (standing.last_turn, standing.last_sequence);
            let pause = (standing.pause.total, standing.pause.since.is_some());
            (standing.generation, standing.releases, standing.reinstatements, marks, queue, pause)
        };
        order(self) >= order(other)
    }

    /// The age that a message accepted or replayed at the lane time `born` has at `now`.
    pub fn age(&self, born: Timestamp, now: Timestamp) -> std::time::Duration {
        self.pause.lane_time(now).since(born)
    }
}
