//! Gathers outcomes into commits: while one batch is being recorded, the next one grows.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ringback_delivery::{AccountId, LaneRecord, LaneUpdate, Turn};
use ringback_store::{Lease, Settled, Store, StoreError};

use crate::clock::Clock;
use crate::events::Events;
use crate::live::Live;

use super::guarded::{guarded, or_panic};
use super::ownership::Ownership;

/// Settlements in one commit, at most.
const BATCH: usize = 4096;
/// How long to wait before a batch that failed is tried again: at first, and at most.
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LAST_RETRY: Duration = Duration::from_secs(5);
/// A database that several nodes share works on each batch for as long as on thirty settlements, and syncs it by itself. So
/// the next batch grows until there are enough in it, or the last one began so long ago.
const ENOUGH: usize = 256;
const GATHER: Duration = Duration::from_millis(8);

/// What waits to be recorded. It is bounded by the engine: at its bound of unrecorded outcomes nothing starts.
#[derive(Default)]
pub(super) struct Recorder {
    settled: Vec<Settled>,
    lanes: HashMap<AccountId, LaneRecord>,
    busy: bool,
    /// When the next batch may be taken though there is little in it.
    due: Option<Instant>,
    /// The shards of the batch that is being recorded.
    recording: BTreeSet<u16>,
}

/// What is recorded, or refused: each is told to the engine.
#[derive(Default)]
pub(super) struct Recorded {
    pub(super) settlements: Vec<(AccountId, Turn)>,
    pub(super) lanes: Vec<LaneUpdate>,
    /// Shards that turned out to be another node's.
    pub(super) lost: Vec<Lease>,
}

impl Recorder {
    pub(super) fn settle(&mut self, settled: Settled) {
        self.settled.push(settled);
    }

    pub(super) fn keep(&mut self, update: LaneUpdate) {
        self.lanes.insert(update.account, update.record);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.has_nothing() && !self.busy
    }

    /// The last batch is recorded.
    pub(super) fn done(&mut self) {
        self.busy = false;
        self.recording.clear();
    }

    /// Whether something of the shard waits to be recorded, or is being recorded.
    pub(super) fn has(&self, shard: u16) -> bool {
        self.recording.contains(&shard)
            || self.settled.iter().any(|settled| settled.settlement.account.shard() == shard)
            || self.lanes.keys().any(|account| account.shard() == shard)
    }

    /// Takes out what waits of these accounts: it is not theirs to be recorded any more.
    pub(super) fn refuse(&mut self, of: impl Fn(AccountId) -> bool) -> Recorded {
        let mut refused = Recorded::default();
        self.settled.retain(|settled| {
            let goes = of(settled.settlement.account);
            if goes {
                refused.settlements.push((settled.settlement.account, settled.settlement.turn));
            }
            !goes
        });
        self.lanes.retain(|account, record| {
            let goes = of(*account);
            if goes {
                refused.lanes.push(LaneUpdate { account: *account, record: *record });
            }
            !goes
        });
        refused
    }

    /// For how long the next batch is not to be taken yet, as there is little in it.
    pub(super) fn gathers_for(&self, now: Instant) -> Option<Duration> {
        let grows = !self.busy && !self.has_nothing() && self.settled.len() < ENOUGH;
        let left = self.due.filter(|_| grows)?.saturating_duration_since(now);
        (!left.is_zero()).then_some(left)
    }

    fn has_nothing(&self) -> bool {
        self.settled.is_empty() && self.lanes.is_empty()
    }

    /// The next batch to record, unless one is under way, or there is nothing, or little so soon after the last one.
    pub(super) fn next(&mut self, ownership: &Ownership, now: Instant) -> Option<Batch> {
        if self.busy || self.has_nothing() || self.gathers_for(now).is_some() {
            return None;
        }
        self.busy = true;
        self.due = ownership.is_shared().then(|| now + GATHER);
        let rest = self.settled.split_off(self.settled.len().min(BATCH));
        let settled = std::mem::replace(&mut self.settled, rest);
        let lanes: Vec<LaneUpdate> =
            self.lanes.drain().map(|(account, record)| LaneUpdate { account, record }).collect();
        let shards: BTreeSet<u16> = settled
            .iter()
            .map(|settled| settled.settlement.account)
            .chain(lanes.iter().map(|lane| lane.account))
            .map(AccountId::shard)
            .collect();
        let tokens = shards.iter().map(|shard| (*shard, ownership.token_of(*shard))).collect();
        self.recording = shards;
        Some(Batch { settled, lanes, tokens })
    }
}

/// One commit's worth.
pub(super) struct Batch {
    settled: Vec<Settled>,
    lanes: Vec<LaneUpdate>,
    /// Those with which it was decided.
    tokens: BTreeMap<u16, u64>,
}

