//! Says in the log that the store can't be read: once when it begins, not for each read, and once when it is over.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ringback_store::StoreError;

/// How long to wait after the store failed to answer a read.
const AFTER_FAILURE: Duration = Duration::from_millis(500);
/// Nothing must have failed for so long before a trouble counts as over: some reads succeed in between.
const OVER_AFTER: Duration = Duration::from_secs(2);

/// What was said and is not over.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    /// Whether anything is in `said`: all that a read that succeeds has to look at.
    any: AtomicBool,
    said: Mutex<Option<(String, Instant)>>,
}

impl Trouble {
    /// A read ended. After a failure this waits before the next one; an account that is another node's is none.
    pub(super) async fn after<T>(&self, result: &Result<T, StoreError>) {
        match result {
            Err(StoreError::NotOwner(_)) => {}
            Err(error) => {
                self.failed(error);
                tokio::time::sleep(AFTER_FAILURE).await;
            }
            Ok(_) => self.succeeded(),
        }
    }

    /// A read failed.
    pub(super) fn failed(&self, error: &StoreError) {
        if self.is_new(&error.to_string(), Instant::now()) {
            tracing::error!(%error, "the store can't be read; more like it is not told of until it can be");
        }
    }

    fn succeeded(&self) {
        if self.any.load(Ordering::Relaxed) && self.is_over(Instant::now()) {
            tracing::info!("the store can be read again");
        }
    }

    fn is_new(&self, reason: &str, now: Instant) -> bool {
        self.any.store(true, Ordering::Relaxed);
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let before = said.replace((reason.to_owned(), now));
        before.is_none_or(|(before, _)| before != reason)
    }

    fn is_over(&self, now: Instant) -> bool {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let over = said.take_if(|(_, last)| now.saturating_duration_since(*last) >= OVER_AFTER).is_some();
        if over {
            self.any.store(false, Ordering::Relaxed);
        }
        over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trouble_is_told_once_and_its_end_once_it_has_lasted() {
        let (trouble, begun) = (Trouble::default(), Instant::now());
        assert!(!trouble.is_over(begun));
        assert!(trouble.is_new("the disk", begun));
        let later = begun + OVER_AFTER / 2;
        assert!(!trouble.is_over(later));
        assert!(!trouble.is_new("the disk", later));
        assert!(trouble.is_new("the line", later));
        assert!(!trouble.is_over(begun + OVER_AFTER));
        assert!(trouble.is_over(later + OVER_AFTER));
        assert!(!trouble.is_over(later + OVER_AFTER));
        assert!(trouble.is_new("the line", later + OVER_AFTER));
    }
}
