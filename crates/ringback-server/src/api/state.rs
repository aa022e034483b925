//! What every handler has: the store, the clock, the bounds, and what the composition lends.

use std::ops::Deref;
use std::sync::Arc;

use async_trait::async_trait;
use ringback_store::Store;
use tokio::sync::Semaphore;

use super::auth_cache::AuthCache;
use super::limits::Limits;
use super::login_gate::LoginGate;
use crate::clock::Clock;

/// Judges the callback URL of a registration. The composition implements it with the egress policy of `send`, which
/// the API does not know.
#[async_trait]
pub trait UrlGuard: Send + Sync {
    /// Whether callbacks can be sent there, and may.
    ///
    /// # Errors
    ///
    /// What is wrong with the URL, and which setting would allow it; a sentence for the caller, without addresses.
    async fn check(&self, url: &str) -> Result<(), String>;
}

/// Knows whether the whole service can do its work.
#[async_trait]
pub trait Readiness: Send + Sync {
    /// Why it can't, a sentence each; empty when it can. Anyone may read it: nothing internal is to be in it.
    async fn reasons_against(&self) -> Vec<String>;
}

/// What every handler has. Clones are the same.
#[derive(Clone)]
pub struct ApiState(Arc<Shared>);

/// What is behind an [`ApiState`]; nothing of it is for the outside.
pub struct Shared {
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Clock,
    pub(super) limits: Limits,
    pub(super) urls: Arc<dyn UrlGuard>,
    pub(super) readiness: Arc<dyn Readiness>,
    pub(super) cache: AuthCache,
    pub(super) logins: LoginGate,
    pub(super) ndjson: Semaphore,
}

impl ApiState {
    /// The state of one server's API.
    pub fn new(
        store: Arc<dyn Store>,
        clock: Clock,
        limits: Limits,
        urls: Arc<dyn UrlGuard>,
        readiness: Arc<dyn Readiness>,
    ) -> Self {
        Self(Arc::new(Shared {
            cache: AuthCache::new(limits.cached_principals),
            logins: LoginGate::new(limits.logins_waiting),
            ndjson: Semaphore::new(limits.ndjson_at_once),
            store,
            clock,
            limits,
            urls,
            readiness,
        }))
    }
}

impl Deref for ApiState {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}