impl Batch {
    /// Records it, however often that has to be tried: what was sent must be known to have been sent. What fails is said
    /// once, and once more when it is over. What belongs to another node by now is left out.
    pub(super) async fn record(
        mut self,
        store: Arc<dyn Store>,
        clock: Clock,
        live: Option<Live>,
        events: Events,
        ownership: Arc<Ownership>,
    ) -> Recorded {
        let mut done = Recorded {
            settlements: self
                .settled
                .iter()
                .map(|settled| (settled.settlement.account, settled.settlement.turn))
                .collect(),
            lanes: self.lanes.clone(),
            lost: Vec::new(),
        };
        let mut wait = FIRST_RETRY;
        let mut failed = false;
        loop {
            let changed: Vec<u16> = self
                .tokens
                .iter()
                .filter(|(shard, token)| !ownership.holds(**shard, **token))
                .map(|(shard, _)| *shard)
                .collect();
            self.leave_out(&changed);
            let leases: Vec<Lease> =
                self.tokens.iter().map(|(shard, token)| Lease { shard: *shard, token: *token }).collect();
            let recording =
                store.record_under(clock.now(), leases.clone(), self.settled.clone(), self.lanes.clone());
            match guarded(recording).await {
                Ok(()) => break,
                Err(StoreError::NotOwner(shards)) => {
                    tracing::warn!(shards = shards.len(), "outcomes of another node's shards are left out");
                    self.leave_out(&shards);
                    done.lost.extend(leases.into_iter().filter(|lease| shards.contains(&lease.shard)));
                    continue;
                }
                Err(error) if !failed => {
                    tracing::error!(%error, outcomes = self.settled.len(), "outcomes can't be recorded; trying on");
                }
                Err(_) => {}
            }
            failed = true;
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LAST_RETRY);
        }
        if failed {
            tracing::info!("outcomes are recorded again");
        }
        let tell = async {
            if let Some(live) = live {
                live.recorded(&self.settled);
            }
            events.recorded(clock.now(), &self.settled, &self.lanes);
        };
        if or_panic(tell).await.is_err() {
            tracing::error!("what was recorded could not be told to who watches: a panic");
        }
        done
    }

    fn leave_out(&mut self, shards: &[u16]) {
        if shards.is_empty() {
            return;
        }
        self.settled.retain(|settled| !shards.contains(&settled.settlement.account.shard()));
        self.lanes.retain(|lane| !shards.contains(&lane.account.shard()));
        self.tokens.retain(|shard, _| !shards.contains(shard));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use ringback_delivery::{Sequence, Settlement, Verdict};

    use super::*;

    fn settle(recorder: &mut Recorder, count: usize) {
        for number in 0..count {
            let turn = number as u64 + 1;
            let settlement = Settlement {
                account: AccountId::from_number(7).unwrap(),
                turn: Turn(turn),
                sequence: Sequence(turn),
                attempts: 1,
                verdict: Verdict::Delivered,
            };
            recorder.settle(Settled { settlement, attempt: None });
        }
    }

    fn next(recorder: &mut Recorder, is_shared: bool, now: Instant) -> Option<usize> {
        let ownership = Ownership::new(is_shared, Duration::from_secs(1));
        recorder.next(&ownership, now).map(|batch| batch.settled.len())
    }

    #[test]
    fn a_batch_grows_in_a_shared_store_until_it_is_large_or_the_last_one_was_long_ago() {
        let (mut recorder, mut now) = (Recorder::default(), Instant::now());
        settle(&mut recorder, 1);
        assert_eq!(next(&mut recorder, true, now), Some(1), "none came before");
        settle(&mut recorder, 1);
        assert_eq!(next(&mut recorder, true, now + GATHER), None, "one is under way");
        recorder.done();
        assert_eq!(recorder.gathers_for(now), Some(GATHER));
        assert_eq!(next(&mut recorder, true, now), None);
        now += GATHER;
        assert_eq!(recorder.gathers_for(now), None);
        assert_eq!(next(&mut recorder, true, now), Some(1));
        recorder.done();
        assert_eq!(recorder.gathers_for(now), None, "there is nothing");
        settle(&mut recorder, ENOUGH - 1);
        assert_eq!(next(&mut recorder, true, now), None);
        settle(&mut recorder, 1);
        assert_eq!(next(&mut recorder, true, now), Some(ENOUGH));
    }

    #[test]
    fn nothing_is_waited_for_in_a_store_of_one_process() {
        let (mut recorder, now) = (Recorder::default(), Instant::now());
        for _ in 0..2 {
            settle(&mut recorder, 1);
            assert_eq!(next(&mut recorder, false, now), Some(1));
            recorder.done();
        }
    }
}
