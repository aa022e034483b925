//! The whole service: listener, API and dispatcher over one store.
//!
//! This is where the parts meet that don't know each other: the egress policy judges URLs for the API, the dispatcher's
//! state says whether the service is ready. [`Service::stop`] takes it all down in order: no new connections, requests
//! answered, callbacks that are under way finished and recorded.

mod accept;
mod connection;
mod endpoint_tester;
mod forwarded;
mod head_timer;
mod listeners;
mod peers;
mod ready;
mod refusal;
mod stall;
mod tls;
mod upkeep;
mod url_guard;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ringback_store::{Retention, Store, StoreError};
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use crate::api::{self, ApiState, Front, HostNames, Lent, Limits, watch_credentials};
use crate::arrivals::Arrivals;
use crate::backpressure::Backpressure;
use crate::clock::Clock;
use crate::console::{self, Console};
use crate::dispatch::{DispatchSettings, DispatchStats, Dispatcher, Inbox, Tester};
use crate::events::{Events, Teller, TellerSettings};
use crate::live::Live;
use crate::metrics::keep_surveying;
use crate::send::{EgressMode, EgressPolicy, InvalidSenderSettings, Sender, SenderSettings};
use crate::trace::{Exporter, Tracer, TracerSettings};

use listeners::Listeners;
use tls::ServerTls;

pub use accept::ConnectionLimits;
pub use forwarded::TrustedProxies;
pub use tls::{TlsError, TlsFiles};

/// How often the wall clock is compared with ours.
const CLOCK_CHECK: Duration = Duration::from_secs(5);

/// How long the collector of spans may take to answer.
const COLLECTOR_TIMEOUT: Duration = Duration::from_secs(10);

/// What a service is made of. The sender's egress policy and resolver also judge URLs at registration.
pub struct ServiceSettings {
    /// Where to listen; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// An address for the operators' pages, which are then nowhere else.
    pub admin_listen: Option<SocketAddr>,
    /// What TLS is spoken with; without it, none is. An address for the operators' pages that is loopback has none.
    pub tls: Option<TlsFiles>,
    /// The names that those pages answer to.
    pub hosts: HostNames,
    /// The proxies whose word about the client counts.
    pub proxies: TrustedProxies,
    /// The API's bounds.
    pub limits: Limits,
    /// The bounds of each address that is listened on.
    pub connections: ConnectionLimits,
    /// How callbacks are scheduled and signed.
    pub dispatch: DispatchSettings,
    /// How callbacks are sent, and where they may go.
    pub sender: SenderSettings,
    /// Where operators are told what happens, if anywhere.
    pub teller: Option<TellerSettings>,
    /// Where spans are exported to, if anywhere.
    pub tracer: Option<TracerSettings>,
    /// How long what is finished is kept.
    pub retention: Retention,
}

impl Default for ServiceSettings {
    /// On a loopback address with a port of the system's choice, without an address for operators, with the bounds of
    /// `serve`.
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            admin_listen: None,
            tls: None,
            hosts: HostNames::default(),
            proxies: TrustedProxies::default(),
            limits: Limits::default(),
            connections: ConnectionLimits::default(),
            dispatch: DispatchSettings::default(),
            sender: SenderSettings::default(),
            teller: None,
            tracer: None,
            retention: Retention::default(),
        }
    }
}

/// A service could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is taken.
    #[error("{0} is in use by another program: choose another port")]
    PortTaken(SocketAddr),
    /// The address can't be listened on.
    #[error("can't listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The system's words.
        source: io::Error,
    },
    /// The certificate or its key can't be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The sender's settings contradict themselves.
    #[error(transparent)]
    Sender(#[from] InvalidSenderSettings),
    /// The store does not answer.
    #[error(transparent)]
    Store(StoreError),
    /// There are no threads to deliver on.
    #[error("can't start the threads that deliver: {0}")]
    Threads(io::Error),
}

