//! A batch that a damaged store refuses, in parts: by halves, until what is refused is alone.
//!
//! That something is refused may be due to another's damage, that it was committed with. So nothing is given up for one
//! refusal, and each is followed by a wait; and where of several accounts nothing at all is kept, the store is failing, rather
//! than what is recorded.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use ringback_delivery::{AccountId, LaneUpdate};
use ringback_store::Settled;

use super::{FIRST_RETRY, LAST_RETRY};

/// How often a thing must be refused alone, until it is given up; and how many things of an account, until the rest of it is not
/// tried either.
const REFUSALS: u32 = 3;
/// Accounts of which so many things are refused and nothing is kept are enough to know that all would be.
const MANY: usize = 8;
/// How often the store is waited for where nothing is kept, until all that is refused is given up after all.
const ROUNDS: u32 = 6;

/// What is recorded at once.
#[derive(Default)]
pub(super) struct Part {
    pub(super) settled: Vec<Settled>,
    pub(super) lanes: Vec<LaneUpdate>,
    /// How often it was refused in a row.
    refusals: u32,
}

impl Part {
    pub(super) fn new(settled: Vec<Settled>, lanes: Vec<LaneUpdate>) -> Self {
        Self { settled, lanes, refusals: 0 }
    }

    /// Leaves out what is not in these shards.
    pub(super) fn keep_only(&mut self, tokens: &BTreeMap<u16, u64>) {
        self.settled.retain(|settled| tokens.contains_key(&settled.settlement.account.shard()));
        self.lanes.retain(|lane| tokens.contains_key(&lane.account.shard()));
    }

    fn is_empty(&self) -> bool {
        self.settled.is_empty() && self.lanes.is_empty()
    }

    fn add(&mut self, other: Self) {
        if self.is_empty() {
            *self = other;
        } else {
            self.settled.extend(other.settled);
            self.lanes.extend(other.lanes);
        }
    }

    fn accounts(&self) -> BTreeSet<AccountId> {
        let settled = self.settled.iter().map(|settled| settled.settlement.account);
        settled.chain(self.lanes.iter().map(|lane| lane.account)).collect()
    }

    /// Its two halves, or itself where it is one thing alone. An account's outcomes stay together, and in their order, as
    /// long as there are another's.
    fn halve(mut self) -> Result<(Self, Self), Self> {
        let accounts = self.accounts();
        if accounts.len() > 1 {
            let firsts: BTreeSet<AccountId> = accounts.iter().copied().take(accounts.len() / 2).collect();
            let (first_settled, settled) =
                self.settled.into_iter().partition(|settled| firsts.contains(&settled.settlement.account));
            let (first_lanes, lanes) =
                self.lanes.into_iter().partition(|lane| firsts.contains(&lane.account));
            return Ok((Self::new(first_settled, first_lanes), Self::new(settled, lanes)));
        }
        if self.settled.len() + self.lanes.len() < 2 {
            return Err(self);
        }
        let rest = self.settled.split_off(self.settled.len().div_ceil(2));
        let lanes = std::mem::take(&mut self.lanes);
        Ok((Self::new(self.settled, Vec::new()), Self::new(rest, lanes)))
    }
}

/// All of a batch.
#[derive(Default)]
pub(super) struct Parts {
    waiting: VecDeque<Part>,
    /// All that is recorded.
    pub(super) kept: Part,
    /// What was refused alone, and for what reason.
    pub(super) refused: Vec<(Part, String)>,
    /// How many things of each account those are.
    given_up: BTreeMap<AccountId, u32>,
    rounds: u32,
}

impl Parts {
    pub(super) fn of(batch: Part) -> Self {
        Self { waiting: VecDeque::from([batch]), ..Self::default() }
    }

    /// What to record next.
    pub(super) fn next(&mut self) -> Option<Part> {
        self.waiting.pop_front()
    }

    /// It is to be tried again.
    pub(super) fn again(&mut self, part: Part) {
        self.waiting.push_front(part);
    }

    pub(super) fn keep(&mut self, part: Part) {
        self.kept.add(part);
    }

    /// The store refused this. How long to wait before the next; and whether the store is failing, as it refuses all. Of
    /// accounts whose outcomes had been `aside` already one refusal is enough, and no surprise that is waited for.
    pub(super) fn refuse(&mut self, mut part: Part, reason: String, aside: &[AccountId]) -> (Duration, bool) {
        let wait = FIRST_RETRY * (1 << part.refusals.min(REFUSALS));
        part.refusals += 1;
        let is_known = part.accounts().iter().all(|account| aside.contains(account));
        let of_several = part.accounts().len() > 1;
        match part.halve() {
            // The large parts first: if anything can be kept, that is soon known.
            Ok(halves) if of_several => self.waiting.extend(<[Part; 2]>::from(halves)),
            // And an account's outcomes in their order.
            Ok((first, second)) => [second, first].into_iter().for_each(|part| self.again(part)),
            Err(alone) if alone.refusals < REFUSALS && !is_known => self.again(alone),
            Err(alone) => self.give_up(alone, reason),
        }
        if self.rounds == ROUNDS || !self.refuses_all(aside) {
            let is_over = self.waiting.is_empty();
            return (if is_known || is_over { Duration::ZERO } else { wait }, false);
        }
        self.rounds += 1;
        self.given_up.clear();
        let mut batch = Part::default();
        self.refused.drain(..).for_each(|(part, _)| batch.add(part));
        self.waiting.drain(..).for_each(|part| batch.add(part));
        batch.refusals = 0;
        self.again(batch);
        (LAST_RETRY, true)
    }

    /// This can't be recorded; nor, where that holds for several things of its account, what is left of it: it stands still anyway.
    fn give_up(&mut self, alone: Part, reason: String) {
        let accounts = alone.accounts();
        self.refused.push((alone, reason.clone()));
        let Some(account) = accounts.first() else { return };
        let given_up = self.given_up.entry(*account).or_default();
        *given_up += 1;
        if *given_up < REFUSALS {
            return;
        }
        for part in std::mem::take(&mut self.waiting) {
            if part.accounts() == accounts {
                self.refused.push((part, reason.clone()));
            } else {
                self.waiting.push_back(part);
            }
        }
    }

    /// Whether several accounts were tried, and nothing at all was kept.
    fn refuses_all(&self, aside: &[AccountId]) -> bool {
        let accounts: BTreeSet<AccountId> =
            self.refused.iter().flat_map(|(part, _)| part.accounts()).collect();
        let fresh = accounts.iter().filter(|account| !aside.contains(account)).count();
        self.kept.is_empty() && fresh > 1 && (fresh >= MANY || self.waiting.is_empty())
    }
}
