//! What Ringback does next, decided without doing anything.
//!
//! This crate holds the validated domain types and every delivery decision: order, retries, endpoint health, holds,
//! pools, death. It owns no I/O, no clock, no randomness and no serialisation; time and jitter come in as arguments.
//! That is what makes the whole engine testable in simulated time.

pub mod account;
pub mod engine;
mod hashing;
pub mod health;
mod lane;
pub mod message;
pub mod outcome;
mod pools;
pub mod schedule;
pub mod settings;
pub mod settlement;
pub mod standing;
pub mod time;
pub mod waiting;
mod window;

pub use account::{AccountId, SHARDS};
pub use engine::{Command, Engine, FlightId, Heard, Start};
pub use health::{Health, LaneRecord, Trouble};
pub use message::{MessageId, MessageKind, MessageState, OrderingKey, Sequence, Turn};
pub use outcome::{Class, Failure, Outcome};
pub use pools::OpenRequests;
pub use schedule::{Jitter, RetrySchedule};
pub use settings::Settings;
pub use settlement::{Death, LaneUpdate, Settlement, Verdict};
pub use standing::Standing;
pub use time::{PauseClock, Timestamp};
pub use waiting::{EmptyLane, LaneRead, LaneRows, Waiting};
