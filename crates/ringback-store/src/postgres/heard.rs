//! How far this node has heard of accounts' queues: what it took in itself or was told of, up to which place.
//!
//! Where other nodes take messages in for an account of its, its own next batch brings those along, so that nothing of the
//! queue is missing in its news. Where such a batch is under way, news of them wait for it: what it brings need not be read.
//! What is not known here costs a read, and nothing else.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ringback_delivery::{AccountId, Turn};
use tokio::sync::watch;

use super::rows;

/// Accounts that are kept; all begin anew when there are more.
const MOST: usize = 16_384;
/// The longest that news wait for what is under way.
const WAIT: Duration = Duration::from_millis(50);

/// See the module.
#[derive(Default)]
pub(super) struct Heard {
    known: Mutex<HashMap<i64, i64>>,
    /// The accounts of the batch that is under way, in their order.
    under_way: watch::Sender<Arc<[AccountId]>>,
}

/// While this is kept, a batch is under way.
pub(super) struct UnderWay<'a>(&'a Heard);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.under_way.send_replace(Arc::default());
    }
}

impl Heard {
    /// The dispatcher hears of the account's queue up to here.
    pub(super) fn note(&self, account: AccountId, through: Turn) {
        let (account, through) = (rows::number_column(account.number()), rows::number_column(through.0));
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST && !known.contains_key(&account) {
            known.clear();
        }
        let place = known.entry(account).or_insert(through);
        *place = through.max(*place);
    }

    /// Nothing is known any more.
    pub(super) fn forget(&self) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// A batch for these accounts goes to the database.
    pub(super) fn begin(&self, accounts: &BTreeSet<AccountId>) -> UnderWay<'_> {
        self.under_way.send_replace(accounts.iter().copied().collect());
        UnderWay(self)
    }

    /// Waits for what is under way where it may bring along all that these accounts have up to those places, and is not known
    /// yet; not for long. News of others don't wait for what does not concern them.
    pub(super) async fn may_come(&self, accepted: &BTreeMap<AccountId, Option<Turn>>) {
        let mut under_way = self.under_way.subscribe();
        let ended = async {
            while self.may_bring(&under_way.borrow_and_update(), accepted)
                && under_way.changed().await.is_ok()
            {}
        };
        // Then they are read.
        let _ = tokio::time::timeout(WAIT, ended).await;
    }

    fn may_bring(&self, under_way: &[AccountId], accepted: &BTreeMap<AccountId, Option<Turn>>) -> bool {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut lacking = accepted.iter().filter_map(|(account, through)| {
            let known = known.get(&rows::number_column(account.number()));
            let is_known =
                known.zip(*through).is_some_and(|(known, through)| *known >= rows::number_column(through.0));
            let may_come = known.is_some() && through.is_some() && under_way.binary_search(account).is_ok();
            (!is_known).then_some(may_come)
        });
        lacking.next().is_some_and(|first| first && lacking.all(|may_come| may_come))
    }

    /// How far it was heard of each of these, if at all.
    pub(super) fn of(&self, accounts: &[i64]) -> Vec<Option<i64>> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.iter().map(|account| known.get(account).copied()).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::pin::{Pin, pin};
    use std::task::{Context, Waker};

    use super::*;

    fn is_ready(waiting: Pin<&mut impl Future>) -> bool {
        waiting.poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[tokio::test]
    async fn news_wait_for_the_batch_that_may_bring_what_they_tell_of() {
        let heard = Heard::default();
        let account = |number| AccountId::from_number(number).unwrap();
        let news = |number, through| BTreeMap::from([(account(number), Some(Turn(through)))]);
        let waits = |news: &BTreeMap<_, _>| !is_ready(pin!(heard.may_come(news)));
        heard.note(account(1), Turn(5));
        assert!(!waits(&news(1, 6)), "nothing is under way");
        let batch = heard.begin(&BTreeSet::from([account(1), account(2)]));
        assert!(waits(&news(1, 6)));
        assert!(!waits(&news(1, 5)), "that is known");
        assert!(!waits(&news(2, 6)), "nothing is brought along where nothing is known");
        assert!(!waits(&news(3, 6)), "it is not of this batch");
        assert!(!waits(&BTreeMap::from([(account(1), None)])), "how far is not known");
        let with = |other: BTreeMap<_, _>| news(1, 6).into_iter().chain(other).collect();
        assert!(!waits(&with(news(3, 6))), "others don't wait with it");
        heard.note(account(3), Turn(6));
        assert!(waits(&with(news(3, 6))), "but for those that need nothing");

        let lacking = news(1, 6);
        let mut waiting = pin!(heard.may_come(&lacking));
        assert!(!is_ready(waiting.as_mut()));
        drop(batch);
        let next = heard.begin(&BTreeSet::from([account(1)]));
        assert!(!is_ready(waiting.as_mut()), "the next one may bring it");
        heard.note(account(1), Turn(7));
        drop(next);
        assert!(is_ready(waiting.as_mut()));
        let _stuck = heard.begin(&BTreeSet::from([account(1)]));
        heard.may_come(&news(1, 8)).await;
    }

    #[test]
    fn the_furthest_counts_and_of_so_many_accounts_only() {
        let heard = Heard::default();
        let account = |number| AccountId::from_number(number).unwrap();
        assert_eq!(heard.of(&[1]), [None]);
        for through in [5, 3] {
            heard.note(account(1), Turn(through));
            assert_eq!(heard.of(&[1, 2]), [Some(5), None]);
        }
        (1..=MOST as u64).for_each(|number| heard.note(account(number), Turn(6)));
        assert_eq!(heard.of(&[1]), [Some(6)]);
        heard.note(account(MOST as u64 + 1), Turn(7));
        assert_eq!(heard.of(&[1, MOST as i64 + 1]), [None, Some(7)]);
    }
}
