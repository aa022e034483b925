//! How a listener is set up.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::listener::{Inner, Listener, Settings};
use crate::seen::AnyStore;
use crate::{
    Check, Clock, GapDetector, GapSettings, Handler, MemoryStore, Rejection, SeenStore, SystemClock, handler,
};

/// The largest body that is read, in bytes: the largest message (1 MiB), and room for user name, password and what is filled
/// in (Ringback's registration request, which holds the two, is 64 KiB at most).
pub const DEFAULT_BODY_LIMIT: usize = (1 << 20) + (68 << 10);
/// How long a body may take to come: as long as Ringback waits for an answer.
pub const DEFAULT_BODY_TIMEOUT: Duration = Duration::from_secs(15);
/// Handlers that run at a time; Ringback opens 32 requests at most to one endpoint.
pub const DEFAULT_MAX_HANDLERS: usize = 1_024;

/// Settings of a [`Listener`]: from [`Listener::builder`], ended by [`ListenerBuilder::handle`].
#[must_use]
pub struct ListenerBuilder {
    check: Check,
    settings: Settings,
    store: Option<Arc<dyn AnyStore>>,
    clock: Arc<dyn Clock>,
    gaps: GapSettings,
    resumed: Vec<(String, u64)>,
}

impl ListenerBuilder {
    pub(crate) fn new(check: Check) -> Self {
        Self {
            check,
            settings: Settings {
                body_limit: DEFAULT_BODY_LIMIT,
                body_timeout: DEFAULT_BODY_TIMEOUT,
                max_handlers: DEFAULT_MAX_HANDLERS,
                on_rejection: None,
            },
            store: None,
            clock: Arc::new(SystemClock::new()),
            gaps: GapSettings::default(),
            resumed: Vec::new(),
        }
    }

    /// Reads bodies of this many bytes at most: [`DEFAULT_BODY_LIMIT`].
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.settings.body_limit = bytes;
        self
    }

    /// Waits this long for a body: [`DEFAULT_BODY_TIMEOUT`].
    pub fn body_timeout(mut self, timeout: Duration) -> Self {
        self.settings.body_timeout = timeout;
        self
    }

    /// Runs this many handlers at a time, at least 1: [`DEFAULT_MAX_HANDLERS`]. What comes beyond that gets 503.
    pub fn max_handlers(mut self, handlers: usize) -> Self {
        self.settings.max_handlers = handlers.max(1);
        self
    }

    /// Remembers elsewhere what was handled; [`MemoryStore`] where nothing is said.
    pub fn store(mut self, store: impl SeenStore) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// Takes the time from elsewhere; [`SystemClock`] where nothing is said. A store that is given has its own clock.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Looks for gaps in another way.
    pub fn gaps(mut self, settings: GapSettings) -> Self {
        self.gaps = settings;
        self
    }

    /// Takes up an account's numbers where an earlier process left off, with what [`Listener::position`] said there. Without
    /// it, what was missed before the first message of this process is not seen as a gap.
    pub fn resume(mut self, account: impl Into<String>, position: u64) -> Self {
        self.resumed.push((account.into(), position));
        self
    }

    /// Is told of every request that is refused, before it is answered; for counting. It is logged as well.
    pub fn on_rejection(mut self, hook: impl Fn(&Rejection) + Send + Sync + 'static) -> Self {
        self.settings.on_rejection = Some(Arc::new(hook));
        self
    }

    /// Calls this for each message, and is done.
    pub fn handle(self, handler: impl Handler) -> Listener {
        let Self { check, settings, store, clock, gaps, resumed } = self;
        let mut detector = GapDetector::new(gaps);
        for (account, position) in resumed {
            detector.resume(&account, position);
        }
        let store = store.unwrap_or_else(|| Arc::new(MemoryStore::with_clock(Arc::clone(&clock))));
        Listener::from_inner(Inner::new(check, settings, handler::any(handler), store, clock, detector))
    }
}

impl fmt::Debug for ListenerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListenerBuilder")
            .field("check", &self.check)
            .field("gaps", &self.gaps)
            .finish_non_exhaustive()
    }
}
