//! The lanes that could send now, in the order in which they get a place.
//!
//! Those whose endpoint has succeeded of late and the others wait apart, and take turns where both may start: the
//! many of the first kind must not keep the second from ever becoming one of them.

use std::collections::VecDeque;

use crate::account::AccountId;
use crate::hashing::NumberMap;
use crate::pools::Pools;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Senders {
    proven: VecDeque<AccountId>,
    unproven: VecDeque<AccountId>,
    unproven_next: bool,
    /// Whether a lane that waits here waits among the proven. It may have left stale entries among the others.
    waits: NumberMap<AccountId, bool>,
}

impl Senders {
    /// Puts a lane at the end of its queue, unless it waits already. One that has become proven moves.
    pub(super) fn queue(&mut self, account: AccountId, proven: bool) {
        match self.waits.get(&account) {
            Some(true) => return,
            Some(false) if !proven => return,
            _ => {}
        }
        self.waits.insert(account, proven);
        if proven { self.proven.push_back(account) } else { self.unproven.push_back(account) }
    }

    /// The lane that has waited longest for a place that is free, and whether it was proven when it was put here.
    pub(super) fn next(&mut self, pools: &Pools) -> Option<(AccountId, bool)> {
        loop {
            let proven_may = pools.proven_may_start() && !self.proven.is_empty();
            let unproven_may = pools.unproven_may_start() && !self.unproven.is_empty();
            let proven = match (proven_may, unproven_may) {
                (true, true) => !self.unproven_next,
                (false, false) => return None,
                (proven, _) => proven,
            };
            self.unproven_next = proven;
            let account = if proven { self.proven.pop_front() } else { self.unproven.pop_front() }?;
            if self.waits.get(&account) == Some(&proven) {
                self.waits.remove(&account);
                return Some((account, proven));
            }
        }
    }
}
