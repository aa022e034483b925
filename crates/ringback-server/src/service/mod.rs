//! The whole service: listener, API and dispatcher over one store.
//!
//! This is where the parts meet that don't know each other: the egress policy judges URLs for the API, the dispatcher's
//! state says whether the service is ready. [`Service::stop`] takes it all down in order: no new connections, requests
//! answered, callbacks that are under way finished and recorded.

mod accept;
mod endpoint_tester;
mod listeners;
mod ready;
mod upkeep;
mod url_guard;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ringback_store::{Retention, Store};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::api::{ApiState, Lent, Limits, router, watch_credentials};
use crate::arrivals::Arrivals;
use crate::clock::Clock;
use crate::dispatch::{DispatchSettings, DispatchStats, Dispatcher, Inbox, Tester};
use crate::send::{InvalidSenderSettings, Sender, SenderSettings};

use listeners::Listeners;

pub use accept::ConnectionLimits;

/// How often the wall clock is compared with ours.
const CLOCK_CHECK: Duration = Duration::from_secs(5);

/// What a service is made of. The sender's egress policy and resolver also judge URLs at registration.
pub struct ServiceSettings {
    /// Where to listen; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// The API's bounds.
    pub limits: Limits,
    /// The listener's bounds.
    pub connections: ConnectionLimits,
    /// How callbacks are scheduled and signed.
    pub dispatch: DispatchSettings,
    /// How callbacks are sent, and where they may go.
    pub sender: SenderSettings,
    /// How long what is finished is kept.
    pub retention: Retention,
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
    /// The sender's settings contradict themselves.
    #[error(transparent)]
    Sender(#[from] InvalidSenderSettings),
}

/// A running service.
pub struct Service {
    address: SocketAddr,
    dispatcher: Dispatcher,
    tasks: Vec<JoinHandle<()>>,
    stop: watch::Sender<bool>,
}

impl Service {
    /// Listens, takes up what waits in the store, and serves from then on. Needs a tokio runtime.
    ///
    /// # Errors
    ///
    /// When the address can't be listened on, or the sender's settings can't be used. Nothing runs then.
    pub async fn start(
        settings: ServiceSettings,
        store: Arc<dyn Store>,
        clock: Clock,
    ) -> Result<Self, StartError> {
        let listen = settings.listen;
        let listener = TcpListener::bind(listen).await.map_err(|source| match source.kind() {
            io::ErrorKind::AddrInUse => StartError::PortTaken(listen),
            _ => StartError::Listen { address: listen, source },
        })?;
        let address =
            listener.local_addr().map_err(|source| StartError::Listen { address: listen, source })?;
        let urls = Arc::new(url_guard::PolicyGuard::of(&settings.sender));
        let (policy, resolver) = (settings.sender.policy.clone(), settings.sender.resolver.clone());
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
        store.listen(Arc::new(Listeners { inbox: inbox.clone(), arrivals: arrivals.clone() }));
        let dispatcher = Dispatcher::start(settings.dispatch, inbox, store.clone(), sender, clock.clone());
        let readiness = Arc::new(ready::StoreReadiness::new(store.clone()));
        let (stop, stopping) = watch::channel(false);
        let lent = Lent { urls, readiness, tester, arrivals, stopping: stopping.clone() };
        let state = ApiState::new(store.clone(), clock.clone(), settings.limits, lent);
        let tasks = vec![
            tokio::spawn(accept::serve(
                listener,
                router(state.clone()),
                settings.connections,
                stopping.clone(),
            )),
            tokio::spawn(watch_credentials(state, stopped(stopping.clone()))),
            tokio::spawn(upkeep::keep_up(
                store,
                clock.clone(),
                settings.retention,
                stopped(stopping.clone()),
            )),
            tokio::spawn(follow_the_clock(clock, stopped(stopping))),
        ];
        Ok(Self { address, dispatcher, tasks, stop })
    }

    /// Where it listens, with the port that it got.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// What its dispatcher is doing.
    pub fn dispatch_stats(&self) -> Arc<DispatchStats> {
        self.dispatcher.stats()
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
    }
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
