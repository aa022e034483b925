//! Gathers outcomes into commits: while one batch is being recorded, the next one grows.
//!
//! What a damaged store refuses for good must hold up nobody else: a batch of which something is refused so is recorded in
//! parts, and what is refused alone is *set aside*, with all that comes for its account, and tried again after a while.

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

/// Settlements in one commit, at most.
const BATCH: usize = 4096;
/// How long to wait before a batch that failed is tried again: at first, and at most.
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LAST_RETRY: Duration = Duration::from_secs(5);
/// A database that several nodes share works on each batch for as long as on thirty settlements, and syncs it by itself. So
/// the next batch grows until there are enough in it, or the last one began so long ago.
const ENOUGH: usize = 256;
const GATHER: Duration = Duration::from_millis(8);
/// How long what was set aside stays so, until it is tried again.
const ASIDE_FOR: Duration = Duration::from_secs(60);

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
#[derive(Default)]
struct Aside {
    settled: Vec<Settled>,
    lane: Option<LaneRecord>,
    /// That with which it was decided.
    token: u64,
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
            self.aside.entry(*account).or_default().token = token;
            self.aside_until.get_or_insert(now + ASIDE_FOR);
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
        self.aside_until = None;
        let aside = std::mem::take(&mut self.aside);
        let tried = aside.keys().copied().collect();
        for (account, aside) in aside {
            self.settled.extend(aside.settled);
            self.lanes.extend(aside.lane.map(|record| (account, record)));
        }
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
    pub(super) fn refuse_outdated(&mut self, ownership: &Ownership) -> Recorded {
        let outdated = |(account, aside): (&AccountId, &Aside)| {
            let same = aside.token != 0 && ownership.token_of(account.shard()) == aside.token;
            (!same).then_some(*account)
        };
        let outdated: BTreeSet<AccountId> = self.aside.iter().filter_map(outdated).collect();
        if outdated.is_empty() {
            Recorded::default()
        } else {
            self.refuse(|account| outdated.contains(&account))
        }
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
        let mut kept = Part::default();
        let shards = tokens.len();
        // Of these the last goes next.
        let mut parts = vec![Part { settled, lanes }];
        let mut wait = FIRST_RETRY;
        let mut failed = false;
        while let Some(mut part) = parts.pop() {
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
            match guarded(recording).await {
                Ok(()) => {
                    kept.add(part);
                    continue;
                }
                Err(StoreError::NotOwner(lost)) => {
                    tracing::warn!(shards = lost.len(), "outcomes of another node's shards are left out");
                    tokens.retain(|shard, _| !lost.contains(shard));
                    done.lost.extend(leases.into_iter().filter(|lease| lost.contains(&lease.shard)));
                    parts.push(part);
                    continue;
                }
                Err(StoreError::Damaged(reason)) => {
                    match part.halve() {
                        Ok((first, second)) => parts.extend([second, first]),
                        Err(alone) => done.refuse(alone, &reason),
                    }
                    continue;
                }
                Err(error) if !failed => {
                    tracing::error!(%error, outcomes = part.settled.len(), "outcomes can't be recorded; trying on");
                }
                Err(_) => {}
            }
            parts.push(part);
            failed = true;
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LAST_RETRY);
        }
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

/// What is recorded at once.
#[derive(Default)]
struct Part {
    settled: Vec<Settled>,
    lanes: Vec<LaneUpdate>,
}

impl Part {
    /// Leaves out what is not in these shards.
    fn keep_only(&mut self, tokens: &BTreeMap<u16, u64>) {
        self.settled.retain(|settled| tokens.contains_key(&settled.settlement.account.shard()));
        self.lanes.retain(|lane| tokens.contains_key(&lane.account.shard()));
    }

    fn add(&mut self, other: Self) {
        if self.settled.is_empty() && self.lanes.is_empty() {
            *self = other;
        } else {
            self.settled.extend(other.settled);
            self.lanes.extend(other.lanes);
        }
    }

