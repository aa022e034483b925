//! Says in the log what goes wrong with the database: once when it begins, not for each commit, and once when it is over.

use std::time::{Duration, Instant};

use crate::StoreError;

/// Commits must have succeeded for so long before a trouble counts as over: a full disk lets a small one pass at times.
const OVER_AFTER: Duration = Duration::from_secs(1);

/// What was said and is not over.
#[derive(Default)]
pub(super) struct Trouble {
    said: Option<String>,
    last: Option<Instant>,
}

impl Trouble {
    /// A commit failed, or the database could not be opened for one.
    pub(super) fn failed(&mut self, error: &StoreError) {
        self.last = Some(Instant::now());
        let reason = error.to_string();
        if self.said.as_ref() != Some(&reason) {
            tracing::error!(%error, "a commit failed; more like it are not told of until commits succeed again");
            self.said = Some(reason);
        }
    }

    /// A commit succeeded.
    pub(super) fn succeeded(&mut self) {
        if self.last.is_some_and(|last| last.elapsed() >= OVER_AFTER) {
            tracing::info!("commits succeed again");
            *self = Self::default();
        }
    }
}
