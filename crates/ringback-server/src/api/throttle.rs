//! Once in a while for an account, and no oftener.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ringback_delivery::{AccountId, Timestamp};

/// Remembers when each account was last let through, for as long as that matters, and a bounded number of them.
pub(super) struct Throttle {
    every: Duration,
    most: usize,
    last: Mutex<HashMap<AccountId, Timestamp>>,
}

impl Throttle {
    pub(super) fn new(every: Duration, most: usize) -> Self {
        Self { every, most, last: Mutex::default() }
    }

    /// Lets the account through, or says how long it has to wait: also when so many others were let through that no
    /// more can be remembered.
    pub(super) fn pass(&self, now: Timestamp, account: AccountId) -> Result<(), Duration> {
        let mut last = self.lock();
        if let Some(before) = last.get(&account) {
            let since = now.since(*before);
            if since < self.every {
                return Err(self.every - since);
            }
        } else if last.len() >= self.most {
            last.retain(|_, before| now.since(*before) < self.every);
            if last.len() >= self.most {
                return Err(self.every);
            }
        }
        last.insert(account, now);
        Ok(())
    }

    /// Forgets that the account was let through: nothing came of it.
    pub(super) fn forget(&self, account: AccountId) {
        self.lock().remove(&account);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<AccountId, Timestamp>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);
    const EVERY: Duration = Duration::from_secs(10);

    fn account(number: u64) -> AccountId {
        AccountId::from_number(number).unwrap()
    }

    #[test]
    fn an_account_waits_for_the_rest_of_its_time_and_others_do_not() {
        let throttle = Throttle::new(EVERY, 10);
        assert_eq!(throttle.pass(NOW, account(1)), Ok(()));
        let later = NOW.after(Duration::from_secs(4));
        assert_eq!(throttle.pass(later, account(1)), Err(Duration::from_secs(6)));
        assert_eq!(throttle.pass(later, account(2)), Ok(()));
        assert_eq!(throttle.pass(NOW.after(EVERY), account(1)), Ok(()));
    }

    #[test]
    fn what_came_to_nothing_is_forgotten() {
        let throttle = Throttle::new(EVERY, 10);
        assert_eq!(throttle.pass(NOW, account(1)), Ok(()));
        throttle.forget(account(1));
        assert_eq!(throttle.pass(NOW, account(1)), Ok(()));
    }

    #[test]
    fn it_never_remembers_more_than_its_bound() {
        let throttle = Throttle::new(EVERY, 2);
        assert_eq!(throttle.pass(NOW, account(1)), Ok(()));
        assert_eq!(throttle.pass(NOW, account(2)), Ok(()));
        assert_eq!(throttle.pass(NOW, account(3)), Err(EVERY));
        let later = NOW.after(EVERY);
        assert_eq!(throttle.pass(later, account(3)), Ok(()));
        assert_eq!(throttle.lock().len(), 1);
    }
}
