//! Who waits for an account's next message: long polls, woken by commits.
//!
//! A wake-up is a hint. Whoever waits first asks for a [`Wait`], then reads the store, and only then waits: a message that
//! is committed between the two wakes it all the same, so no wake-up is lost.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ringback_delivery::AccountId;
use tokio::sync::watch;

/// See the module.
#[derive(Debug, Default)]
pub struct Arrivals {
    /// So that a commit with nobody waiting costs no lock.
    waiting: AtomicUsize,
    rooms: Mutex<HashMap<AccountId, watch::Sender<()>>>,
}

/// A wait for one account's next message.
#[derive(Debug)]
pub struct Wait {
    arrivals: Arc<Arrivals>,
    account: AccountId,
    room: watch::Receiver<()>,
}

impl Arrivals {
    /// Begins to wait: what is committed from here on is heard of.
    pub fn wait(self: &Arc<Self>, account: AccountId) -> Wait {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let mut rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        let room = rooms.entry(account).or_insert_with(|| watch::Sender::new(())).subscribe();
        Wait { arrivals: self.clone(), account, room }
    }

    /// Something was committed for these accounts.
    pub fn came(&self, accounts: impl Iterator<Item = AccountId>) {
        if self.waiting.load(Ordering::SeqCst) == 0 {
            return;
        }
        let rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        for account in accounts {
            if let Some(room) = rooms.get(&account) {
                room.send_replace(());
            }
        }
    }
}

impl Wait {
    /// Waits until something has been committed for the account since the wait began, or since this was called last.
    pub async fn next(&mut self) {
        // The sender lives for as long as somebody waits in its room.
        let _ = self.room.changed().await;
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        let mut rooms = self.arrivals.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        if rooms.get(&self.account).is_some_and(|room| room.receiver_count() == 1) {
            rooms.remove(&self.account);
        }
        self.arrivals.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn what_comes_between_the_look_and_the_wait_is_not_missed() {
        let arrivals = Arc::new(Arrivals::default());
        let account: AccountId = "0252012345-00001".parse().unwrap();
        let mut wait = arrivals.wait(account);
        arrivals.came([account].into_iter());
        wait.next().await;
    }

    #[tokio::test]
    async fn nothing_is_kept_of_an_account_that_nobody_waits_for() {
        let arrivals = Arc::new(Arrivals::default());
        let account: AccountId = "0252012345-00001".parse().unwrap();
        let (one, two) = (arrivals.wait(account), arrivals.wait(account));
        drop(one);
        assert_eq!(arrivals.rooms.lock().unwrap().len(), 1);
        drop(two);
        assert!(arrivals.rooms.lock().unwrap().is_empty());
        assert_eq!(arrivals.waiting.load(Ordering::SeqCst), 0);
    }
}
