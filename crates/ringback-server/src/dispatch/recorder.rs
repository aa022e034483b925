//! Gathers outcomes into commits: while one batch is being recorded, the next one grows.
//!
//! What a damaged store refuses for good must hold up nobody else: a batch of which something is refused so is recorded in
//! parts, and what is refused alone, and more than once, is *set aside*, with all that comes for its account, and tried again
//! after a while.

mod parts;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ringback_delivery::{AccountId, LaneRecord, LaneUpdate, Settlement, Turn};
use ringback_store::{Lease, Settled, Store, StoreError};

use crate::clock::Clock;
use crate::events::Events;
use crate::live::Live;

use super::guarded::{guarded, or_panic};
use super::ownership::Ownership;
use parts::{Part, Parts};

/// Settlements in one commit, at most.
const BATCH: usize = 4096;
/// How long to wait before a batch that failed is tried again: at first, and at most.
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LAST_RETRY: Duration = Duration::from_secs(5);
/// A database that several nodes share works on each batch for as long as on thirty settlements, and syncs it by itself. So
/// the next batch grows until there are enough in it, or the last one began so long ago.
const ENOUGH: usize = 512;
const GATHER: Duration = Duration::from_millis(16);
/// How long what was set aside stays so, until it is tried again.
const ASIDE_FOR: Duration = Duration::from_secs(60);
/// Accounts of which that is tried again at once: as long as nothing of it is kept, others wait for it.
const ASIDE_AT_ONCE: usize = 16;

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
    /// What can't be recorded, and what came for the same accounts since.
    aside: BTreeMap<AccountId, Aside>,
    /// When that is tried again.
    aside_until: Option<Instant>,
}

/// What was set aside of an account.
struct Aside {
    settled: Vec<Settled>,
    lane: Option<LaneRecord>,
    /// That with which it was decided.
    token: u64,
    /// When it was refused last.
    since: Instant,
}

/// What is recorded, or refused: each is told to the engine.
#[derive(Default)]
pub(super) struct Recorded {
    pub(super) settlements: Vec<(AccountId, Turn)>,
    pub(super) lanes: Vec<LaneUpdate>,
    /// Shards that turned out to be another node's.
    pub(super) lost: Vec<Lease>,
    /// What can't be recorded.
    pub(super) refused: Refused,
}

/// What a damaged store refuses.
#[derive(Default)]
pub(super) struct Refused {
    /// Accounts of which something had been set aside, and was tried again.
    tried: Vec<AccountId>,
    settled: Vec<Settled>,
    lanes: Vec<LaneUpdate>,
    tokens: BTreeMap<u16, u64>,
}

impl Recorder {
    pub(super) fn settle(&mut self, settled: Settled) {
        match self.aside.get_mut(&settled.settlement.account) {
            Some(aside) => aside.settled.push(settled),
            None => self.settled.push(settled),
        }
    }

    pub(super) fn keep(&mut self, update: LaneUpdate) {
        match self.aside.get_mut(&update.account) {
            Some(aside) => aside.lane = Some(update.record),
            None => {
                self.lanes.insert(update.account, update.record);
            }
        }
    }

    /// Whether nothing waits but what was set aside.
    pub(super) fn is_empty(&self) -> bool {
        self.has_nothing() && !self.busy
    }

