//! What every handler has: the store, the clock, the bounds, and what the composition lends.

use std::net::IpAddr;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use ringback_delivery::AccountId;
use ringback_store::{Store, StoreError, Trace};
use tokio::sync::{Semaphore, watch};

use super::auth_cache::AuthCache;
use super::host_check::HostNames;
use super::limits::Limits;
use super::login_gate::LoginGate;
use super::places::Places;
use super::rates::Rates;
use super::rooms::Rooms;
use super::throttle::Throttle;
use crate::arrivals::Arrivals;
use crate::backpressure::Backpressure;
use crate::clock::Clock;
use crate::metrics::Metrics;
use crate::trace::Tracer;

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

    /// How many standbys keep what was answered; `None` where there is no such thing, or it can't be told.
    async fn synchronous_standbys(&self) -> Option<u64> {
        None
    }
}

/// Tries an account's endpoint when a person asks. The composition implements it with what the dispatcher sends with.
#[async_trait]
pub trait EndpointTester: Send + Sync {
    /// Sends a signed `ping` to the registered endpoint, in the trace of who asks for it; `None` when nothing is registered.
    ///
    /// # Errors
    ///
    /// When the store can't be read.
    async fn test(&self, account: AccountId, trace: Option<Trace>) -> Result<Option<TestReport>, StoreError>;
}

/// What came of trying an endpoint.
#[derive(Debug, Clone)]
pub struct TestReport {
    /// The `webhook-id` that the ping bore.
    pub id: String,
    /// The status of the answer, if there was one.
    pub status: Option<u16>,
    /// Why there was none, in a sentence that the tenant may read.
    pub error: Option<String>,
    /// How long it took.
    pub duration: Duration,
    /// Whether the URL is `https`.
    pub tls: bool,
    /// The addresses that the host stands for; for operators only.
    pub addresses: Vec<IpAddr>,
    /// The class of the first that the egress policy lets pass, or of the first.
    pub address_class: Option<&'static str>,
    /// What the egress policy has against it, if it has; without an address.
    pub refused: Option<String>,
}

/// What the composition lends the API.
#[derive(Clone)]
pub struct Lent {
    /// Judges callback URLs.
    pub urls: Arc<dyn UrlGuard>,
    /// Knows whether the service is ready.
    pub readiness: Arc<dyn Readiness>,
    /// Tries endpoints.
    pub tester: Arc<dyn EndpointTester>,
    /// Tells who waits for an account's next message that there is one.
    pub arrivals: Arc<Arrivals>,
    /// Holds publishers back while callbacks wait for the processor.
    pub backpressure: Backpressure,
    /// What is counted.
    pub metrics: Metrics,
    /// Makes spans of publish requests.
    pub tracer: Tracer,
    /// Turns true when the server stops: who waits is answered then.
    pub stopping: watch::Receiver<bool>,
    /// The names that this server goes by.
    pub hosts: HostNames,
}

/// What every handler has. Clones are the same.
#[derive(Clone)]
pub struct ApiState(Arc<Shared>);

/// What is behind an [`ApiState`]; nothing of it is for the outside.
pub struct Shared {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Clock,
    pub(crate) limits: Limits,
    pub(super) urls: Arc<dyn UrlGuard>,
    pub(crate) readiness: Arc<dyn Readiness>,
    pub(super) tester: Arc<dyn EndpointTester>,
    pub(super) arrivals: Arc<Arrivals>,
    pub(super) backpressure: Backpressure,
    pub(crate) metrics: Metrics,
    pub(super) tracer: Tracer,
    pub(crate) stopping: watch::Receiver<bool>,
    pub(super) hosts: HostNames,
    pub(super) cache: AuthCache,
    pub(super) logins: LoginGate,
    pub(super) requests: Rates,
    pub(super) publishes: Rates,
    pub(super) ndjson: Rooms,
    pub(super) searches: Semaphore,
    pub(super) search_reads: Semaphore,
    pub(super) polls: Places,
    pub(super) tests: Places,
    pub(super) checks: Throttle,
    /// The API's description, once somebody asked for it.
    pub(super) description: OnceLock<Bytes>,
}

impl ApiState {
    /// The state of one server's API.
    pub fn new(store: Arc<dyn Store>, clock: Clock, limits: Limits, lent: Lent) -> Self {
        let Lent { urls, readiness, tester, arrivals, backpressure, metrics, tracer, stopping, hosts } = lent;
        Self(Arc::new(Shared {
            cache: AuthCache::new(limits.cached_principals),
            logins: LoginGate::new(limits.logins_waiting),
            requests: Rates::new(limits.requests_per_second, limits.rates_remembered),
            publishes: Rates::new(limits.publishes_per_second, limits.rates_remembered),
            ndjson: Rooms::new(limits.ndjson_at_once),
            searches: Semaphore::new(limits.searches_at_once),
            search_reads: Semaphore::new(limits.search_reads),
            polls: Places::new(limits.polls),
            tests: Places::new(limits.tests),
            checks: Throttle::new(limits.check_every, limits.checks_remembered),
            description: OnceLock::new(),
            store,
            clock,
            limits,
            urls,
            readiness,
            tester,
            arrivals,
            backpressure,
            metrics,
            tracer,
            stopping,
            hosts,
        }))
    }

    /// How many requests wait for an account's next message, for whoever watches.
    pub fn waiting(&self) -> usize {
        self.0.polls.taken()
    }
}

impl Deref for ApiState {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}
