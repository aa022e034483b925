//! The look through the store for accounts with something pending: at the start, in shards that were gained, and after news
//! were lost.

use ringback_delivery::AccountId;
use ringback_store::StoreError;

use super::{Event, Running};
use crate::dispatch::guarded::guarded;

/// Accounts that are looked for at once.
const DISCOVERED_AT_ONCE: usize = 512;

/// How far the look for accounts with something pending has come.
pub(super) enum Discovery {
    /// To be read on behind this account.
    Wanted(Option<AccountId>),
    UnderWay(Option<AccountId>),
    Done,
}

impl Running {
    /// Looks for accounts with something pending, a step at a time, while the engine keeps up.
    pub(super) fn discover(&mut self) {
        if matches!(self.discovery, Discovery::Done) && !self.to_look_in.is_empty() {
            self.looking_in = std::mem::take(&mut self.to_look_in).into_iter().collect();
            self.discovery = Discovery::Wanted(None);
        }
        let Discovery::Wanted(after) = self.discovery else { return };
        if !self.engine.wants_discovery() {
            return;
        }
        self.discovery = Discovery::UnderWay(after);
        let (store, shards) = (self.store.clone(), self.looking_in.clone());
        let trouble = self.trouble.clone();
        self.spawn(async move {
            let found = guarded(store.lanes_waiting_in(&shards, after, DISCOVERED_AT_ONCE)).await;
            trouble.after(&found).await;
            Event::Discovered(found)
        });
    }

    pub(super) fn discovered(&mut self, found: Result<Vec<AccountId>, StoreError>) {
        let Discovery::UnderWay(after) = self.discovery else { return };
        let now = self.clock.now();
        self.discovery = match found {
            Ok(accounts) => {
                for account in accounts.iter().filter(|account| self.ownership.token(**account) != 0) {
                    self.engine.discovered(now, *account);
                }
                match accounts.last() {
                    Some(last) if accounts.len() == DISCOVERED_AT_ONCE => Discovery::Wanted(Some(*last)),
                    _ => Discovery::Done,
                }
            }
            Err(_) => Discovery::Wanted(after),
        };
    }
}
