//! What is still under way for lanes that this node lost.
//!
//! Only when all of it came back may the account have a lane here again: so nothing of the earlier one is ever taken for
//! something of the later.

use std::collections::BTreeMap;

use crate::account::AccountId;
use crate::lane::Outstanding;

#[derive(Debug, Clone, Copy)]
struct Left {
    outstanding: Outstanding,
    /// The node has the account again.
    wanted: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Leaving {
    lanes: BTreeMap<AccountId, Left>,
}

/// What something that came back was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CameBack {
    /// A lane that is not leaving.
    Here,
    /// One that is, and more is under way for it.
    Left,
    /// One that is, and it was the last: the lane is gone.
    Gone {
        /// The account is this node's again.
        wanted: bool,
    },
}

impl Leaving {
    pub(super) fn begin(&mut self, account: AccountId, outstanding: Outstanding) {
        self.lanes.insert(account, Left { outstanding, wanted: false });
    }

    /// These accounts are lost, again perhaps.
    pub(super) fn lose(&mut self, lost: impl Fn(AccountId) -> bool) {
        for (account, left) in &mut self.lanes {
            left.wanted &= !lost(*account);
        }
    }

    /// Whether an account that there are news of has still an earlier lane; it gets its new one after that.
    pub(super) fn wants(&mut self, account: AccountId) -> bool {
        let left = self.lanes.get_mut(&account);
        left.map(|left| left.wanted = true).is_some()
    }

    /// Counts what came back.
    pub(super) fn came_back(&mut self, account: AccountId, count: impl FnOnce(&mut Outstanding)) -> CameBack {
        if self.lanes.is_empty() {
            return CameBack::Here;
        }
        let Some(left) = self.lanes.get_mut(&account) else { return CameBack::Here };
        count(&mut left.outstanding);
        if left.outstanding != Outstanding::default() {
            return CameBack::Left;
        }
        let wanted = left.wanted;
        self.lanes.remove(&account);
        CameBack::Gone { wanted }
    }
}
