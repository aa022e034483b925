//! What is happening now, for a person who watches.
//!
//! The cast: [`Live`] hears of what the store has committed: messages taken in, outcomes recorded. It tells those who
//! watch (`feed`), and counts for each account that is active (`hours`), so that its page can draw the last hour.
//!
//! The promise: all of it is bounded, however fast things happen and however many accounts there are; whoever commits is
//! never made to wait. A watcher that is too slow loses happenings, and is told how many.

mod feed;
mod happening;
mod hours;

use std::sync::Arc;

use ringback_delivery::{AccountId, Timestamp};
use ringback_store::{Fresh, Reach, Settled};

use crate::clock::Clock;

pub use feed::{Heard, Watch, Wish};
pub use happening::{Happening, What};
pub use hours::{MINUTES, MinuteOfAccount};

use feed::Feed;
use hours::Hours;

/// See the module. A clone is the same.
#[derive(Clone)]
pub struct Live(Arc<Inner>);

struct Inner {
    clock: Clock,
    since: Timestamp,
    feed: Arc<Feed>,
    hours: Hours,
}

impl Live {
    /// Counts from now on.
    pub fn new(clock: Clock) -> Self {
        let since = clock.now();
        Self(Arc::new(Inner { clock, since, feed: Arc::default(), hours: Hours::default() }))
    }

    /// Since when it has counted.
    pub fn since(&self) -> Timestamp {
        self.0.since
    }

    /// Messages were taken in, or wait again.
    pub fn accepted(&self, fresh: &[Fresh]) {
        let now = self.0.clock.now();
        self.0.hours.count(now, fresh.iter().filter(|fresh| !fresh.waiting.replay), |fresh, minute| {
            minute.accepted += 1;
            fresh.account
        });
        self.0.feed.tell(fresh.iter(), |fresh| Happening::of_fresh(now, fresh));
    }

    /// Outcomes were recorded.
    pub fn recorded(&self, settled: &[Settled]) {
        let now = self.0.clock.now();
        self.0.hours.count(now, settled.iter(), |settled, minute| {
            minute.count(settled);
            settled.settlement.account
        });
        self.0.feed.tell(settled.iter(), |settled| Happening::of_settled(now, settled));
    }

    /// Begins to watch; `None` when as many watch as may.
    pub fn watch(&self, wish: Wish) -> Option<Watch> {
        self.0.feed.watch(wish)
    }

    /// What this process counted in the last hour for all accounts within reach that were active, the oldest minute first.
    pub fn hour_within(&self, reach: &Reach) -> Vec<MinuteOfAccount> {
        self.0.hours.sum(self.0.clock.now(), |account| reach.includes(account))
    }

    /// What this process counted for an account in the last hour, the oldest minute first.
    pub fn hour(&self, account: AccountId) -> Vec<MinuteOfAccount> {
        self.0.hours.of(self.0.clock.now(), account)
    }
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Live")
    }
}
