//! Passes the store's news on to all who want them.

use std::sync::Arc;

use ringback_delivery::{AccountId, Standing};
use ringback_store::{Commit, CommitListener, Fresh};

use crate::arrivals::Arrivals;
use crate::backpressure::Backpressure;
use crate::dispatch::Inbox;
use crate::live::Live;
use crate::metrics::Metrics;

/// The dispatcher, those who wait for an account's messages, what holds publishers back, what counts, and those who watch.
pub(super) struct Listeners {
    pub(super) inbox: Arc<Inbox>,
    pub(super) arrivals: Arc<Arrivals>,
    pub(super) backpressure: Backpressure,
    pub(super) metrics: Metrics,
    pub(super) live: Live,
}

impl CommitListener for Listeners {
    fn accepted(&self, fresh: Vec<Fresh>) {
        self.arrivals.came(fresh.iter().map(|fresh| fresh.account));
        self.live.accepted(&fresh);
        self.inbox.accepted(fresh);
    }

    fn brought_along(&self, brought: Vec<Fresh>) {
        self.arrivals.came(brought.iter().map(|brought| brought.account));
        self.inbox.brought_along(brought);
    }

    fn standing_changed(&self, account: AccountId, standing: Standing) {
        self.inbox.standing_changed(account, standing);
    }

    fn missed(&self, accounts: Vec<AccountId>) {
        self.arrivals.came(accounts.iter().copied());
        self.inbox.missed(accounts);
    }

    fn behind(&self, shards: Vec<u16>) {
        self.backpressure.hold_elsewhere(&shards);
    }

    fn committed(&self, commit: Commit) {
        self.metrics.committed(commit);
    }
}
