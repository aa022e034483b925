//! Publishing many messages: batches, and a stream of them.

pub(crate) mod batch;
mod outcome;
mod settings;
mod stream;

pub use outcome::{PublishFailure, Published};
pub use settings::PublishSettings;
pub use stream::PublishStream;
