//! Who hears of this node's commits.

use std::sync::{Arc, PoisonError, RwLock};

use ringback_delivery::{AccountId, Standing};

use crate::{Commit, CommitListener, Fresh};

/// See the module. It is told after a commit, and before whoever waits for it is answered.
#[derive(Default)]
pub(super) struct Ear(RwLock<Option<Arc<dyn CommitListener>>>);

impl Ear {
    pub(super) fn listen(&self, listener: Arc<dyn CommitListener>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(listener);
    }

    pub(super) fn accepted(&self, fresh: Vec<Fresh>) {
        if !fresh.is_empty()
            && let Some(listener) = self.listener()
        {
            listener.accepted(fresh);
        }
    }

    pub(super) fn brought_along(&self, brought: Vec<Fresh>) {
        if !brought.is_empty()
            && let Some(listener) = self.listener()
        {
            listener.brought_along(brought);
        }
    }

    pub(super) fn standing_changed(&self, account: AccountId, standing: Standing) {
        if let Some(listener) = self.listener() {
            listener.standing_changed(account, standing);
        }
    }

    pub(super) fn missed(&self, accounts: Vec<AccountId>) {
        if !accounts.is_empty()
            && let Some(listener) = self.listener()
        {
            listener.missed(accounts);
        }
    }

    pub(super) fn behind(&self, shards: Vec<u16>) {
        if !shards.is_empty()
            && let Some(listener) = self.listener()
        {
            listener.behind(shards);
        }
    }

    /// Comes after the commit's other news.
    pub(super) fn committed(&self, commit: Commit) {
        if let Some(listener) = self.listener() {
            listener.committed(commit);
        }
    }

    fn listener(&self) -> Option<Arc<dyn CommitListener>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