    /// The last batch is recorded, but for what was refused: that is set aside. Gives the accounts of which something is set
    /// aside since, and those of which nothing is any more.
    pub(super) fn done(&mut self, refused: Refused, now: Instant) -> Vec<(AccountId, bool)> {
        self.busy = false;
        self.recording.clear();
        if refused.tried.is_empty() && refused.settled.is_empty() && refused.lanes.is_empty() {
            return Vec::new();
        }
        let Refused { tried, settled, lanes, tokens } = refused;
        let mut accounts: BTreeMap<AccountId, bool> =
            tried.into_iter().map(|account| (account, false)).collect();
        accounts.extend(settled.iter().map(|settled| (settled.settlement.account, true)));
        accounts.extend(lanes.iter().map(|lane| (lane.account, true)));
        for (account, _) in accounts.iter().filter(|(_, is_aside)| **is_aside) {
            let token = tokens.get(&account.shard()).copied().unwrap_or_default();
            let new = || Aside { settled: Vec::new(), lane: None, token, since: now };
            let aside = self.aside.entry(*account).or_insert_with(new);
            (aside.token, aside.since) = (token, now);
            self.aside_until.get_or_insert(now + ASIDE_FOR);
        }
        let go_on = |(account, is_aside): (&AccountId, &bool)| {
            (!is_aside && tokens.contains_key(&account.shard())).then_some(*account)
        };
        for account in accounts.iter().filter_map(go_on) {
            tracing::info!(%account, "what came of an account's messages could be recorded; it goes on");
            // So may others.
            self.aside_until = (!self.aside.is_empty()).then_some(now);
        }
        // Behind it comes what was decided as it was being recorded.
        let since = std::mem::take(&mut self.settled);
        settled.into_iter().chain(since).for_each(|settled| self.settle(settled));
        let since = std::mem::take(&mut self.lanes);
        lanes.into_iter().for_each(|lane| self.keep(lane));
        since.into_iter().for_each(|(account, record)| self.keep(LaneUpdate { account, record }));
        accounts.into_iter().collect()
    }

    /// Has what was set aside recorded with the rest, if it is time; whose it is.
    fn take_up_aside(&mut self, now: Instant) -> Vec<AccountId> {
        if self.aside_until.is_none_or(|until| now < until) {
            return Vec::new();
        }
        let mut tried: Vec<AccountId> = self.aside.keys().copied().collect();
        tried.sort_by_key(|account| self.aside.get(account).map(|aside| aside.since));
        tried.truncate(ASIDE_AT_ONCE);
        let mut front = Vec::new();
        for account in &tried {
            let Some(aside) = self.aside.remove(account) else { continue };
            front.extend(aside.settled);
            self.lanes.extend(aside.lane.map(|record| (*account, record)));
        }
        // In front: their accounts go on when they are recorded, so they must be in the next batch.
        self.settled.splice(0..0, front);
        self.aside_until = (!self.aside.is_empty()).then_some(now + ASIDE_FOR);
        tried
    }

    /// Whether something of the shard waits to be recorded, or is being recorded; what was set aside does not count.
    pub(super) fn has(&self, shard: u16) -> bool {
        self.recording.contains(&shard)
            || self.settled.iter().any(|settled| settled.settlement.account.shard() == shard)
            || self.lanes.keys().any(|account| account.shard() == shard)
    }