/// A running service.
pub struct Service {
    address: SocketAddr,
    admin_address: Option<SocketAddr>,
    dispatcher: Dispatcher,
    exporter: Option<Exporter>,
    tasks: Vec<JoinHandle<()>>,
    reload: Arc<Notify>,
    stop: watch::Sender<bool>,
}

impl Service {
    /// Listens, takes up what waits in the store, and serves from then on. Needs a tokio runtime.
    ///
    /// # Errors
    ///
    /// When an address can't be listened on, or the certificate or the sender's settings can't be used. Nothing runs then.
    pub async fn start(
        settings: ServiceSettings,
        store: Arc<dyn Store>,
        clock: Clock,
    ) -> Result<Self, StartError> {
        let tls = settings.tls.map(ServerTls::load).transpose()?.map(Arc::new);
        let (listener, address) = bind(settings.listen).await?;
        let admin = match settings.admin_listen {
            Some(address) => Some(bind(address).await?),
            None => None,
        };
        if store.is_shared() {
            // The database's clock is the one that counts, and that nodes have in common.
            clock.begin_at(store.beat().await.map_err(StartError::Store)?.now);
        }
        let metrics = settings.dispatch.metrics.clone();
        let (tracer, exporter) = match settings.tracer {
            None => (Tracer::default(), None),
            Some(tracer) => {
                let sender = Sender::new(to_collector(&settings.sender, &clock))?;
                let (tracer, exporter) = Exporter::start(tracer, sender, clock.clone(), metrics.clone());
                (tracer, Some(exporter))
            }
        };
        let urls = Arc::new(url_guard::PolicyGuard::of(&settings.sender));
        let (policy, resolver) = (settings.sender.policy.clone(), settings.sender.resolver.clone());
        let request_timeout = settings.sender.timeout;
        let sender = Sender::new(SenderSettings { clock: clock.clone(), ..settings.sender })?;
        let tester = Arc::new(Tester {
            store: store.clone(),
            sender: sender.clone(),
            signing: settings.dispatch.signing,
            clock: clock.clone(),
            policy,
            resolver,
        });

        let inbox = Arc::new(Inbox::default());
        let arrivals = Arc::new(Arrivals::default());
        let backpressure = Backpressure::default();
        let live = Live::new(clock.clone());
        store.listen(Arc::new(Listeners {
            inbox: inbox.clone(),
            arrivals: arrivals.clone(),
            backpressure: backpressure.clone(),
            metrics: metrics.clone(),
            live: live.clone(),
        }));
        let (stop, stopping) = watch::channel(false);
        let mut tasks = Vec::new();
        let mut dispatch = DispatchSettings {
            live: Some(live.clone()),
            request_timeout,
            tracer: tracer.clone(),
            backpressure: backpressure.clone(),
            ..settings.dispatch
        };
        if let Some(teller) = settings.teller {
            let (events, queue) = Events::told(metrics.clone());
            dispatch.events = events;
            let (store, sender, clock) = (store.clone(), sender.clone(), clock.clone());
            let teller = Teller { settings: teller, store, sender, clock, metrics: metrics.clone() };
            tasks.push(tokio::spawn(teller.tell(queue, stopped(stopping.clone()))));
        }
        let dispatcher = Dispatcher::start(dispatch, inbox, store.clone(), sender, clock.clone())
            .map_err(StartError::Threads)?;
        let readiness = Arc::new(ready::ServiceReadiness::new(store.clone(), dispatcher.end()));
        let hosts = settings.hosts;
        let lent = Lent {
            urls,
            readiness,
            tester,
            arrivals,
            backpressure,
            metrics: metrics.clone(),
            tracer,
            stopping: stopping.clone(),
            hosts,
        };
        let state = ApiState::new(store.clone(), clock.clone(), settings.limits, lent);
        let (limits, proxies) = (Arc::new(settings.connections), Arc::new(settings.proxies));
        let door = |front, tls| accept::Door { front, limits: limits.clone(), proxies: proxies.clone(), tls };
        let mut admin_address = None;
        let console = console::router(Console::new(state.clone(), live));
        let router = match admin {
            None => api::router(state.clone()).merge(console),
            Some((listener, address)) => {
                admin_address = Some(address);
                let tls = tls.clone().filter(|_| !address.ip().to_canonical().is_loopback());
                let front = Front::of(api::operators_router(state.clone()).merge(console));
                let door = door(front, tls);
                tasks.push(tokio::spawn(accept::serve(listener, door, stopping.clone())));
                api::public_router(state.clone())
            }
        };
        let front = Front::of(router).with_publishing(state.clone());
        tasks.push(tokio::spawn(accept::serve(listener, door(front, tls.clone()), stopping.clone())));
        let reload = Arc::new(Notify::new());
        if let Some(tls) = tls {
            tasks.push(tokio::spawn(tls.follow(reload.clone(), stopped(stopping.clone()))));
        }
        tasks.push(tokio::spawn(watch_credentials(state, stopped(stopping.clone()))));
        let surveying = keep_surveying(metrics, store.clone(), clock.clone(), stopped(stopping.clone()));
        tasks.push(tokio::spawn(surveying));
        if !store.is_shared() {
            tasks.push(tokio::spawn(follow_the_clock(clock.clone(), stopped(stopping.clone()))));
        }
        tasks.push(tokio::spawn(upkeep::keep_up(store, clock, settings.retention, stopped(stopping))));
        Ok(Self { address, admin_address, dispatcher, exporter, tasks, reload, stop })
    }

