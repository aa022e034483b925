//! Connections that wait for their endpoint's next callback, and callbacks that wait for a connection.
//!
//! Each costs some 20 KB here and a descriptor on either side, so their number is bounded. Where there are more, those that
//! were used longest ago are closed; with ten thousand endpoints that is every one but the busiest. What has waited for too
//! long is closed too: the other side would do it soon, in the middle of a request.
//!
//! Many accounts may have one endpoint. Where more requests are open there than one account can have, the next one waits a
//! moment for a connection to come free before it opens another, and for a longer one where the requests that are open wait for
//! one another already: a thousand connections to an endpoint that is near carry no more than a hundred, and cost more. Those that
//! have been out for long don't count: it is not their connections that come free soon, and who is slow there is to hold up
//! nobody else.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use tokio::sync::oneshot;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout_at};

use super::promptness::Promptness;

/// How often in the time that a connection may wait it is looked whether one has waited for too long.
const LOOKS: u32 = 4;
/// How long a request waits for a connection to come free, unless those that are open wait for one another.
const FREE_WITHIN: Duration = Duration::from_millis(25);
/// A request that has been open for so long does not count any more, nor does any wait for a connection for longer: a thousand
/// that do are still ten thousand a second.
const LONG: Duration = Duration::from_millis(100);

/// See the module. `C` is a connection, which is closed by being dropped.
pub(super) struct Idle<C>(Arc<Mutex<Kept<C>>>);

/// A request that is open to an endpoint, until this is dropped or its connection is kept.
pub(super) struct Open<C> {
    idle: Arc<Mutex<Kept<C>>>,
    origin: Arc<str>,
    since: Instant,
    /// When it stopped waiting for a connection.
    served: Instant,
    over: bool,
}

struct Kept<C> {
    most: usize,
    at_once: usize,
    patience: Duration,
    by_origin: HashMap<Arc<str>, Origin<C>>,
    by_age: BTreeMap<Ticket, (Instant, Arc<str>)>,
    last_ticket: Ticket,
}

struct Origin<C> {
    /// Those kept last at the end.
    kept: VecDeque<(Ticket, C)>,
    /// Requests that are open, those that wait among them.
    open: usize,
    /// When those were opened that are not open for long.
    young: VecDeque<Instant>,
    /// Each gets a connection, or word that one was closed.
    waiting: VecDeque<oneshot::Sender<Option<C>>>,
    promptness: Promptness,
}

/// Numbers them in the order in which they were kept.
type Ticket = u64;

/// What is known of a connection that is kept.
pub(super) trait Connected {
    /// Whether the other side has closed it.
    fn is_closed(&self) -> bool;
}

impl<C: Connected + Send + 'static> Idle<C> {
    /// None yet; `most` are kept, and an endpoint gets `at_once` without waiting. Needs a tokio runtime: a task closes those
    /// that wait for longer than `patience`.
    pub(super) fn start(most: usize, at_once: usize, patience: Duration) -> Self {
        let kept = Kept {
            most,
            at_once,
            patience,
            by_origin: HashMap::new(),
            by_age: BTreeMap::new(),
            last_ticket: 0,
        };
        let kept = Arc::new(Mutex::new(kept));
        tokio::spawn(close_the_old(Arc::downgrade(&kept), patience / LOOKS));
        Self(kept)
    }

    /// For a request to an endpoint: the connection that was kept last, or one that comes free within a moment where many
    /// are in use; none where one is to be opened.
    pub(super) async fn take(&self, origin: &Arc<str>) -> (Option<C>, Open<C>) {
        let since = Instant::now();
        let (taken, waits) = lock(&self.0).take(origin, since);
        let mut open =
            Open { idle: self.0.clone(), origin: origin.clone(), since, served: since, over: false };
        let Some(waits) = waits else { return (taken, open) };
        let freed = self.freed(origin, since, waits).await;
        open.served = Instant::now();
        (freed, open)
    }

    /// The connection that came free, or none where one is to be opened.
    async fn freed(
        &self,
        origin: &Arc<str>,
        since: Instant,
        mut waits: oneshot::Receiver<Option<C>>,
    ) -> Option<C> {
        if let Ok(freed) = timeout_at(since + FREE_WITHIN, &mut waits).await {
            return freed.ok().flatten();
        }
        if lock(&self.0).is_crowded(origin)
            && let Ok(freed) = timeout_at(since + LONG, &mut waits).await
        {
            return freed.ok().flatten();
        }
        waits.close();
        waits.try_recv().ok().flatten()
    }
}

impl<C> Open<C> {
    /// The request is over, and its connection ready for the next one.
    pub(super) fn keep(mut self, connection: C) {
        self.over = true;
        let now = Instant::now();
        // What had to make room is closed after the lock is let go.
        let took = Some(now - self.served);
        let _closed = lock(&self.idle).keep(&self.origin, connection, self.since, took, now);
    }

    /// There is no request after all, and the connection is ready for another.
    pub(super) fn give_back(mut self, connection: C) {
        self.over = true;
        let _closed = lock(&self.idle).keep(&self.origin, connection, self.since, None, Instant::now());
    }
}

