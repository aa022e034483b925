//! Places for requests that take long: so many in all, and so many for one account, so that none takes them all.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ringback_delivery::AccountId;

/// How many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlaceLimits {
    /// In all.
    pub in_all: usize,
    /// For one account, or one credential.
    pub each: usize,
}

/// See the module. Only accounts that have a place are in memory.
pub(super) struct Places {
    limits: PlaceLimits,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    in_all: usize,
    by: HashMap<AccountId, usize>,
}

/// A place, given back when it is dropped.
pub(super) struct Place<'a> {
    places: &'a Places,
    account: AccountId,
}

impl Places {
    pub(super) fn new(limits: PlaceLimits) -> Self {
        Self { limits, taken: Mutex::default() }
    }

    /// A place for the account; `None` when there is none left, in all or for it.
    pub(super) fn take(&self, account: AccountId) -> Option<Place<'_>> {
        let mut taken = self.lock();
        let of_account = taken.by.get(&account).copied().unwrap_or_default();
        if taken.in_all >= self.limits.in_all || of_account >= self.limits.each {
            return None;
        }
        taken.in_all += 1;
        taken.by.insert(account, of_account + 1);
        Some(Place { places: self, account })
    }

    /// How many are taken.
    pub(super) fn taken(&self) -> usize {
        self.lock().in_all
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        taken.in_all -= 1;
        if let Some(of_account) = taken.by.get_mut(&self.account) {
            *of_account -= 1;
            if *of_account == 0 {
                taken.by.remove(&self.account);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn account(number: u64) -> AccountId {
        AccountId::from_number(number).unwrap()
    }

    #[test]
    fn one_account_does_not_take_them_all() {
        let places = Places::new(PlaceLimits { in_all: 3, each: 2 });
        let _held = (places.take(account(1)).unwrap(), places.take(account(1)).unwrap());
        assert!(places.take(account(1)).is_none());
        let _other = places.take(account(2)).unwrap();
        assert!(places.take(account(3)).is_none());
    }

    #[test]
    fn a_place_that_is_given_back_is_taken_again_and_nothing_is_kept_of_it() {
        let places = Places::new(PlaceLimits { in_all: 1, each: 1 });
        drop(places.take(account(1)).unwrap());
        drop(places.take(account(2)).unwrap());
        assert!(places.lock().by.is_empty());
    }
}
