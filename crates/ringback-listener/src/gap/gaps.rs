//! A listener's gaps, as they fall due.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::stream::{self, Stream};
use tokio::sync::Notify;

use super::{Gap, GapDetector};
use crate::Clock;

/// A detector with a clock, between the listener and who asks for gaps.
pub(crate) struct GapWatch {
    detector: Mutex<GapDetector>,
    /// A hint that another gap may fall due first. The detector is the truth.
    opened: Notify,
    clock: Arc<dyn Clock>,
}

impl GapWatch {
    pub(crate) fn new(detector: GapDetector, clock: Arc<dyn Clock>) -> Self {
        Self { detector: Mutex::new(detector), opened: Notify::new(), clock }
    }

    pub(crate) fn settle(&self, account: &str, first: u64, last: u64) {
        // The clock is read under the lock, so that times come to the detector in their order.
        let mut detector = self.detector();
        if detector.settle(account, first, last, self.clock.elapsed()) {
            self.opened.notify_waiters();
        }
    }

    pub(crate) fn detector(&self) -> MutexGuard<'_, GapDetector> {
        self.detector.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A listener's gaps, as they fall due: from [`Listener::gaps`](crate::Listener::gaps).
///
/// A gap that falls due while nobody asks is kept. Each is given once, to one of those who ask.
pub struct Gaps {
    watch: Arc<GapWatch>,
}

impl Gaps {
    pub(crate) fn new(watch: Arc<GapWatch>) -> Self {
        Self { watch }
    }

    /// Waits for the next gap. Dropping the future loses none.
    pub async fn next(&self) -> Gap {
        loop {
            // Before the detector is asked, so that no hint is lost in between: one that was given since is kept in it.
            let opened = self.watch.opened.notified();
            let next_due = {
                let mut detector = self.watch.detector();
                if let Some(gap) = detector.due(self.watch.clock.elapsed()) {
                    return gap;
                }
                detector.next_due()
            };
            match next_due {
                None => opened.await,
                Some(due) => tokio::select! {
                    () = opened => {}
                    () = self.watch.clock.sleep_until(due) => {}
                },
            }
        }
    }

    /// The same as a stream, which never ends.
    pub fn into_stream(self) -> impl Stream<Item = Gap> + Send {
        stream::unfold(self, async |gaps| Some((gaps.next().await, gaps)))
    }
}

impl fmt::Debug for Gaps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gaps").finish_non_exhaustive()
    }
}
