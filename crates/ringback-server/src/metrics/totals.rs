//! What all accounts added up to when they were surveyed last, for whoever in this process shows it.

use std::sync::Arc;
use std::time::Duration;

use ringback_delivery::Timestamp;
use ringback_store::Tally;
use tokio::sync::{Notify, watch};

/// A sum, and as of when it is.
#[derive(Debug, Clone)]
pub struct Total {
    /// The sum.
    pub tally: Tally,
    /// As of when.
    pub at: Timestamp,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Totals {
    last: watch::Sender<Option<Arc<Total>>>,
    wanted: Notify,
}

impl Totals {
    /// There is a new one.
    pub(super) fn surveyed(&self, total: Total) {
        self.last.send_replace(Some(Arc::new(total)));
    }

    /// Waits until somebody wants one, or wanted one since the last.
    pub(super) async fn is_wanted(&self) {
        self.wanted.notified().await;
    }

    /// One that is `fresh` at most old, if it comes within `patience`; else what there is, if there is any.
    pub(super) async fn get(
        &self,
        now: Timestamp,
        fresh: Duration,
        patience: Duration,
    ) -> Option<Arc<Total>> {
        let mut last = self.last.subscribe();
        let known = last.borrow_and_update().clone();
        if known.as_ref().is_some_and(|total| now.since(total.at) <= fresh) {
            return known;
        }
        self.wanted.notify_one();
        // That none came in time is no error: the older one is shown.
        let _ = tokio::time::timeout(patience, last.changed()).await;
        last.borrow().clone()
    }
}