impl<C> Drop for Open<C> {
    fn drop(&mut self) {
        if !self.over {
            lock(&self.idle).closed(&self.origin, self.since, Instant::now());
        }
    }
}

async fn close_the_old<C>(kept: Weak<Mutex<Kept<C>>>, every: Duration) {
    let mut ticks = interval(every.max(Duration::from_millis(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(kept) = kept.upgrade() else { return };
        let _closed = lock(&kept).expire(Instant::now());
    }
}

fn lock<C>(kept: &Mutex<Kept<C>>) -> MutexGuard<'_, Kept<C>> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<C> Origin<C> {
    fn is_over(&self) -> bool {
        self.kept.is_empty() && self.open == 0
    }

    fn opens(&mut self, now: Instant) {
        self.open += 1;
        self.forget_the_old(now);
        self.young.push_back(now);
    }

    /// One that was opened then is over.
    fn ends(&mut self, since: Instant, now: Instant) {
        self.open -= 1;
        self.forget_the_old(now);
        // Threads that open at once may have come to the lock in another order: then a neighbour is taken for it.
        if now - since < LONG {
            let place = self.young.partition_point(|young| *young < since);
            self.young.remove(place.min(self.young.len().saturating_sub(1)));
        }
    }

    fn forget_the_old(&mut self, now: Instant) {
        while self.young.front().is_some_and(|since| now - *since >= LONG) {
            self.young.pop_front();
        }
    }
}

impl<C> Default for Origin<C> {
    fn default() -> Self {
        Self {
            kept: VecDeque::new(),
            open: 0,
            young: VecDeque::new(),
            waiting: VecDeque::new(),
            promptness: Promptness::default(),
        }
    }
}

impl<C: Connected> Kept<C> {
    /// Counts a request as open; a connection for it, or where it hears of one.
    fn take(&mut self, origin: &Arc<str>, now: Instant) -> (Option<C>, Option<oneshot::Receiver<Option<C>>>) {
        let of = self.by_origin.entry(origin.clone()).or_default();
        of.opens(now);
        while let Some((ticket, connection)) = of.kept.pop_back() {
            let since = self.by_age.remove(&ticket).map(|(since, _)| since);
            if since.is_none_or(|since| now.duration_since(since) >= self.patience) {
                // The others of its endpoint are older: the task will find them.
                return (None, None);
            }
            if !connection.is_closed() {
                return (Some(connection), None);
            }
        }
        let waits = (of.young.len() > self.at_once).then(|| {
            let (tell, waits) = oneshot::channel();
            of.waiting.push_back(tell);
            waits
        });
        (None, waits)
    }
}

impl<C> Kept<C> {
    fn is_crowded(&self, origin: &Arc<str>) -> bool {
        self.by_origin.get(origin).is_some_and(|of| of.promptness.is_crowded())
    }

    /// A request is over, for which its connection was needed so long, if it was sent. Who waits gets the connection; else it is
    /// kept. Gives the one that had to make room.
    fn keep(
        &mut self,
        origin: &Arc<str>,
        connection: C,
        since: Instant,
        took: Option<Duration>,
        now: Instant,
    ) -> Option<C> {
        let Some(of) = self.by_origin.get_mut(origin) else { return Some(connection) };
        of.ends(since, now);
        if let Some(took) = took {
            of.promptness.answered_in(took, now);
        }
        let mut connection = Some(connection);
        while let Some(waits) = of.waiting.pop_front() {
            match waits.send(connection) {
                Ok(()) => return None,
                // It waits no more.
                Err(back) => connection = back,
            }
        }
        self.last_ticket += 1;
        of.kept.push_back((self.last_ticket, connection?));
        self.by_age.insert(self.last_ticket, (now, origin.clone()));
        if self.by_age.len() > self.most { self.remove_oldest() } else { None }
    }

    /// A request is over, and its connection closed: one that waits may open another.
    fn closed(&mut self, origin: &Arc<str>, since: Instant, now: Instant) {
        let Some(of) = self.by_origin.get_mut(origin) else { return };
        of.ends(since, now);
        while let Some(waits) = of.waiting.pop_front() {
            if waits.send(None).is_ok() {
                break;
            }
        }
        if of.is_over() {
            self.by_origin.remove(origin);
        }
    }

    fn expire(&mut self, now: Instant) -> Vec<C> {
        let mut old = Vec::new();
        while self.by_age.first_key_value().is_some_and(|(_, (at, _))| now - *at >= self.patience) {
            old.extend(self.remove_oldest());
        }
        old
    }

    fn remove_oldest(&mut self) -> Option<C> {
        let (_, (_, origin)) = self.by_age.pop_first()?;
        let of = self.by_origin.get_mut(&origin)?;
        let (_, connection) = of.kept.pop_front()?;
        if of.is_over() {
            self.by_origin.remove(&origin);
        }
        Some(connection)
    }
}

#[cfg(test)]
mod tests;
