//! From the store to an endpoint and back: the real dispatcher, sender and SQLite, a clock that the test advances, and
//! endpoints of the test's own.

mod damage;
pub(crate) mod endpoint;
mod house;
mod order;
mod retries;
mod standing;
mod tracing;
mod wire;