    /// Where it listens, with the port that it got.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Where the operators' pages are, if they have an address of their own.
    pub fn admin_addr(&self) -> Option<SocketAddr> {
        self.admin_address
    }

    /// What its dispatcher is doing.
    pub fn dispatch_stats(&self) -> Arc<DispatchStats> {
        self.dispatcher.stats()
    }

    /// Waits until it sends no callbacks any more though nobody has stopped it: its dispatcher has ended, by a fault. All that
    /// can be done then is to stop it, and to start anew.
    pub async fn ended(&self) {
        self.dispatcher.end().come().await;
    }

    /// Looks at once whether the certificate's files have changed.
    pub fn reload(&self) {
        self.reload.notify_one();
    }

    /// Stops: takes no more connections, lets requests and callbacks that are under way finish, `grace` at most for
    /// either, and records what came of them.
    pub async fn stop(self, grace: Duration) {
        let _ = self.stop.send(true);
        let requests = async {
            for task in self.tasks {
                let _ = task.await;
            }
        };
        if tokio::time::timeout(grace, requests).await.is_err() {
            tracing::warn!("requests were still open at the end of the grace period");
        }
        self.dispatcher.stop(grace).await;
        if let Some(exporter) = self.exporter {
            exporter.stop().await;
        }
    }
}

/// How spans are sent: as callbacks are, but to the operator's own collector, which is where the operator says, and directly.
fn to_collector(callbacks: &SenderSettings, clock: &Clock) -> SenderSettings {
    SenderSettings {
        policy: Arc::new(EgressPolicy::new(EgressMode::Any)),
        endpoints: Vec::new(),
        proxy: None,
        source_address: None,
        clock: clock.clone(),
        timeout: COLLECTOR_TIMEOUT,
        ..callbacks.clone()
    }
}

/// Takes an address; gives it with the port that the system chose.
async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let refused = |source: io::Error| match source.kind() {
        io::ErrorKind::AddrInUse => StartError::PortTaken(address),
        _ => StartError::Listen { address, source },
    };
    let listener = TcpListener::bind(address).await.map_err(refused)?;
    let got = listener.local_addr().map_err(refused)?;
    Ok((listener, got))
}

async fn stopped(mut stopping: watch::Receiver<bool>) {
    // An error means that the service is gone: that is a stop too.
    let _ = stopping.wait_for(|stop| *stop).await;
}

async fn follow_the_clock(clock: Clock, stop: impl Future<Output = ()>) {
    tokio::pin!(stop);
    let mut tick = tokio::time::interval(CLOCK_CHECK);
    loop {
        tokio::select! {
            () = &mut stop => return,
            _ = tick.tick() => { clock.rebase_if_jumped(); }
        }
    }
}
