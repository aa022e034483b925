//! Connections that wait for their endpoint's next callback.
//!
//! Each costs some 20 KB here and a descriptor on either side, so their number is bounded: for an endpoint, and in all.
//! Where there are more, those that were used longest ago are closed; with ten thousand endpoints that is every one but
//! the busiest. What has waited for too long is closed too: the other side would do it soon, in the middle of a request.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use tokio::time::{Instant, MissedTickBehavior, interval};

/// How often in the time that a connection may wait it is looked whether one has waited for too long.
const LOOKS: u32 = 4;

/// See the module. `C` is a connection, which is closed by being dropped.
pub(super) struct Idle<C>(Arc<Mutex<Kept<C>>>);

struct Kept<C> {
    most_for_endpoint: usize,
    most: usize,
    patience: Duration,
    /// By endpoint, those kept last at the end.
    by_origin: HashMap<Arc<str>, VecDeque<(Ticket, C)>>,
    by_age: BTreeMap<Ticket, (Instant, Arc<str>)>,
    last_ticket: Ticket,
}

/// Numbers them in the order in which they were kept.
type Ticket = u64;

impl<C: Send + 'static> Idle<C> {
    /// None yet. Needs a tokio runtime: a task closes those that wait for longer than `patience`.
    pub(super) fn start(most_for_endpoint: usize, most: usize, patience: Duration) -> Self {
        let kept = Kept {
            most_for_endpoint,
            most,
            patience,
            by_origin: HashMap::new(),
            by_age: BTreeMap::new(),
            last_ticket: 0,
        };
        let kept = Arc::new(Mutex::new(kept));
        tokio::spawn(close_the_old(Arc::downgrade(&kept), patience / LOOKS));
        Self(kept)
    }

    /// The connection to an endpoint that was kept last.
    pub(super) fn take(&self, origin: &Arc<str>) -> Option<C> {
        lock(&self.0).take(origin, Instant::now())
    }

    /// Keeps a connection that is ready for a request.
    pub(super) fn keep(&self, origin: &Arc<str>, connection: C) {
        // What had to make room is closed after the lock is let go.
        let _closed = lock(&self.0).keep(origin, connection, Instant::now());
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

impl<C> Kept<C> {
    fn take(&mut self, origin: &Arc<str>, now: Instant) -> Option<C> {
        let kept = self.by_origin.get_mut(origin)?;
        let (ticket, connection) = kept.pop_back()?;
        if kept.is_empty() {
            self.by_origin.remove(origin);
        }
        let (since, _) = self.by_age.remove(&ticket)?;
        // The others of its endpoint are older: the task will find them.
        (now.duration_since(since) < self.patience).then_some(connection)
    }

    /// Gives those that had to make room.
    fn keep(&mut self, origin: &Arc<str>, connection: C, now: Instant) -> [Option<C>; 2] {
        self.last_ticket += 1;
        let kept = self.by_origin.entry(origin.clone()).or_default();
        kept.push_back((self.last_ticket, connection));
        let of_endpoint = if kept.len() > self.most_for_endpoint { kept.pop_front() } else { None };
        self.by_age.insert(self.last_ticket, (now, origin.clone()));
        let of_endpoint = of_endpoint.map(|(ticket, connection)| {
            self.by_age.remove(&ticket);
            connection
        });
        let oldest = if self.by_age.len() > self.most { self.remove_oldest() } else { None };
        [of_endpoint, oldest]
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
        let kept = self.by_origin.get_mut(&origin)?;
        let (_, connection) = kept.pop_front()?;
        if kept.is_empty() {
            self.by_origin.remove(&origin);
        }
        Some(connection)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    fn idle(most_for_endpoint: usize, most: usize) -> Idle<u32> {
        Idle::start(most_for_endpoint, most, PATIENCE)
    }

    fn origin(name: &str) -> Arc<str> {
        name.into()
    }

    fn all(idle: &Idle<u32>, name: &str) -> Vec<u32> {
        std::iter::from_fn(|| idle.take(&origin(name))).collect()
    }

    #[tokio::test]
    async fn an_endpoint_gets_its_own_connections_those_kept_last_first() {
        let idle = idle(2, 10);
        for (name, connection) in [("a", 1), ("b", 2), ("a", 3), ("a", 4)] {
            idle.keep(&origin(name), connection);
        }
        assert_eq!((all(&idle, "a"), all(&idle, "b"), all(&idle, "c")), (vec![4, 3], vec![2], vec![]));
    }

    #[tokio::test]
    async fn those_kept_longest_ago_make_room_whatever_their_endpoint() {
        let idle = idle(2, 3);
        for (name, connection) in [("a", 1), ("b", 2), ("a", 3), ("c", 4), ("d", 5)] {
            idle.keep(&origin(name), connection);
        }
        let left = ["a", "b", "c", "d"].map(|name| all(&idle, name));
        assert_eq!(left, [vec![3], vec![], vec![4], vec![5]]);
        assert!(lock(&idle.0).by_origin.is_empty() && lock(&idle.0).by_age.is_empty());
    }

    #[tokio::test]
    async fn those_that_waited_for_too_long_are_closed() {
        let idle = idle(2, 10);
        let (mut kept, begun, a) = (lock(&idle.0), Instant::now(), origin("a"));
        kept.keep(&a, 1, begun);
        kept.keep(&a, 2, begun + PATIENCE / 2);
        assert!(kept.expire(begun + PATIENCE - Duration::from_secs(1)).is_empty());
        assert_eq!(kept.expire(begun + PATIENCE), [1]);
        assert_eq!(kept.take(&a, begun + PATIENCE * 2), None, "too old, and not found by the task yet");
        assert!(kept.by_origin.is_empty() && kept.by_age.is_empty());
    }
}
