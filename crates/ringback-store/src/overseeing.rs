//! Looking over all accounts at once: who is in trouble, what it all adds up to, and who did what.
//!
//! Accounts may be a million. So [`Overseeing::troubled`] finds those in trouble by indexes that hold only them, and what
//! has to look at every account ([`Overseeing::tally`]) does so a bounded part at a time: its caller adds the parts up.

use std::cmp::Ordering;

use async_trait::async_trait;
use ringback_delivery::{AccountId, Health, Timestamp};

use crate::{AccountSummary, Counts, Reach, StoreError};

/// Acts that are kept at most; the oldest go.
pub const ACTS_KEPT: u64 = 10_000;

/// What ails an account, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ailment {
    /// Its endpoint answered 410: nothing is sent.
    Suspended,
    /// Its endpoint is in trouble: only probes are sent.
    OnHold,
    /// Its endpoint failed the last time that it was tried.
    Failing,
    /// An operator paused it.
    Paused,
    /// Some of its messages are dead.
    Dead,
}

impl Ailment {
    /// The worst of what ails an account; `None` for a healthy one. An account that is not registered has no endpoint
    /// that could fail, but its dead messages count.
    pub fn of(account: &AccountSummary) -> Option<Self> {
        let dead = (account.counts.dead > 0).then_some(Self::Dead);
        if !account.standing.registered {
            return dead;
        }
        let of_endpoint = match account.health() {
            Health::Suspended { .. } => Some(Self::Suspended),
            Health::Hold { .. } => Some(Self::OnHold),
            Health::Open { failures: 1.. } => Some(Self::Failing),
            Health::Open { .. } => None,
        };
        of_endpoint.or(account.standing.pause.since.map(|_| Self::Paused)).or(dead)
    }
}

/// The order of [`Overseeing::troubled`]: by ailment; suspended, on hold and paused ones that have been so for the longest
/// first, failing ones by their failures, those with dead messages by how many; then by account.
pub fn worst_first(one: &AccountSummary, other: &AccountSummary) -> Ordering {
    order(one).cmp(&order(other))
}

/// Ailment, since when or how many (as less comes first), account.
fn order(account: &AccountSummary) -> (Option<Ailment>, i64, AccountId) {
    let ailment = Ailment::of(account);
    let many = |count: u64| -i64::try_from(count).unwrap_or(i64::MAX);
    let degree = match (ailment, account.health()) {
        (Some(Ailment::Failing), Health::Open { failures }) => many(failures.into()),
        (Some(Ailment::Paused), _) => account.standing.pause.since.map_or(0, Timestamp::as_millis),
        (Some(Ailment::Dead), _) => many(account.counts.dead),
        (_, health) => health.closed_since().map_or(0, Timestamp::as_millis),
    };
    (ailment, degree, account.account)
}

/// How many lanes are in each state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LaneCounts {
    /// Registered, and nothing speaks against sending.
    pub active: u64,
    /// Registered, and paused by an operator.
    pub paused: u64,
    /// Registered, and on hold.
    pub on_hold: u64,
    /// Registered, and suspended by a 410.
    pub suspended: u64,
    /// Without a registration.
    pub unregistered: u64,
}

/// What a part of all accounts adds up to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    /// Accounts in this part.
    pub accounts: u64,
    /// Their ledgers in sum.
    pub counts: Counts,
    /// Their lanes. A pause goes before a suspension and a hold, as in an account's own state.
    pub lanes: LaneCounts,
    /// Those whose oldest pending message has waited the longest, and when it was accepted; the longest first.
    pub waiting: Vec<(AccountId, Timestamp)>,
    /// When the message was accepted that has waited the longest in a lane that nothing speaks against.
    pub oldest_in_active: Option<Timestamp>,
    /// When a message was or will be due, the first of all that are free to go in lanes that nothing speaks against: when it is
    /// to be tried again or, if it never was, when it was accepted. One that waits behind another of its key is not free. Of each
    /// queue [`Tally::DUE_LOOKED_AT`] messages are looked at; one that is out at this moment counts too.
    pub first_due: Option<Timestamp>,
    /// Where to go on: behind this account; `None` when this was the last part.
    pub next: Option<AccountId>,
}

