//! Connections that wait for their endpoint's next callback, and callbacks that wait for a connection.
//!
//! Each costs some 20 KB here and a descriptor on either side, so their number is bounded. Where there are more, those that
//! were used longest ago are closed; with ten thousand endpoints that is every one but the busiest. What has waited for too
//! long is closed too: the other side would do it soon, in the middle of a request.
//!
//! Many accounts may have one endpoint. Where more requests are open there than one account can have, the next one waits a
//! moment for a connection to come free before it opens another, and for a longer one where the requests that are open wait for
//! one another already: a thousand connections to an endpoint that is near carry no more than thirty, and cost more. Those that
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
        let _closed = lock(&self.idle).keep(&self.origin, connection, self.since, now - self.served, now);
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

    /// A request is over, for which its connection was needed so long. Who waits gets the connection; else it is kept. Gives
    /// the one that had to make room.
    fn keep(
        &mut self,
        origin: &Arc<str>,
        connection: C,
        since: Instant,
        took: Duration,
        now: Instant,
    ) -> Option<C> {
        let Some(of) = self.by_origin.get_mut(origin) else { return Some(connection) };
        of.ends(since, now);
        of.promptness.answered_in(took, now);
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
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);
    const CLOSED: u32 = 99;

    impl Connected for u32 {
        fn is_closed(&self) -> bool {
            *self == CLOSED
        }
    }

    fn idle(most: usize, at_once: usize) -> Idle<u32> {
        Idle::start(most, at_once, PATIENCE)
    }

    fn origin(name: &str) -> Arc<str> {
        name.into()
    }

    /// Opens a request to the endpoint.
    async fn open(idle: &Idle<u32>, name: &str) -> (Option<u32>, Open<u32>) {
        idle.take(&origin(name)).await
    }

    /// Requests to these with these connections, which are kept in this order.
    async fn used(idle: &Idle<u32>, connections: &[(&str, u32)]) {
        let mut opened = Vec::new();
        for (name, _) in connections {
            opened.push(open(idle, name).await.1);
        }
        for (open, (_, connection)) in opened.into_iter().zip(connections) {
            open.keep(*connection);
        }
    }

    /// All that are kept.
    async fn all(idle: &Idle<u32>, name: &str) -> Vec<u32> {
        let mut all = Vec::new();
        while let (Some(connection), _) = open(idle, name).await {
            all.push(connection);
        }
        all
    }

    fn nothing_is_left(idle: &Idle<u32>) -> bool {
        let kept = lock(&idle.0);
        kept.by_origin.is_empty() && kept.by_age.is_empty()
    }

    #[tokio::test]
    async fn an_endpoint_gets_its_own_connections_those_kept_last_first() {
        let idle = idle(10, 10);
        used(&idle, &[("a", 1), ("b", 2)]).await;
        let opened = (open(&idle, "a").await, open(&idle, "a").await, open(&idle, "b").await);
        assert_eq!((opened.0.0, opened.1.0, opened.2.0), (Some(1), None, Some(2)));
        opened.0.1.keep(1);
        opened.1.1.keep(3);
        assert_eq!((all(&idle, "a").await, all(&idle, "c").await), (vec![3, 1], vec![]));
        drop(opened.2);
        assert!(nothing_is_left(&idle));
    }

    #[tokio::test]
    async fn those_kept_longest_ago_make_room_whatever_their_endpoint() {
        let idle = idle(3, 10);
        used(&idle, &[("a", 1), ("b", 2), ("a", 3), ("c", 4), ("d", 5)]).await;
        let mut left = Vec::new();
        for name in ["a", "b", "c", "d"] {
            left.push(all(&idle, name).await);
        }
        assert_eq!(left, [vec![3], vec![], vec![4], vec![5]]);
        assert!(nothing_is_left(&idle));
    }

    #[tokio::test]
    async fn what_the_other_side_has_closed_is_passed_over() {
        let idle = idle(10, 10);
        used(&idle, &[("a", 1), ("a", CLOSED), ("a", CLOSED)]).await;
        assert_eq!(all(&idle, "a").await, [1]);
        assert!(nothing_is_left(&idle));
    }

    #[tokio::test]
    async fn those_that_waited_for_too_long_are_closed() {
        let idle = idle(10, 10);
        let (mut kept, begun, a) = (lock(&idle.0), Instant::now(), origin("a"));
        kept.take(&a, begun);
        kept.take(&a, begun);
        kept.keep(&a, 1, begun, Duration::ZERO, begun);
        kept.keep(&a, 2, begun, Duration::ZERO, begun + PATIENCE / 2);
        assert!(kept.expire(begun + PATIENCE - Duration::from_secs(1)).is_empty());
        assert_eq!(kept.expire(begun + PATIENCE), [1]);
        assert_eq!(kept.take(&a, begun + PATIENCE * 2).0, None, "too old, and not found by the task yet");
        kept.closed(&a, begun + PATIENCE * 2, begun + PATIENCE * 2);
        assert!(kept.by_origin.is_empty() && kept.by_age.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn where_many_are_in_use_a_request_waits_for_the_next_that_comes_free() {
        let (idle, a) = (idle(10, 2), origin("a"));
        let (first, second) = (open(&idle, "a").await.1, open(&idle, "a").await.1);
        let mut waiting = [Box::pin(idle.take(&a)), Box::pin(idle.take(&a))];
        assert!(waiting.iter_mut().all(|waits| waits.now_or_never().is_none()));
        first.keep(1);
        let (got, third) = waiting[0].as_mut().now_or_never().unwrap();
        assert_eq!(got, Some(1));
        drop(second);
        let (got, fourth) = waiting[1].as_mut().now_or_never().unwrap();
        assert_eq!(got, None, "one was closed: another may be opened");
        drop((third, fourth));
        assert!(nothing_is_left(&idle));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_those_that_have_been_out_for_long() {
        let idle = idle(10, 2);
        let slow = (open(&idle, "a").await.1, open(&idle, "a").await.1);
        tokio::time::advance(LONG).await;
        let began = Instant::now();
        let (first, second) = (open(&idle, "a").await, open(&idle, "a").await);
        assert_eq!((first.0, second.0, began.elapsed()), (None, None, Duration::ZERO));
        // What is over late takes no place from those that count.
        drop(slow);
        assert!(Box::pin(open(&idle, "a")).now_or_never().is_none());
        drop((first, second));
        assert!(open(&idle, "a").now_or_never().is_some());
        assert!(nothing_is_left(&idle));
    }

    #[tokio::test(start_paused = true)]
    async fn none_waits_for_long_and_who_gave_up_waiting_gets_nothing() {
        let idle = idle(10, 1);
        let first = open(&idle, "a").await.1;
        let began = Instant::now();
        let (got, second) = open(&idle, "a").await;
        assert_eq!((got, began.elapsed()), (None, FREE_WITHIN));
        // The second waits no more, but for its own connection.
        first.keep(1);
        assert_eq!(open(&idle, "a").await.0, Some(1));
        drop(second);
        assert!(nothing_is_left(&idle));
    }

    #[tokio::test(start_paused = true)]
    async fn those_that_are_over_soon_leave_the_slow_ones_to_grow_old() {
        let idle = idle(10, 3);
        let _slow = (open(&idle, "a").await, open(&idle, "a").await);
        tokio::time::advance(LONG / 2).await;
        for _ in 0..2 {
            open(&idle, "a").await.1.keep(1);
        }
        tokio::time::advance(LONG / 2).await;
        let mut next = Vec::new();
        for _ in 0..3 {
            next.push(open(&idle, "a").now_or_never().expect("the slow ones don't count any more"));
        }
    }

    /// So many answers that took so long each.
    async fn answered_in(idle: &Idle<u32>, times: u32, took: Duration) {
        for _ in 0..times {
            let open = open(idle, "a").await.1;
            tokio::time::advance(took).await;
            open.keep(1);
        }
    }

    /// An endpoint with one connection, which is in use, whose answers take so many times as long as they did.
    async fn slower_than_it_was(times: u32) -> (Idle<u32>, Open<u32>) {
        let idle = idle(10, 1);
        answered_in(&idle, 1, Duration::from_millis(1)).await;
        answered_in(&idle, 50, times * Duration::from_millis(1)).await;
        let (connection, first) = open(&idle, "a").await;
        assert_eq!(connection, Some(1));
        (idle, first)
    }

    #[tokio::test(start_paused = true)]
    async fn where_requests_wait_for_one_another_already_the_next_waits_longer() {
        for (slower, waited) in [(1, FREE_WITHIN), (5, LONG)] {
            let (idle, _first) = slower_than_it_was(slower).await;
            let began = Instant::now();
            let second = open(&idle, "a").await;
            assert_eq!((second.0, began.elapsed()), (None, waited));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_free_while_the_next_waits_longer_is_its_own() {
        let (idle, first) = slower_than_it_was(5).await;
        let a = origin("a");
        let mut second = Box::pin(idle.take(&a));
        assert!(second.as_mut().now_or_never().is_none());
        tokio::time::advance(FREE_WITHIN).await;
        assert!(second.as_mut().now_or_never().is_none(), "it waits longer");
        first.keep(1);
        assert_eq!(second.as_mut().now_or_never().unwrap().0, Some(1));
    }
}
