//! A clock for tests.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::Clock;

/// A clock that stands still until it is told otherwise: for tests. Clones are the same clock.
#[derive(Debug, Clone)]
pub struct ManualClock {
    start: i64,
    elapsed: Arc<watch::Sender<Duration>>,
}

impl ManualClock {
    /// Stands at a moment, in Unix seconds.
    #[must_use]
    pub fn at(unix_seconds: i64) -> Self {
        Self { start: unix_seconds, elapsed: Arc::new(watch::Sender::new(Duration::ZERO)) }
    }

    /// Goes forward, and wakes who waited for that.
    pub fn advance(&self, by: Duration) {
        self.elapsed.send_modify(|elapsed| *elapsed = elapsed.saturating_add(by));
    }
}

impl Clock for ManualClock {
    fn unix_seconds(&self) -> i64 {
        self.start.saturating_add(i64::try_from(self.elapsed().as_secs()).unwrap_or(i64::MAX))
    }

    fn elapsed(&self) -> Duration {
        *self.elapsed.borrow()
    }

    fn sleep_until(&self, elapsed: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let mut now = self.elapsed.subscribe();
        Box::pin(async move {
            // The sender is this clock itself, so that it can't be gone.
            let _ = now.wait_for(|now| *now >= elapsed).await;
        })
    }
}
