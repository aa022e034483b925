//! The numbers of all accounts, and what of them is overdue.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::account::Account;
use super::{Gap, GapSettings};

/// Entries of the waiting list that may be there beside twice those for open gaps, before it is tidied.
const SLACK: usize = 64;

/// Finds the numbers that did not come. Has no clock: `now` is the time since any fixed moment, and must not go back.
///
/// Nothing is known of an account before its first number, or [`GapDetector::resume`]; what is below that is not missing. A gap
/// is told once. It stays open, and [`GapDetector::position`] before it, until its numbers come or are
/// [settled](GapDetector::settle). What is missing behind the highest number that came can't be seen.
///
/// ```
/// use std::time::Duration;
/// use ringback_listener::GapDetector;
///
/// let account = "0242078689-00001";
/// let mut detector = GapDetector::default();
/// detector.came(account, 7, Duration::from_secs(0));
/// detector.came(account, 10, Duration::from_secs(1)); // 8 and 9 may be on their way
/// detector.came(account, 8, Duration::from_secs(2));
/// assert_eq!(detector.due(Duration::from_secs(60)), None);
/// let gap = detector.due(Duration::from_secs(61)).expect("9 is missing for 60 s");
/// assert_eq!((gap.first, gap.last), (9, 9));
/// assert_eq!(detector.position(account), Some(8));
/// ```
#[derive(Debug, Default)]
pub struct GapDetector {
    settings: GapSettings,
    accounts: HashMap<String, Account>,
    /// When gaps opened, in that order, which is the one in which they fall due; one entry for each account and moment.
    /// Some may be filled by now.
    waiting: VecDeque<Waiting>,
    /// How long the list may become before it is tidied.
    tidy_at: usize,
}

#[derive(Debug)]
struct Waiting {
    since: Duration,
    account: String,
}

impl GapDetector {
    /// Watches with these settings.
    #[must_use]
    pub fn new(settings: GapSettings) -> Self {
        Self { settings, ..Self::default() }
    }

    /// Takes up where an earlier process left off: every number of the account up to `position`, the value that
    /// [`GapDetector::position`] had, came. Without it an account begins at the first number that comes. False if the account
    /// is known already, or if there are too many.
    pub fn resume(&mut self, account: &str, position: u64) -> bool {
        if self.accounts.contains_key(account) || self.accounts.len() >= self.settings.max_accounts {
            return false;
        }
        self.accounts.insert(account.to_owned(), Account::through(position));
        true
    }

    /// A number came. True if this opened a gap, so that [`GapDetector::next_due`] may be another.
    pub fn came(&mut self, account: &str, sequence: u64, now: Duration) -> bool {
        self.settle(account, sequence, sequence, now)
    }

    /// The numbers `first` to `last` are not missing any more: they came, or it is known that they never will, or another
    /// listener has them. True as with [`GapDetector::came`].
    pub fn settle(&mut self, account: &str, first: u64, last: u64, now: Duration) -> bool {
        if first == 0 || first > last {
            return false;
        }
        let Some(known) = self.accounts.get_mut(account) else {
            self.resume(account, last);
            return false;
        };
        let waits_already = known.waits_since(now);
        if !known.came(first, last, now, self.settings.max_gaps) || waits_already {
            return false;
        }
        if self.waiting.len() >= self.tidy_at {
            let Self { accounts, waiting, .. } = self;
            waiting
                .retain(|one| accounts.get(&one.account).is_some_and(|known| known.waits_since(one.since)));
            self.tidy_at = 2 * self.waiting.len() + SLACK;
        }
        self.waiting.push_back(Waiting { since: now, account: account.to_owned() });
        true
    }

    /// The next gap that is due at `now` and was not told, oldest first; call it until there is none.
    pub fn due(&mut self, now: Duration) -> Option<Gap> {
        while let Some(Waiting { since, account }) = self.waiting.front()
            && since.saturating_add(self.settings.wait) <= now
        {
            if let Some((first, last)) = self.accounts.get_mut(account).and_then(|known| known.tell(*since)) {
                return Some(Gap { account: account.clone(), first, last });
            }
            self.waiting.pop_front();
        }
        None
    }

    /// When [`GapDetector::due`] is to be asked next, if nothing comes before. It may have nothing to tell then.
    #[must_use]
    pub fn next_due(&self) -> Option<Duration> {
        self.waiting.front().map(|waiting| waiting.since.saturating_add(self.settings.wait))
    }

    /// Up to which number nothing of the account is missing, for [`GapDetector::resume`]; `None` if nothing is known of it.
    #[must_use]
    pub fn position(&self, account: &str) -> Option<u64> {
        self.accounts.get(account).map(Account::position)
    }

    /// Forgets an account: it begins anew with its next number. For one whose numbers began anew, on a new server.
    pub fn forget(&mut self, account: &str) {
        self.accounts.remove(account);
        self.waiting.retain(|waiting| waiting.account != account);
    }
}
