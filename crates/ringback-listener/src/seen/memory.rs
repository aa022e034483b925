//! Remembering in memory, with a bound in number and in time.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{DeliveryKey, SeenStore};
use crate::{BoxError, Clock, SystemClock};

/// Deliveries that are remembered at most; beyond that the oldest is forgotten. A delivery takes about 200 bytes.
pub const DEFAULT_REMEMBERED: usize = 65_536;
/// How long a delivery is remembered. Most duplicates follow within seconds; after an outage it can be hours.
pub const DEFAULT_REMEMBER_FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a delivery that a person had sent again is remembered. Short, since a second replay of the same message can't be told
/// from a duplicate of the first, and must not be dropped the next day.
pub const DEFAULT_REMEMBER_REPLAYS_FOR: Duration = Duration::from_secs(10 * 60);

/// Remembers in memory what was handled: the last [`DEFAULT_REMEMBERED`] deliveries, no longer than
/// [`DEFAULT_REMEMBER_FOR`] ([`DEFAULT_REMEMBER_REPLAYS_FOR`] for replays). A restart forgets all of it.
pub struct MemoryStore {
    capacity: usize,
    keep: Duration,
    keep_replays: Duration,
    clock: Arc<dyn Clock>,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    /// Until when each is remembered.
    until: HashMap<Arc<DeliveryKey>, Duration>,
    /// In the order in which they were remembered, oldest first; a key that was remembered anew stands here twice, once
    /// with an end that is not its own any more.
    order: VecDeque<(Arc<DeliveryKey>, Duration)>,
}

impl MemoryStore {
    /// With the default bounds, and this machine's clock.
    #[must_use]
    pub fn new() -> Self {
        Self::with_clock(Arc::new(SystemClock::new()))
    }

    /// With the default bounds, and another clock.
    #[must_use]
    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        Self {
            capacity: DEFAULT_REMEMBERED,
            keep: DEFAULT_REMEMBER_FOR,
            keep_replays: DEFAULT_REMEMBER_REPLAYS_FOR,
            clock,
            kept: Mutex::default(),
        }
    }

    /// Remembers this many deliveries at most. With 0, none: every duplicate is handled.
    #[must_use]
    pub fn capacity(mut self, deliveries: usize) -> Self {
        self.capacity = deliveries;
        self
    }

    /// Remembers a delivery, and one that a person had sent again, for this long.
    #[must_use]
    pub fn keep(mut self, deliveries: Duration, replays: Duration) -> Self {
        self.keep = deliveries;
        self.keep_replays = replays;
        self
    }

    /// How many deliveries it holds now.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().until.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn forget_oldest(&mut self) -> bool {
        let Some((key, until)) = self.order.pop_front() else { return false };
        if self.until.get(&key) == Some(&until) {
            self.until.remove(&key);
        }
        true
    }
}

impl SeenStore for MemoryStore {
    async fn is_handled(&self, key: &DeliveryKey) -> Result<bool, BoxError> {
        let now = self.clock.elapsed();
        Ok(self.lock().until.get(key).is_some_and(|until| now < *until))
    }

    async fn remember(&self, key: &DeliveryKey) -> Result<(), BoxError> {
        let now = self.clock.elapsed();
        let until = now.saturating_add(if key.replay { self.keep_replays } else { self.keep });
        let key = Arc::new(key.clone());
        let mut kept = self.lock();
        kept.until.insert(Arc::clone(&key), until);
        kept.order.push_back((key, until));
        while kept.order.len() > self.capacity || kept.order.front().is_some_and(|(_, until)| *until <= now) {
            if !kept.forget_oldest() {
                break;
            }
        }
        Ok(())
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("capacity", &self.capacity)
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
