//! How far this node has heard of accounts' queues: what it took in itself or was told of, up to which place.
//!
//! Where other nodes take messages in for an account of its, its own next batch brings those along, so that nothing of the
//! queue is missing in its news. What is not known here costs a read, and nothing else.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use ringback_delivery::{AccountId, Turn};

use super::rows;

/// Accounts that are kept; all begin anew when there are more.
const MOST: usize = 16_384;

/// See the module.
#[derive(Default)]
pub(super) struct Heard(Mutex<HashMap<i64, i64>>);

impl Heard {
    /// The dispatcher hears of the account's queue up to here.
    pub(super) fn note(&self, account: AccountId, through: Turn) {
        let (account, through) = (rows::number_column(account.number()), rows::number_column(through.0));
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST && !known.contains_key(&account) {
            known.clear();
        }
        let place = known.entry(account).or_insert(through);
        *place = through.max(*place);
    }

    /// How far it was heard of each of these, if at all.
    pub(super) fn of(&self, accounts: &[i64]) -> Vec<Option<i64>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.iter().map(|account| known.get(account).copied()).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

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