    /// Its two halves, or itself where it is one thing alone. An account's outcomes stay together, and in their order, as
    /// long as there are another's.
    fn halve(mut self) -> Result<(Self, Self), Self> {
        let accounts: BTreeSet<AccountId> = self
            .settled
            .iter()
            .map(|settled| settled.settlement.account)
            .chain(self.lanes.iter().map(|lane| lane.account))
            .collect();
        if accounts.len() > 1 {
            let firsts: BTreeSet<AccountId> = accounts.iter().copied().take(accounts.len() / 2).collect();
            let (first_settled, settled) =
                self.settled.into_iter().partition(|settled| firsts.contains(&settled.settlement.account));
            let (first_lanes, lanes) =
                self.lanes.into_iter().partition(|lane| firsts.contains(&lane.account));
            return Ok((Self { settled: first_settled, lanes: first_lanes }, Self { settled, lanes }));
        }
        if self.settled.len() + self.lanes.len() < 2 {
            return Err(self);
        }
        let rest = self.settled.split_off(self.settled.len().div_ceil(2));
        let lanes = std::mem::take(&mut self.lanes);
        Ok((self, Self { settled: rest, lanes }))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use ringback_delivery::{MessageKind, Sequence, Verdict};
    use ringback_store::sqlite::{Limits, SqliteOptions, SqliteStore};
    use ringback_store::{Content, NewMessage, Publishing as _, Registration, Registrations as _, Secret};

    use super::*;

    fn settled(account: AccountId, turn: u64) -> Settled {
        let (sequence, turn) = (Sequence(turn), Turn(turn));
        let settlement = Settlement { account, turn, sequence, attempts: 1, verdict: Verdict::Delivered };
        Settled { settlement, attempt: None }
    }

    fn settle(recorder: &mut Recorder, count: usize) {
        for number in 0..count {
            recorder.settle(settled(AccountId::from_number(7).unwrap(), number as u64 + 1));
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
        recorder.done(Refused::default(), now);
        assert_eq!(recorder.gathers_for(now), Some(GATHER));
        assert_eq!(next(&mut recorder, true, now), None);
        now += GATHER;
        assert_eq!(recorder.gathers_for(now), None);
        assert_eq!(next(&mut recorder, true, now), Some(1));
        recorder.done(Refused::default(), now);
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
            recorder.done(Refused::default(), now);
        }
    }

    #[tokio::test]
    async fn what_the_store_refuses_for_good_is_set_aside_alone_and_recorded_when_it_can_be() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db");
        let limits = Limits { free_space_reserve: 0, ..Limits::default() };
        let options = SqliteOptions { limits, ..SqliteOptions::server(path.clone()) };
        let store = Arc::new(SqliteStore::open(options).unwrap());
        let clock = Clock::system();
        let accounts = [1, 2, 3].map(|number| AccountId::from_number(number).unwrap());
        let mut recorder = Recorder::default();
        for account in accounts {
            let registration =
                Registration { url: Secret::new("http://127.0.0.1:9/"), username: None, password: None };
            store.register(clock.now(), account, registration).await.unwrap();
            let message = NewMessage {
                account,
                kind: MessageKind::FirmwareList,
                key: None,
                idempotency: None,
                content: Content { body: "{}".into(), trace: None },
            };
            store.accept(clock.now(), vec![message.clone(), message.clone(), message]).await.unwrap();
            for turn in 1..=3 {
                recorder.settle(settled(account, turn));
            }
            recorder
                .keep(LaneUpdate { account, record: LaneRecord { successes: 3, ..LaneRecord::default() } });
        }
        let database = rusqlite::Connection::open(path).unwrap();
        let rename = |from: u64, to: u64| {
            let sql = "UPDATE message SET sequence = ?3 WHERE account = ?1 AND sequence = ?2";
            assert_eq!(database.execute(sql, [accounts[1].number(), from, to]).unwrap(), 1);
        };
        let pending = || {
            let count = "SELECT count(*) FROM pending";
            database.query_row(count, [], |row| row.get::<_, u64>(0)).unwrap()
        };
        rename(2, 1002);
        let ownership = Arc::new(Ownership::new(false, Duration::from_secs(1)));
        let record = |batch: Batch| {
            batch.record(store.clone(), clock.clone(), None, Events::default(), ownership.clone())
        };

        let now = Instant::now();
        let recorded = record(recorder.next(&ownership, now).unwrap()).await;
        assert_eq!(pending(), 1, "one can't be recorded, and eight are");
        assert_eq!((recorded.settlements.len(), recorded.lanes.len()), (8, 3));
        assert!(!recorded.settlements.contains(&(accounts[1], Turn(2))));
        assert_eq!(recorder.done(recorded.refused, now), [(accounts[1], true)]);
        assert!(recorder.is_empty(), "nobody waits for it");

        // What comes for the account goes behind it, and for others as ever.
        recorder.settle(settled(accounts[1], 3));
        recorder.settle(settled(accounts[2], 3));
        assert_eq!(recorder.next(&ownership, now).unwrap().settled.len(), 1);
        assert!(recorder.done(Refused::default(), now).is_empty());

        // After a while it is tried again; and once more, when it has been put right.
        let recorded = record(recorder.next(&ownership, now + ASIDE_FOR).unwrap()).await;
        assert_eq!(recorded.settlements, [(accounts[1], Turn(3))]);
        assert_eq!(recorder.done(recorded.refused, now), [(accounts[1], true)]);
        rename(1002, 2);
        let recorded = record(recorder.next(&ownership, now + ASIDE_FOR).unwrap()).await;
        assert_eq!(recorded.settlements, [(accounts[1], Turn(2))]);
        assert_eq!(recorder.done(recorded.refused, now), [(accounts[1], false)]);
        assert_eq!(pending(), 0);
    }

    #[test]
    fn what_was_set_aside_goes_with_its_shard() {
        let ownership = Ownership::new(true, Duration::from_secs(1));
        let account = AccountId::from_number(7).unwrap();
        let mut recorder = Recorder::default();
        let refused = || Refused {
            settled: vec![settled(account, 1)],
            tokens: BTreeMap::from([(account.shard(), 5)]),
            ..Refused::default()
        };
        ownership.gain(account.shard(), 5);
        recorder.done(refused(), Instant::now());
        assert!(recorder.refuse_outdated(&ownership).settlements.is_empty());
        assert!(!recorder.has(account.shard()), "it keeps no shard from being given back");
        assert_eq!(recorder.refuse(|of| of == account).settlements, [(account, Turn(1))]);
        // The shard was lost, and is the node's anew, while that was being recorded.
        ownership.gain(account.shard(), 6);
        recorder.done(refused(), Instant::now());
        assert_eq!(recorder.refuse_outdated(&ownership).settlements, [(account, Turn(1))]);
        assert!(recorder.refuse_outdated(&ownership).settlements.is_empty());
    }
}
