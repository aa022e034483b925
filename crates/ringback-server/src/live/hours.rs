//! The last hour of each account that is active, by the minute.
//!
//! Accounts may be a million, of which a bounded number is remembered: there are two generations, the young and the old.
//! Who is active moves to the young one; when that is full it becomes the old one, and who was in the old one and did
//! not move is forgotten. So forgetting costs nothing, and the most active are never forgotten.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use ringback_delivery::{AccountId, Timestamp, Verdict};
use ringback_store::Settled;

/// Minutes that are kept of an account.
pub const MINUTES: usize = 60;
/// Accounts in a generation: some six megabytes in both, at most.
const GENERATION: usize = 4000;
const MILLIS: i64 = 60_000;

/// What was counted for an account in a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MinuteOfAccount {
    /// Messages accepted.
    pub accepted: u32,
    /// Messages delivered.
    pub delivered: u32,
    /// Attempts that failed, those that led to a death too.
    pub failed: u32,
}

impl MinuteOfAccount {
    fn add(&mut self, other: Self) {
        self.accepted = self.accepted.saturating_add(other.accepted);
        self.delivered = self.delivered.saturating_add(other.delivered);
        self.failed = self.failed.saturating_add(other.failed);
    }

    pub(super) fn count(&mut self, settled: &Settled) {
        match settled.settlement.verdict {
            Verdict::Delivered => self.delivered += 1,
            Verdict::Retry { .. } => self.failed += 1,
            Verdict::Dead(_) if settled.attempt.is_some() => self.failed += 1,
            Verdict::Dead(_) | Verdict::Cancelled => {}
        }
    }
}

/// See the module.
#[derive(Default)]
pub(super) struct Hours(Mutex<Generations>);

#[derive(Default)]
struct Generations {
    young: HashMap<AccountId, Hour>,
    old: HashMap<AccountId, Hour>,
}

/// A ring of minutes.
struct Hour {
    /// The last minute that was counted in, since the epoch.
    last: i64,
    minutes: Box<[MinuteOfAccount; MINUTES]>,
}

impl Hours {
    /// Counts each of these: `count` says how, and whose it is.
    pub(super) fn count<'a, T: 'a>(
        &self,
        now: Timestamp,
        of: impl Iterator<Item = &'a T>,
        count: impl Fn(&'a T, &mut MinuteOfAccount) -> AccountId,
    ) {
        let mut generations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for one in of {
            let mut counted = MinuteOfAccount::default();
            let account = count(one, &mut counted);
            if counted != MinuteOfAccount::default() {
                generations.hour(account).add(now, counted);
            }
        }
    }

    /// An account's last hour, the oldest minute first.
    pub(super) fn of(&self, now: Timestamp, account: AccountId) -> Vec<MinuteOfAccount> {
        let generations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let hour = generations.young.get(&account).or_else(|| generations.old.get(&account));
        let of_minute = |at: i64| hour.and_then(|hour| hour.at(at)).unwrap_or_default();
        last_hour(now).map(of_minute).collect()
    }

    /// The last hour of all of these that are remembered, in sum.
    pub(super) fn sum(&self, now: Timestamp, of: impl Fn(AccountId) -> bool) -> Vec<MinuteOfAccount> {
        let generations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sum = vec![MinuteOfAccount::default(); MINUTES];
        let known = generations.young.iter().chain(&generations.old);
        for (_, hour) in known.filter(|(account, _)| of(**account)) {
            for (sum, at) in sum.iter_mut().zip(last_hour(now)) {
                sum.add(hour.at(at).unwrap_or_default());
            }
        }
        sum
    }
}

impl Generations {
    fn hour(&mut self, account: AccountId) -> &mut Hour {
        if self.young.len() >= GENERATION && !self.young.contains_key(&account) {
            self.old = std::mem::take(&mut self.young);
        }
        let old = &mut self.old;
        self.young.entry(account).or_insert_with(|| old.remove(&account).unwrap_or_default())
    }
}

impl Default for Hour {
    fn default() -> Self {
        Self { last: i64::MIN / 2, minutes: Box::new([MinuteOfAccount::default(); MINUTES]) }
    }
}

impl Hour {
    fn add(&mut self, now: Timestamp, counted: MinuteOfAccount) {
        // A clock that was set back goes on with the last minute.
        let now = minute(now).max(self.last);
        for passed in (self.last.max(now - MINUTES as i64) + 1)..=now {
            self.minutes[place(passed)] = MinuteOfAccount::default();
        }
        self.last = now;
        self.minutes[place(now)].add(counted);
    }

