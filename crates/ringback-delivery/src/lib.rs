//! What Ringback does next, decided without doing anything.
//!
//! This crate holds the validated domain types and every delivery decision: order, retries, endpoint health, holds,
//! pools, death. It owns no I/O, no clock, no randomness and no serialisation; time and jitter come in as arguments.
//! That is what makes the whole engine testable in simulated time.

pub mod account;
pub mod message;
pub mod outcome;
pub mod time;

pub use account::{AccountId, SHARDS};
pub use message::{MessageId, MessageKind, MessageState, OrderingKey, Sequence, Turn};
pub use outcome::{Class, Failure, Outcome};
pub use time::{PauseClock, Timestamp};
