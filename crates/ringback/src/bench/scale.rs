//! How large and how long everything is: as the targets want it, or as small as shows that it works.

use std::time::Duration;

/// The sizes of a run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    /// How long the disk is tried.
    pub(super) disk: Duration,
    /// How long the bare sender sends.
    pub(super) bare: Duration,
    /// Load before what is measured.
    pub(super) warm_up: Duration,
    /// How long is published at saturation.
    pub(super) saturation: Duration,
    /// How long is published at a pace; and in that, what counts as the first seconds.
    pub(super) paced: Duration,
    pub(super) first_seconds: Duration,
    /// How long the endpoints in trouble are watched.
    pub(super) trouble: Duration,
    /// Messages in a request of many.
    pub(super) batch: u64,
    /// Authorities, where there are many.
    pub(super) authorities: usize,
    /// Accounts, where there are many, and where there are very many.
    pub(super) many_accounts: u64,
    pub(super) most_accounts: u64,
    /// Messages that are pending at a start.
    pub(super) backlog: u64,
    /// Accounts that are registered beside the one that is looked at: few, and many.
    pub(super) few_registered: u64,
    pub(super) many_registered: u64,
    /// Registrations and lists that are timed.
    pub(super) calls: u64,
}

impl Scale {
    /// As the targets want it.
    pub(super) fn full() -> Self {
        Self {
            disk: Duration::from_secs(1),
            bare: Duration::from_secs(4),
            warm_up: Duration::from_secs(2),
            saturation: Duration::from_secs(8),
            paced: Duration::from_secs(20),
            first_seconds: Duration::from_secs(5),
            trouble: Duration::from_secs(60),
            batch: 256,
            authorities: 1000,
            many_accounts: 10_000,
            most_accounts: 1_000_000,
            backlog: 1_000_000,
            few_registered: 1000,
            many_registered: 1_000_000,
            calls: 500,
        }
    }

    /// As small as shows that it works.
    pub(super) fn quick() -> Self {
        let moment = Duration::from_millis(200);
        Self {
            disk: Duration::from_millis(20),
            bare: moment,
            warm_up: Duration::from_millis(50),
            saturation: moment,
            paced: moment,
            first_seconds: moment / 2,
            trouble: moment,
            batch: 16,
            authorities: 4,
            many_accounts: 20,
            most_accounts: 50,
            backlog: 500,
            few_registered: 5,
            many_registered: 20,
            calls: 10,
        }
    }
}