    fn at(&self, minute: i64) -> Option<MinuteOfAccount> {
        let kept = self.last - MINUTES as i64 + 1..=self.last;
        kept.contains(&minute).then(|| self.minutes[place(minute)])
    }
}

fn last_hour(now: Timestamp) -> std::ops::RangeInclusive<i64> {
    let last = minute(now);
    last - MINUTES as i64 + 1..=last
}

fn minute(now: Timestamp) -> i64 {
    now.as_millis().div_euclid(MILLIS)
}

fn place(minute: i64) -> usize {
    usize::try_from(minute.rem_euclid(MINUTES as i64)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_millis(minutes * MILLIS + 17)
    }

    fn accept(hours: &Hours, now: Timestamp, number: u64) {
        hours.count(now, [number].iter(), |number, minute| {
            minute.accepted += 1;
            AccountId::from_number(*number).unwrap()
        });
    }

    fn accepted(hours: &Hours, now: Timestamp, number: u64) -> Vec<(usize, u32)> {
        let minutes = hours.of(now, AccountId::from_number(number).unwrap());
        assert_eq!(minutes.len(), MINUTES);
        let counted = minutes.iter().enumerate().filter(|(_, minute)| minute.accepted > 0);
        counted.map(|(place, minute)| (place, minute.accepted)).collect()
    }

    #[test]
    fn an_hour_shows_each_minute_in_its_place_and_forgets_what_is_older() {
        let hours = Hours::default();
        for minute in [100, 100, 130, 159] {
            accept(&hours, at(minute), 1);
        }
        assert_eq!(accepted(&hours, at(159), 1), [(0, 2), (30, 1), (59, 1)]);
        assert_eq!(accepted(&hours, at(160), 1), [(29, 1), (58, 1)]);
        accept(&hours, at(189), 1);
        assert_eq!(accepted(&hours, at(189), 1), [(0, 1), (29, 1), (59, 1)]);
        accept(&hours, at(1000), 1);
        assert_eq!(accepted(&hours, at(1000), 1), [(59, 1)]);
        assert_eq!(accepted(&hours, at(5000), 1), []);
        assert_eq!(accepted(&hours, at(1000), 2), []);
        accept(&hours, at(999), 3);
        let sum = |of: &dyn Fn(AccountId) -> bool| -> Vec<u32> {
            let minutes = hours.sum(at(1000), of);
            minutes.iter().map(|minute| minute.accepted).skip(MINUTES - 2).collect()
        };
        assert_eq!(sum(&|_| true), [1, 1]);
        assert_eq!(sum(&|account| account.number() == 3), [1, 0]);
    }

    #[test]
    fn a_clock_that_is_set_back_counts_on() {
        let hours = Hours::default();
        accept(&hours, at(100), 1);
        accept(&hours, at(50), 1);
        assert_eq!(accepted(&hours, at(100), 1), [(59, 2)]);
    }

    #[test]
    fn however_many_accounts_there_are_a_bounded_number_is_remembered_and_the_active_one_is() {
        let hours = Hours::default();
        for number in 0..20_000 {
            accept(&hours, at(0), number);
            accept(&hours, at(0), 99_999);
        }
        assert_eq!(accepted(&hours, at(0), 99_999), [(59, 20_000)]);
        let generations = hours.0.lock().unwrap();
        assert!(generations.young.len() <= GENERATION && generations.old.len() <= GENERATION);
    }
}
