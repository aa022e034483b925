//! Dispatch: from what waits in the store to outcomes recorded in the store.
//!
//! The cast: the `inbox` hears of commits; the [`ringback_delivery::Engine`] decides; the [`Dispatcher`]'s one task
//! carries its commands out; an `attempt` sends one message; the `recorder` gathers outcomes into commits; the
//! `endpoints` are the fence that an attempt looks at before it starts. The store is all that lies between this and the
//! API: neither knows the other. Where several nodes share the store, the `keeper` keeps this node's shards, and `ownership`
//! says what it may send for.
//!
//! The promise: news from the inbox are hints, but for the lane that a message's may bring along. Should they be lost, what
//! waits is found again by reading, and nothing starts that its account has cancelled.

mod attempt;
mod bodies;
mod dispatcher;
mod end;
mod endpoints;
mod guarded;
mod inbox;
mod keeper;
mod lease_clock;
mod loads;
mod ownership;
mod recorder;
mod settings;
mod tester;
mod threads;
mod trouble;

pub use attempt::Signing;
pub use dispatcher::Dispatcher;
pub use end::End;
pub use inbox::Inbox;
pub use settings::{DispatchSettings, DispatchStats};
pub use tester::{TestReport, Tester};
pub use threads::serving_runtime;
