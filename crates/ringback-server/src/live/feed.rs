//! Who watches, and what each of them hears of.
//!
//! Each watcher has a queue of its own. What does not fit there is dropped and counted: a person can't read so fast, and
//! whoever commits must not wait for them.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use ringback_delivery::AccountId;
use ringback_store::Reach;
use tokio::sync::mpsc;

use super::happening::{Happening, What};

/// Who watches at once, at most.
const WATCHERS: usize = 64;
/// Happenings that wait for a watcher, at most.
const WAITING: usize = 512;

/// What a watcher wants to hear of.
#[derive(Debug, Clone)]
pub struct Wish {
    /// Only these accounts, whatever else is asked for.
    pub reach: Reach,
    /// One account.
    pub account: Option<AccountId>,
    /// One thing that happens.
    pub what: Option<What>,
}

impl Wish {
    /// Whether it is to be heard of.
    fn wants(&self, happening: &Happening) -> bool {
        self.what.is_none_or(|what| what == happening.what)
            && self.account.is_none_or(|account| account == happening.account)
            && self.reach.includes(happening.account)
    }
}

/// See the module.
#[derive(Default)]
pub(super) struct Feed {
    /// So that a commit with nobody watching costs no lock.
    count: AtomicUsize,
    watchers: RwLock<Vec<Arc<Watcher>>>,
}

struct Watcher {
    wish: Wish,
    queue: mpsc::Sender<Happening>,
    dropped: AtomicU64,
}

/// What a watcher holds.
pub struct Watch {
    feed: Arc<Feed>,
    watcher: Arc<Watcher>,
    queue: mpsc::Receiver<Happening>,
}

/// What a watcher has heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// In the order of the commits.
    pub happenings: Vec<Happening>,
    /// How many were dropped since it heard last.
    pub dropped: u64,
}

impl Feed {
    pub(super) fn watch(self: &Arc<Self>, wish: Wish) -> Option<Watch> {
        let mut watchers = self.watchers.write().unwrap_or_else(PoisonError::into_inner);
        if watchers.len() >= WATCHERS {
            return None;
        }
        let (queue, waiting) = mpsc::channel(WAITING);
        let watcher = Arc::new(Watcher { wish, queue, dropped: AtomicU64::new(0) });
        watchers.push(watcher.clone());
        self.count.store(watchers.len(), Ordering::SeqCst);
        Some(Watch { feed: self.clone(), watcher, queue: waiting })
    }

    /// Tells all who watch, if anyone does.
    pub(super) fn tell<'a, T: 'a>(
        &self,
        news: impl Iterator<Item = &'a T>,
        happening: impl Fn(&'a T) -> Happening,
    ) {
        if self.count.load(Ordering::SeqCst) == 0 {
            return;
        }
        let watchers = self.watchers.read().unwrap_or_else(PoisonError::into_inner);
        for happening in news.map(happening) {
            for watcher in watchers.iter().filter(|watcher| watcher.wish.wants(&happening)) {
                if watcher.queue.try_send(happening.clone()).is_err() {
                    watcher.dropped.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    }
}

impl Watch {
    /// Waits until there is something, and takes `most` of it at most.
    pub async fn next(&mut self, most: usize) -> Heard {
        let mut happenings = Vec::new();
        self.queue.recv_many(&mut happenings, most).await;
        Heard { happenings, dropped: self.watcher.dropped.swap(0, Ordering::Relaxed) }
    }

    /// Throws away what waits, and counts it as dropped.
    pub fn skip(&mut self) -> u64 {
        let mut skipped = 0;
        while self.queue.try_recv().is_ok() {
            skipped += 1;
        }
        skipped
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut watchers = self.feed.watchers.write().unwrap_or_else(PoisonError::into_inner);
        watchers.retain(|known| !Arc::ptr_eq(known, &self.watcher));
        self.feed.count.store(watchers.len(), Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use ringback_delivery::{Sequence, Timestamp};

    use super::*;

    fn happening(account: u64, what: What) -> Happening {
        Happening {
            at: Timestamp::from_millis(0),
            account: AccountId::from_number(account).unwrap(),
            sequence: Sequence(1),
            what,
            attempt: None,
        }
    }

    fn everything() -> Wish {
        Wish { reach: Reach::Every, account: None, what: None }
    }

    fn tell(feed: &Feed, happenings: &[Happening]) {
        feed.tell(happenings.iter(), Happening::clone);
    }

    #[tokio::test]
    async fn a_watcher_hears_of_what_it_wishes_and_of_nothing_beyond_its_reach() {
        let feed = Arc::new(Feed::default());
        let all = [
            happening(1, What::Accepted),
            happening(1, What::Dead),
            happening(2, What::Dead),
            happening(3, What::Dead),
        ];
        let reach = Reach::Accounts([1, 2].map(|number| AccountId::from_number(number).unwrap()).to_vec());
        let mut own = feed.watch(Wish { reach: reach.clone(), ..everything() }).unwrap();
        let mut dead =
            feed.watch(Wish { reach: reach.clone(), what: Some(What::Dead), account: None }).unwrap();
        let beyond = Wish { reach, what: None, account: AccountId::from_number(3) };
        let mut beyond = feed.watch(beyond).unwrap();
        tell(&feed, &all);
        assert_eq!(own.next(10).await.happenings, all[..3]);
        assert_eq!(dead.next(10).await.happenings, all[1..3]);
        assert_eq!(beyond.skip(), 0);
    }

    #[tokio::test]
    async fn what_is_too_much_is_dropped_and_counted() {
        let feed = Arc::new(Feed::default());
        let mut watch = feed.watch(everything()).unwrap();
        tell(&feed, &vec![happening(1, What::Accepted); WAITING + 7]);
        let heard = watch.next(10).await;
        assert_eq!((heard.happenings.len(), heard.dropped), (10, 7));
        assert_eq!(watch.next(1).await.dropped, 0);
        assert_eq!(watch.skip(), WAITING as u64 - 11);
    }

    #[test]
    fn so_many_watch_at_once_and_whoever_goes_makes_room() {
        let feed = Arc::new(Feed::default());
        let mut watches: Vec<Watch> = (0..WATCHERS).map(|_| feed.watch(everything()).unwrap()).collect();
        assert!(feed.watch(everything()).is_none());
        watches.pop();
        assert!(feed.watch(everything()).is_some());
        watches.clear();
        assert_eq!(feed.count.load(Ordering::SeqCst), 0);
    }
}