    /// Takes out what waits of these accounts: it is not theirs to be recorded any more.
    pub(super) fn refuse(&mut self, of: impl Fn(AccountId) -> bool) -> Recorded {
        let mut refused = Recorded::default();
        self.aside.retain(|account, aside| {
            let goes = of(*account);
            if goes {
                self.settled.append(&mut aside.settled);
                self.lanes.extend(aside.lane.map(|record| (*account, record)));
            }
            !goes
        });
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

    /// Takes out what was set aside under other tokens than these: another node may have had its shard meanwhile.
    pub(super) fn refuse_outdated(&mut self, ownership: &Ownership) -> Option<Recorded> {
        let outdated = |(account, aside): (&AccountId, &Aside)| {
            let same = aside.token != 0 && ownership.token_of(account.shard()) == aside.token;
            (!same).then_some(*account)
        };
        let outdated: BTreeSet<AccountId> = self.aside.iter().filter_map(outdated).collect();
        (!outdated.is_empty()).then(|| self.refuse(|account| outdated.contains(&account)))
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
        if self.busy {
            return None;
        }
        let tried = self.take_up_aside(now);
        if tried.is_empty() && (self.has_nothing() || self.gathers_for(now).is_some()) {
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
        Some(Batch { settled, lanes, tokens, tried })
    }
}

/// One commit's worth.
pub(super) struct Batch {
    settled: Vec<Settled>,
    lanes: Vec<LaneUpdate>,
    /// Those with which it was decided.
    tokens: BTreeMap<u16, u64>,
    /// Whose outcomes had been set aside.
    tried: Vec<AccountId>,
}

impl Batch {
    /// Records it, however often that has to be tried: what was sent must be known to have been sent. What fails is said
    /// once, and once more when it is over. What belongs to another node by now is left out, and what the store refuses for
    /// good as well.
    pub(super) async fn record(
        self,
        store: Arc<dyn Store>,
        clock: Clock,
        live: Option<Live>,
        events: Events,
        ownership: Arc<Ownership>,
    ) -> Recorded {
        let Self { settled, lanes, mut tokens, tried } = self;
        let mut done = Recorded {
            settlements: settled
                .iter()
                .map(|settled| (settled.settlement.account, settled.settlement.turn))
                .collect(),
            lanes: lanes.clone(),
            lost: Vec::new(),
            refused: Refused { tried, ..Refused::default() },
        };
        let shards = tokens.len();
        let mut parts = Parts::of(Part::new(settled, lanes));
        let mut wait = FIRST_RETRY;
        let mut failed = false;
        while let Some(mut part) = parts.next() {
            let changed: Vec<u16> = tokens
                .iter()
                .filter(|(shard, token)| !ownership.holds(**shard, **token))
                .map(|(shard, _)| *shard)
                .collect();
            tokens.retain(|shard, _| !changed.contains(shard));
            if tokens.len() < shards {
                part.keep_only(&tokens);
            }
            let leases: Vec<Lease> =
                tokens.iter().map(|(shard, token)| Lease { shard: *shard, token: *token }).collect();
            let recording =
                store.record_under(clock.now(), leases.clone(), part.settled.clone(), part.lanes.clone());
            let error = match guarded(recording).await {
                Ok(()) => {
                    parts.keep(part);
                    continue;
                }
                Err(StoreError::NotOwner(lost)) => {
                    tracing::warn!(shards = lost.len(), "outcomes of another node's shards are left out");
                    tokens.retain(|shard, _| !lost.contains(shard));
                    done.lost.extend(leases.into_iter().filter(|lease| lost.contains(&lease.shard)));
                    parts.again(part);
                    continue;
                }
                Err(error) => error,
            };
            let (pause, fails) = match &error {
                StoreError::Damaged(reason) => parts.refuse(part, reason.clone(), &done.refused.tried),
                _ => {
                    parts.again(part);
                    let longer = (wait * 2).min(LAST_RETRY);
                    (std::mem::replace(&mut wait, longer), true)
                }
            };
            if fails && !failed {
                tracing::error!(%error, outcomes = done.settlements.len(), "outcomes can't be recorded; trying on");
            }
            failed |= fails;
            tokio::time::sleep(pause).await;
        }
        let Parts { kept, refused, .. } = parts;
        refused.into_iter().for_each(|(alone, reason)| done.refuse(alone, &reason));
        if failed {
            tracing::info!("outcomes are recorded again");
        }
        done.refused.tokens = tokens;
        let tell = async {
            if let Some(live) = live {
                live.recorded(&kept.settled);
            }
            events.recorded(clock.now(), &kept.settled, &kept.lanes);
        };
        if or_panic(tell).await.is_err() {
            tracing::error!("what was recorded could not be told to who watches: a panic");
        }
        done
    }
}

impl Recorded {
    /// This is not recorded: the store refuses it though it comes alone.
    fn refuse(&mut self, alone: Part, reason: &str) {
        for settled in alone.settled {
            let Settlement { account, turn, sequence, .. } = settled.settlement;
            if !self.refused.tried.contains(&account) {
                tracing::error!(
                    %account, sequence = sequence.0, reason,
                    "what came of a message can't be recorded; its account stands still until it can be"
                );
            }
            self.settlements.retain(|recorded| *recorded != (account, turn));
            self.refused.settled.push(settled);
        }
        for lane in alone.lanes {
            if !self.refused.tried.contains(&lane.account) {
                tracing::error!(
                    account = %lane.account, reason,
                    "an account's state can't be recorded; it stands still until it can be"
                );
            }
            self.lanes.retain(|recorded| recorded.account != lane.account);
            self.refused.lanes.push(lane);
        }
    }
}

#[cfg(test)]
mod tests;