impl Tally {
    /// How many of [`Tally::waiting`] are kept.
    pub const WAITING_KEPT: usize = 100;
    /// How many messages at the head of a queue, and how many of those to be tried again, are looked at for what is due.
    pub const DUE_LOOKED_AT: u32 = 100;

    /// Adds the part that follows.
    pub fn add(&mut self, part: Self) {
        let Self { accounts, counts, lanes, waiting, oldest_in_active, first_due, next } = part;
        self.accounts += accounts;
        self.counts.add(&counts);
        self.lanes.active += lanes.active;
        self.lanes.paused += lanes.paused;
        self.lanes.on_hold += lanes.on_hold;
        self.lanes.suspended += lanes.suspended;
        self.lanes.unregistered += lanes.unregistered;
        self.waiting.extend(waiting);
        self.keep_the_longest();
        self.oldest_in_active = self.oldest_in_active.into_iter().chain(oldest_in_active).min();
        self.count_due(first_due);
        self.next = next;
    }

    /// Counts one account.
    pub fn count(&mut self, account: &AccountSummary) {
        self.accounts += 1;
        self.counts.add(&account.counts);
        let lanes = &mut self.lanes;
        let state = match account.health() {
            _ if !account.standing.registered => &mut lanes.unregistered,
            _ if account.standing.pause.since.is_some() => &mut lanes.paused,
            Health::Open { .. } => &mut lanes.active,
            Health::Hold { .. } => &mut lanes.on_hold,
            Health::Suspended { .. } => &mut lanes.suspended,
        };
        *state += 1;
        if account.closed().is_none() {
            self.oldest_in_active = self.oldest_in_active.into_iter().chain(account.oldest_pending).min();
        }
        self.waiting.extend(account.oldest_pending.map(|since| (account.account, since)));
    }

    /// Counts what is due first of an account, if nothing keeps all of it waiting.
    pub fn count_due(&mut self, first_due: Option<Timestamp>) {
        self.first_due = self.first_due.into_iter().chain(first_due).min();
    }

    /// Sorts those who wait, and lets go of all but the first; [`Tally::add`] does it too.
    pub fn keep_the_longest(&mut self) {
        self.waiting.sort_unstable_by_key(|(account, since)| (*since, *account));
        self.waiting.truncate(Self::WAITING_KEPT);
    }
}

/// Something that a person did, for the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    /// When.
    pub at: Timestamp,
    /// Which credential's; 0 where nobody was let in.
    pub credential: i64,
    /// That credential's name, or what is known of who it was.
    pub by: String,
    /// To which account, where it was to one.
    pub account: Option<AccountId>,
    /// What was done, in a few words; no secret is in it.
    pub what: String,
}

/// An act as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptAct {
    /// Its number: later ones have higher ones.
    pub number: i64,
    /// The act.
    pub act: Act,
}

/// Looking over all accounts.
#[async_trait]
pub trait Overseeing {
    /// Accounts within reach that something ails ([`Ailment::of`]), in the order of [`worst_first`]; at most `limit`.
    ///
    /// Of all accounts ([`Reach::Every`]) they are found by an index for each ailment, and at most a thousand rows are
    /// walked for each, however many accounts there are: where more than that are in a bad way, the order within an
    /// ailment holds for what was walked. Of named accounts, the first 10,000 are looked at.
    async fn troubled(&self, reach: Reach, limit: usize) -> Result<Vec<AccountSummary>, StoreError>;

    /// What the next accounts within reach add up to, behind `after`, in an order that is the store's own; at most `limit`
    /// of them, and 10,000 whatever the limit. Each account is read in one snapshot, so that for the sum of all parts, too,
    /// accepted = delivered + pending + dead + cancelled.
    async fn tally(&self, reach: Reach, after: Option<AccountId>, limit: usize) -> Result<Tally, StoreError>;

    /// Keeps an act in the audit log, and forgets the oldest past [`ACTS_KEPT`].
    async fn note(&self, act: Act) -> Result<(), StoreError>;

    /// Acts, the newest first, with numbers below `before`; of one account, where that is asked for. At most `limit`.
    async fn acts(
        &self,
        account: Option<AccountId>,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<KeptAct>, StoreError>;
}
