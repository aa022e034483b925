//! Which account when: at most one moment for each, and the earliest at hand.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::account::AccountId;
use crate::hashing::NumberMap;
use crate::time::Timestamp;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Timetable {
    by_time: BTreeSet<(Timestamp, AccountId)>,
    by_account: NumberMap<AccountId, Timestamp>,
}

impl Timetable {
    /// Sets, moves or removes an account's moment.
    pub(super) fn set(&mut self, account: AccountId, at: Option<Timestamp>) {
        let before = match at {
            Some(at) => self.by_account.insert(account, at),
            None if self.by_account.is_empty() => None,
            None => self.by_account.remove(&account),
        };
        if before == at {
            return;
        }
        if let Some(before) = before {
            self.by_time.remove(&(before, account));
        }
        if let Some(at) = at {
            self.by_time.insert((at, account));
        }
    }

    /// Sets an account's moment if it has none.
    pub(super) fn set_once(&mut self, account: AccountId, at: Timestamp) {
        if !self.by_account.contains_key(&account) {
            self.set(account, Some(at));
        }
    }

    /// Sets every moment back.
    pub(super) fn set_back(&mut self, by: Duration) {
        for at in self.by_account.values_mut() {
            *at = at.set_back(by);
        }
        self.by_time = self.by_account.iter().map(|(account, at)| (*at, *account)).collect();
    }

    /// The earliest.
    pub(super) fn first(&self) -> Option<(Timestamp, AccountId)> {
        self.by_time.first().copied()
    }
}
