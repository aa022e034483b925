//! Time as a listener sees it: it comes in, so that a test can hold it still.

mod manual;
mod system;

use std::pin::Pin;
use std::time::Duration;

pub use manual::ManualClock;
pub use system::SystemClock;

/// The two clocks that a listener reads, and the one way in which it waits for time to pass.
pub trait Clock: Send + Sync + 'static {
    /// The wall clock, in Unix seconds: a signature's timestamp is compared with it.
    fn unix_seconds(&self) -> i64;

    /// How long ago some fixed moment was. Never goes back; gaps and what is remembered are measured with it.
    fn elapsed(&self) -> Duration;

    /// Returns when [`Clock::elapsed`] has reached `elapsed`.
    fn sleep_until(&self, elapsed: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}
