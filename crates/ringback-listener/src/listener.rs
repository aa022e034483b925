//! The listener: a callback goes from the check to the application's handler, once.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::Instrument as _;

use crate::flights::{Flight, Flights, Landed, Seat};
use crate::gap::GapWatch;
use crate::handler::AnyHandler;
use crate::seen::AnyStore;
use crate::{
    BoxError, Callback, Check, Clock, Failure, GapDetector, Gaps, Handler, ListenerBuilder, Rejection,
};

/// Receives callbacks: a tower service over any HTTP body. Cheap to clone; clones are the same listener.
///
/// It needs a tokio runtime with time enabled, in which handlers run as tasks of their own. It answers every method, path and host: where
/// it is mounted decides which requests it sees.
///
/// It can't be made without saying what is checked:
///
/// ```compile_fail
/// ringback_listener::Listener::new(async |_| ());
/// ```
#[derive(Clone)]
pub struct Listener {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) type RejectionHook = Arc<dyn Fn(&Rejection) + Send + Sync>;

pub(crate) struct Settings {
    pub(crate) body_limit: usize,
    pub(crate) body_timeout: Duration,
    pub(crate) max_handlers: usize,
    pub(crate) on_rejection: Option<RejectionHook>,
}

pub(crate) struct Inner {
    pub(crate) check: Check,
    pub(crate) settings: Settings,
    pub(crate) clock: Arc<dyn Clock>,
    handler: AnyHandler,
    store: Arc<dyn AnyStore>,
    flights: Arc<Flights>,
    /// One permit for each handler that may run.
    handlers: Arc<Semaphore>,
    pub(crate) gaps: Arc<GapWatch>,
}

impl Listener {
    /// A listener that asks for `check`, calls `handler` for each message, and has the defaults for everything else.
    pub fn new(check: Check, handler: impl Handler) -> Self {
        Self::builder(check).handle(handler)
    }

    /// A listener with other settings. A check has to be given; there is no default for that.
    pub fn builder(check: Check) -> ListenerBuilder {
        ListenerBuilder::new(check)
    }

    pub(crate) fn from_inner(inner: Inner) -> Self {
        Self { inner: Arc::new(inner) }
    }

    /// Hands a callback to the handler, unless it was handled before or is being handled, and waits for the result. This is
    /// what the service does after [`Callback::read`]; for a server that is not tower's. Dropping the future does not stop
    /// the handler.
    ///
    /// # Errors
    /// [`Failure`]: the callback was not handled, and has to come again.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn deliver(&self, callback: Callback) -> Result<(), Failure> {
        let permit = || {
            let handlers = Arc::clone(&self.inner.handlers);
            handlers.try_acquire_owned().map_err(|_| Failure::Busy(self.inner.settings.max_handlers))
        };
        self.inner.deliver(callback, permit).await
    }

    /// As [`Listener::deliver`], and waits until a handler may run.
    pub(crate) async fn deliver_patiently(&self, callback: Callback) -> Result<(), Failure> {
        let permit = Arc::clone(&self.inner.handlers).acquire_owned().await.map_err(|_| Failure::Aborted)?;
        self.inner.deliver(callback, || Ok(permit)).await
    }

    /// The gaps in the numbers of the accounts, as they fall due. Nothing has to be asked for: what nobody asks for is kept,
    /// within bounds.
    #[must_use]
    pub fn gaps(&self) -> Gaps {
        Gaps::new(Arc::clone(&self.inner.gaps))
    }

    /// Up to which number every message of an account was handled, or is known not to come: keep it for
    /// [`ListenerBuilder::resume`], and for [`CatchUp::after`](crate::CatchUp::after). `None` before the account's first message.
    #[must_use]
    pub fn position(&self, account: &str) -> Option<u64> {
        self.inner.gaps.detector().position(account)
    }

    /// Takes the numbers from `first` to `last` as dealt with: they are not missing any more. For gaps that were dealt with
    /// otherwise than by [`Listener::catch_up`].
    pub fn settle(&self, account: &str, first: u64, last: u64) {
        self.inner.gaps.settle(account, first, last);
    }

    /// Waits until no handler runs: for the end of the program, after the server has stopped (messages that come meanwhile
    /// get 503). A handler that does not get so
    /// far is nothing lost, as its message was not answered and comes again.
    pub async fn idle(&self) {
        let all = u32::try_from(permits(&self.inner.settings)).unwrap_or(u32::MAX);
        // Fails only if the semaphore is closed, which nobody does.
        let _ = self.inner.handlers.acquire_many(all).await;
    }
}

fn permits(settings: &Settings) -> usize {
    settings.max_handlers.min(Semaphore::MAX_PERMITS).min(u32::MAX as usize)
}

impl Inner {
    pub(crate) fn new(
        check: Check,
        settings: Settings,
        handler: AnyHandler,
        store: Arc<dyn AnyStore>,
        clock: Arc<dyn Clock>,
        detector: GapDetector,
    ) -> Self {
        let handlers = Arc::new(Semaphore::new(permits(&settings)));
        let gaps = Arc::new(GapWatch::new(detector, Arc::clone(&clock)));
        Self { check, settings, clock, handler, store, flights: Arc::default(), handlers, gaps }
    }

    async fn deliver(
        self: &Arc<Self>,
        callback: Callback,
        permit: impl FnOnce() -> Result<OwnedSemaphorePermit, Failure>,
    ) -> Landed {
        let mut granted = None;
        let seat = self.flights.board(callback.key(), || permit().map(|permit| granted = Some(permit)))?;
        let arrival = match seat {
            Seat::Passenger(arrival) => arrival,
            Seat::Pilot(flight, arrival) => {
                let flying = Arc::clone(self).fly(flight, callback, granted);
                // A task of its own: it goes on if the one who waits for it is gone.
                tokio::spawn(flying.in_current_span());
                arrival
            }
        };
        arrival.result().await
    }

    async fn fly(self: Arc<Self>, flight: Flight, callback: Callback, permit: Option<OwnedSemaphorePermit>) {
        let result = AssertUnwindSafe(self.handle_once(flight.key(), callback)).catch_unwind().await;
        let result = result.unwrap_or(Err(Failure::Aborted));
        if let Err(failure) = &result {
            tracing::error!(%failure, "a callback was not handled");
        }
        drop(permit);
        flight.land(result);
    }

    async fn handle_once(&self, key: Option<&crate::DeliveryKey>, callback: Callback) -> Landed {
        let place = callback.account().map(str::to_owned).zip(callback.sequence);
        let handled = match key {
            Some(key) => self.store.is_handled(key).await.map_err(store_failure)?,
            None => false,
        };
        if !handled {
            let failed = |error: BoxError| Failure::Handler(Arc::new(error));
            (self.handler)(callback).await.map_err(failed)?;
            if let Some(key) = key
                && let Err(error) = self.store.remember(key).await
            {
                tracing::warn!(%error, "a callback was handled, and can't be remembered");
            }
        }
        if let Some((account, sequence)) = place {
            self.gaps.settle(&account, sequence, sequence);
        }
        Ok(())
    }
}

fn store_failure(error: BoxError) -> Failure {
    Failure::Store(Arc::new(error))
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener").field("check", &self.inner.check).finish_non_exhaustive()
    }
}
