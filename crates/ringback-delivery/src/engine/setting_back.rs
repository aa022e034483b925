//! What follows from a clock that is set back while the engine runs.
//!
//! All that the engine and its lanes remember are moments of that clock: when something is due, since when something is so.
//! Were they left as they are, what waits for a moment would wait for as long as the clock was set back. So all of them are
//! set back with it, and what was so far away is so far away still. What is to be tried again and is only in the store keeps its
//! moment there: it is made due now, as by a release.

use std::time::Duration;

use crate::account::AccountId;
use crate::time::Timestamp;

use super::Engine;

/// A clock that was a little ahead a moment ago was not set back: whoever runs the engine had looked at it before.
const SET_BACK: Duration = Duration::from_secs(1);

impl Engine {
    /// Looks whether the clock was set back.
    pub(super) fn heed(&mut self, now: Timestamp) {
        let before = self.last_now;
        if now >= before {
            self.last_now = now;
        } else if before.since(now) > SET_BACK {
            self.last_now = now;
            self.set_back(now, before.since(now));
        }
    }

    #[cold]
    fn set_back(&mut self, now: Timestamp, by: Duration) {
        self.started_at = self.started_at.set_back(by);
        self.read_from = self.read_from.set_back(by);
        self.alarms.set_back(by);
        self.resting.set_back(by);
        self.pools.set_back(by);
        for dormant in self.dormant.values_mut() {
            dormant.set_back = true;
        }
        let lanes = self.lanes.iter_mut();
        let concerned: Vec<AccountId> =
            lanes.filter_map(|(account, lane)| lane.set_back(by).then_some(*account)).collect();
        concerned.into_iter().for_each(|account| self.touched(now, account));
    }
}
