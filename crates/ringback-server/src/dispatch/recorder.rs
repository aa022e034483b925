//! Gathers outcomes into commits: while one batch is being recorded, the next one grows.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ringback_delivery::{AccountId, LaneRecord, LaneUpdate, Turn};
use ringback_store::{Settled, Store};

use crate::clock::Clock;
use crate::events::Events;
use crate::live::Live;

/// Settlements in one commit, at most.
const BATCH: usize = 4096;
/// How long to wait before a batch that failed is tried again: at first, and at most.
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LAST_RETRY: Duration = Duration::from_secs(5);

/// What waits to be recorded. It is bounded by the engine: at its bound of unrecorded outcomes nothing starts.
#[derive(Default)]
pub(super) struct Recorder {
    settled: Vec<Settled>,
    lanes: HashMap<AccountId, LaneRecord>,
    busy: bool,
}

/// What one commit recorded.
pub(super) type Recorded = Vec<(AccountId, Turn)>;

impl Recorder {
    pub(super) fn settle(&mut self, settled: Settled) {
        self.settled.push(settled);
    }

    pub(super) fn keep(&mut self, update: LaneUpdate) {
        self.lanes.insert(update.account, update.record);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.settled.is_empty() && self.lanes.is_empty() && !self.busy
    }

    /// The last batch is recorded.
    pub(super) fn done(&mut self) {
        self.busy = false;
    }

    /// The next batch to record, unless one is under way or there is nothing.
    pub(super) fn next(&mut self) -> Option<Batch> {
        if self.busy || (self.settled.is_empty() && self.lanes.is_empty()) {
            return None;
        }
        self.busy = true;
        let rest = self.settled.split_off(self.settled.len().min(BATCH));
        let settled = std::mem::replace(&mut self.settled, rest);
        let lanes = self.lanes.drain().map(|(account, record)| LaneUpdate { account, record }).collect();
        Some(Batch { settled, lanes })
    }
}

/// One commit's worth.
pub(super) struct Batch {
    settled: Vec<Settled>,
    lanes: Vec<LaneUpdate>,
}

impl Batch {
    /// Records it, however often that has to be tried: what was sent must be known to have been sent. What fails is said
    /// once, and once more when it is over.
    pub(super) async fn record(
        self,
        store: Arc<dyn Store>,
        clock: Clock,
        live: Option<Live>,
        events: Events,
    ) -> Recorded {
        let recorded = self
            .settled
            .iter()
            .map(|settled| (settled.settlement.account, settled.settlement.turn))
            .collect();
        let mut wait = FIRST_RETRY;
        let mut failed = false;
        while let Err(error) = store.record(clock.now(), self.settled.clone(), self.lanes.clone()).await {
            if !failed {
                tracing::error!(%error, outcomes = self.settled.len(), "outcomes can't be recorded; trying on");
            }
            failed = true;
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LAST_RETRY);
        }
        if failed {
            tracing::info!("outcomes are recorded again");
        }
        if let Some(live) = live {
            live.recorded(&self.settled);
        }
        events.recorded(clock.now(), &self.settled, &self.lanes);
        recorded
    }
}
