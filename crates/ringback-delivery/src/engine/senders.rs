//! The lanes that could send now, in the order in which they get a place.
//!
//! They wait apart by their endpoint's repute, and the kinds take turns where each may start: the many of one kind must
//! not keep another from ever having its turn.

use std::collections::VecDeque;

use crate::account::AccountId;
use crate::hashing::NumberMap;
use crate::pools::{Pools, Repute};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Senders {
    /// By repute; with stale entries of lanes that wait in another by now.
    queues: [VecDeque<AccountId>; 3],
    /// Where a lane waits.
    waits: NumberMap<AccountId, Repute>,
    /// How many wait in each.
    waiting: [usize; 3],
    /// The place in [`Repute::ALL`] of the kind whose turn it is.
    turn: usize,
}

impl Senders {
    /// Puts a lane at the end of its queue, unless it waits there already. One whose repute has changed moves.
    pub(super) fn queue(&mut self, account: AccountId, repute: Repute) {
        let before = self.waits.insert(account, repute);
        if before == Some(repute) {
            return;
        }
        if let Some(before) = before {
            self.waiting[before.index()] -= 1;
        }
        self.waiting[repute.index()] += 1;
        self.queues[repute.index()].push_back(account);
    }

    /// Whether lanes of this repute wait.
    pub(super) fn wait(&self, repute: Repute) -> bool {
        self.waiting[repute.index()] > 0
    }

    /// The lane that has waited longest for a place that is free, by its repute when it was put here.
    pub(super) fn next(&mut self, pools: &Pools) -> Option<AccountId> {
        loop {
            let kinds = Repute::ALL.len();
            let mut turns = (0..kinds).map(|step| Repute::ALL[(self.turn + step) % kinds]);
            let repute = turns.find(|repute| self.wait(*repute) && pools.may_start(*repute))?;
            let account = self.queues[repute.index()].pop_front()?;
            if self.waits.get(&account) == Some(&repute) {
                self.waits.remove(&account);
                self.waiting[repute.index()] -= 1;
                self.turn = (repute.index() + 1) % kinds;
                return Some(account);
            }
        }
    }
}
