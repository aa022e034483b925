//! Who asks, remembered, so that a publish does not read the store.
//!
//! An entry is what the store said about a token. It counts only while somebody keeps confirming that no credential
//! has changed since ([`AuthCache::confirm`], which [`super::watch_credentials`] calls four times a second): without
//! that, or when the store stops answering, nothing remembered counts, and every request asks the store. So a change
//! acts within [`CONFIRMED_FOR`], whatever happens to the one who watches.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use ringback_delivery::Timestamp;
use ringback_store::credentials::Digest;

use super::principal::Principal;

/// How long what is remembered counts after it was confirmed.
pub(super) const CONFIRMED_FOR: Duration = Duration::from_secs(1);

/// Principals by the digests of their tokens.
pub(super) struct AuthCache {
    started: Instant,
    /// Until when entries count, in milliseconds since `started`.
    confirmed_until: AtomicU64,
    entries: RwLock<Entries>,
    most: usize,
}

#[derive(Default)]
struct Entries {
    principals: HashMap<Digest, Arc<Principal>>,
    /// The store's credentials' version that was confirmed last.
    version: Option<u64>,
    flushes: u64,
}

/// How often the cache had been flushed when somebody began to read the store: what was read before a flush is not
/// remembered after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Epoch(u64);

impl AuthCache {
    pub(super) fn new(most: usize) -> Self {
        Self { started: Instant::now(), confirmed_until: AtomicU64::new(0), entries: RwLock::default(), most }
    }

    /// The principal of a token, if it is remembered, counts, and has not expired.
    pub(super) fn get(&self, token: &Digest, now: Timestamp) -> Option<Arc<Principal>> {
        if self.millis(Instant::now()) >= self.confirmed_until.load(Ordering::Acquire) {
            return None;
        }
        self.read().principals.get(token).filter(|principal| now < principal.expires_at).cloned()
    }

    /// To be asked before the store is read for [`AuthCache::put`].
    pub(super) fn epoch(&self) -> Epoch {
        Epoch(self.read().flushes)
    }

    /// Remembers what the store said, unless the cache was flushed meanwhile.
    pub(super) fn put(&self, read_in: Epoch, token: Digest, principal: Arc<Principal>, now: Timestamp) {
        let mut entries = self.write();
        if Epoch(entries.flushes) != read_in {
            return;
        }
        if entries.principals.len() >= self.most {
            entries.principals.retain(|_, known| now < known.expires_at);
        }
        if entries.principals.len() >= self.most {
            entries.principals.clear();
        }
        entries.principals.insert(token, principal);
    }

    /// Forgets everything.
    pub(super) fn flush(&self) {
        let mut entries = self.write();
        entries.flushes += 1;
        entries.principals.clear();
    }

    /// Notes the store's version of credentials as it was at some moment after `asked_at`; forgets everything if it is
    /// another than before.
    pub(super) fn confirm(&self, asked_at: Instant, version: u64) {
        let mut entries = self.write();
        if entries.version != Some(version) {
            entries.version = Some(version);
            entries.flushes += 1;
            entries.principals.clear();
        }
        self.confirmed_until.store(self.millis(asked_at + CONFIRMED_FOR), Ordering::Release);
    }

    fn millis(&self, moment: Instant) -> u64 {
        u64::try_from(moment.saturating_duration_since(self.started).as_millis()).unwrap_or(u64::MAX)
    }

    fn read(&self) -> RwLockReadGuard<'_, Entries> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Entries> {
        self.entries.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringback_store::{Credential, PasswordHash, Reach, Scopes};

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);

    fn principal() -> Arc<Principal> {
        let expires_at = NOW.after(Duration::from_secs(60));
        let credential = Credential {
            id: 1,
            name: "name".to_owned(),
            client_id: "client".to_owned(),
            client_secret: [0; 32],
            previous_secret: None,
            username: "user".to_owned(),
            password: PasswordHash::Keyed([0; 32]),
            previous_password: None,
            scopes: Scopes::default(),
            reach: Reach::Every,
            created_at: NOW,
            revoked_at: None,
            locked_until: None,
        };
        Arc::new(Principal::of(credential, expires_at))
    }

    fn confirmed(most: usize) -> AuthCache {
        let cache = AuthCache::new(most);
        cache.confirm(Instant::now(), 7);
        cache
    }

    #[test]
    fn nothing_counts_until_it_is_confirmed_nor_a_second_after() {
        let cache = AuthCache::new(10);
        cache.put(cache.epoch(), [1; 32], principal(), NOW);
        assert!(cache.get(&[1; 32], NOW).is_none());
        cache.confirm(Instant::now(), 7);
        cache.put(cache.epoch(), [1; 32], principal(), NOW);
        assert!(cache.get(&[1; 32], NOW).is_some());
        cache.confirmed_until.store(0, Ordering::Release);
        assert!(cache.get(&[1; 32], NOW).is_none());
    }

    #[test]
    fn an_expired_token_is_not_remembered() {
        let cache = confirmed(10);
        cache.put(cache.epoch(), [1; 32], principal(), NOW);
        assert!(cache.get(&[1; 32], NOW.after(Duration::from_millis(59_999))).is_some());
        assert!(cache.get(&[1; 32], NOW.after(Duration::from_secs(60))).is_none());
    }

    #[test]
    fn another_version_forgets_everything_and_the_same_one_nothing() {
        let cache = confirmed(10);
        cache.put(cache.epoch(), [1; 32], principal(), NOW);
        cache.confirm(Instant::now(), 7);
        assert!(cache.get(&[1; 32], NOW).is_some());
        cache.confirm(Instant::now(), 8);
        assert!(cache.get(&[1; 32], NOW).is_none());
    }

    #[test]
    fn what_was_read_before_a_flush_is_not_remembered_after_it() {
        let cache = confirmed(10);
        let epoch = cache.epoch();
        cache.flush();
        cache.put(epoch, [1; 32], principal(), NOW);
        assert!(cache.get(&[1; 32], NOW).is_none());
    }

    #[test]
    fn it_never_holds_more_than_its_bound() {
        let cache = confirmed(3);
        for number in 0..10 {
            cache.put(cache.epoch(), [number; 32], principal(), NOW);
            assert!(cache.read().principals.len() <= 3);
            assert!(cache.get(&[number; 32], NOW).is_some());
        }
    }
}
