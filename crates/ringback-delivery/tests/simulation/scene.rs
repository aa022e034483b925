//! What a seed plays: how many nodes and accounts, with which settings, and how bad the weather is.

use std::time::Duration;

use ringback_delivery::{AccountId, RetrySchedule, Settings};

use crate::random::Random;

/// Shards, in so far as the simulation tells them apart.
pub(crate) const GROUPS: usize = 2;

/// The group of shards that an account belongs to.
pub(crate) fn group(account: AccountId) -> usize {
    account.number() as usize % GROUPS
}

/// See the module.
pub(crate) struct Scene {
    pub(crate) settings: Settings,
    pub(crate) nodes: usize,
    pub(crate) accounts: u64,
    /// Ordering keys that a publisher picks from.
    pub(crate) keys: u64,
    /// Rows that one step of a sweep or of making due takes.
    pub(crate) chore_step: usize,
    /// Followers that a store gives for each key asked for.
    pub(crate) followers_at_once: usize,
    /// In a thousand: a read or a chore fails.
    pub(crate) reads_fail: u64,
    /// In a thousand: a record fails, or is committed without that being known.
    pub(crate) records_fail: u64,
    /// In a thousand: news of a commit are lost on the way to the engine.
    pub(crate) news_lost: u64,
    /// News of what is accepted bring the lane along, where nothing else waits there.
    pub(crate) lanes_told: bool,
    /// In a thousand: they take up to half a second, and those behind them too.
    pub(crate) slow_news: u64,
    /// In a thousand actions: a crash, a node that stops for a while.
    pub(crate) disasters: u64,
    /// In a thousand reads: what was read takes up to half a second to come.
    pub(crate) slow_answers: u64,
    /// Out of ten: how many endpoints' changes are for the worse.
    pub(crate) trouble: u64,
    /// In a thousand: an operation on the store takes seconds.
    pub(crate) slow_store: u64,
    /// In a thousand messages: one that its endpoint does not take, however well it is.
    pub(crate) poison: u64,
    /// The most messages published at once.
    pub(crate) burst: u64,
}

impl Scene {
    pub(crate) fn of(random: &mut Random) -> Self {
        let settings = if random.chance(650) { small(random) } else { Settings::default() };
        let rough = random.chance(700);
        let or_calm = |value: u64| if rough { value } else { 0 };
        let nodes = if random.chance(350) { 2 } else { 1 };
        Self {
            settings,
            nodes,
            lanes_told: nodes == 1 && random.chance(700),
            accounts: random.between(1, 6),
            keys: random.between(1, 6),
            chore_step: *random.pick(&[1, 3, 1000]),
            followers_at_once: *random.pick(&[1, 2, 8]),
            reads_fail: or_calm(*random.pick(&[0, 20, 150])),
            records_fail: or_calm(*random.pick(&[0, 20, 150])),
            news_lost: or_calm(*random.pick(&[0, 10, 100])),
            slow_news: 100,
            disasters: or_calm(*random.pick(&[0, 5, 30])),
            slow_answers: or_calm(*random.pick(&[0, 50, 300])),
            trouble: *random.pick(&[2, 5, 8]),
            slow_store: *random.pick(&[0, 5, 100, 300]),
            poison: *random.pick(&[0, 0, 20, 200]),
            burst: *random.pick(&[3, 10, 40]),
        }
    }

    /// A scene without accidents, for those that tell a particular story.
    pub(crate) fn calm(settings: Settings, accounts: u64) -> Self {
        Self {
            settings,
            nodes: 1,
            accounts,
            keys: 4,
            chore_step: 1000,
            followers_at_once: 8,
            reads_fail: 0,
            records_fail: 0,
            news_lost: 0,
            slow_news: 0,
            lanes_told: false,
            disasters: 0,
            slow_answers: 0,
            trouble: 0,
            slow_store: 0,
            poison: 0,
            burst: 10,
        }
    }
}

/// Numbers so small that every bound is met.
fn small(random: &mut Random) -> Settings {
    let seconds = Duration::from_secs;
    let retry = match random.below(3) {
        0 => RetrySchedule::default(),
        1 => RetrySchedule::new([5, 30, 120, 600].map(seconds).to_vec(), 0.2),
        _ => RetrySchedule::new([5, 30].map(seconds).to_vec(), 0.2),
    };
    Settings {
        retry,
        max_age: *random.pick(&[seconds(600), seconds(3 * 3600), seconds(24 * 3600)]),
        slots: *random.pick(&[1, 2, 4, 32]),
        failures_to_hold: *random.pick(&[1, 2, 5]),
        refusals_to_failure: *random.pick(&[2, 5, 20]),
        open_requests: *random.pick(&[2, 4, 64]),
        open_unproven: *random.pick(&[1, 2, 16]),
        open_failing: *random.pick(&[1, 2, 16]),
        crowded_slow: *random.pick(&[0, 0, 1, 64]),
        slow_requests: *random.pick(&[1, 3, 64]),
        unrecorded: *random.pick(&[2, 6, 100]),
        handoff_window: *random.pick(&[2, 4, 12, 100]),
        entries_in_all: *random.pick(&[4, 16, 1000]),
        least_read: *random.pick(&[2, 4, 8]),
        reads_at_once: *random.pick(&[1, 2, 16]),
        resident_lanes: *random.pick(&[0, 1, 2, 100]),
        ..Settings::default()
    }
}
