//! The requests that are open at once, young and slow.

use std::collections::VecDeque;

use crate::engine::FlightId;
use crate::hashing::NumberMap;
use crate::settings::Settings;
use crate::time::Timestamp;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pool {
    YoungProven,
    YoungUnproven,
    Slow,
}

/// Counts open requests. A request is young at first and slow after a while, if there is room among the slow.
#[derive(Debug)]
pub(crate) struct Pools {
    of: NumberMap<FlightId, Pool>,
    /// The young, the oldest first; with those that have left since.
    by_age: VecDeque<(Timestamp, FlightId)>,
    young: usize,
    young_unproven: usize,
    slow: usize,
    young_limit: usize,
    unproven_limit: usize,
    slow_limit: usize,
}

impl Pools {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            of: NumberMap::default(),
            by_age: VecDeque::new(),
            young: 0,
            young_unproven: 0,
            slow: 0,
            young_limit: settings.open_requests,
            unproven_limit: settings.open_unproven,
            slow_limit: settings.slow_requests,
        }
    }

    pub(crate) fn proven_may_start(&self) -> bool {
        self.young < self.young_limit
    }

    pub(crate) fn unproven_may_start(&self) -> bool {
        self.young < self.young_limit
            && self.young_unproven < self.unproven_limit
            && self.slow < self.slow_limit
    }

    pub(crate) fn enter(&mut self, flight: FlightId, now: Timestamp, proven: bool) {
        self.young += 1;
        self.young_unproven += usize::from(!proven);
        self.of.insert(flight, if proven { Pool::YoungProven } else { Pool::YoungUnproven });
        self.by_age.push_back((now, flight));
    }

    pub(crate) fn leave(&mut self, flight: FlightId) {
        match self.of.remove(&flight) {
            Some(Pool::YoungProven) => self.young -= 1,
            Some(Pool::YoungUnproven) => {
                self.young -= 1;
                self.young_unproven -= 1;
            }
            Some(Pool::Slow) => self.slow -= 1,
            None => {}
        }
        while let Some((_, first)) = self.by_age.front()
            && !self.of.contains_key(first)
        {
            self.by_age.pop_front();
        }
    }

    /// Moves those that are not young any more, as far as there is room.
    pub(crate) fn age(&mut self, now: Timestamp, settings: &Settings) {
        while let Some((since, flight)) = self.by_age.front().copied()
            && now.since(since) >= settings.slow_after
            && self.slow < self.slow_limit
        {
            self.by_age.pop_front();
            let Some(pool) = self.of.get_mut(&flight) else { continue };
            self.young -= 1;
            self.young_unproven -= usize::from(*pool == Pool::YoungUnproven);
            self.slow += 1;
            *pool = Pool::Slow;
        }
    }

    /// When the oldest of the young becomes slow; never while there is no room.
    pub(crate) fn next_slow(&self, settings: &Settings) -> Option<Timestamp> {
        let (since, _) = self.by_age.front().filter(|_| self.slow < self.slow_limit)?;
        Some(since.after(settings.slow_after))
    }

    pub(crate) fn counts(&self) -> OpenRequests {
        OpenRequests { young: self.young, slow: self.slow }
    }
}

/// How many requests are open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OpenRequests {
    /// Those out for less than a second, or with no room among the slow.
    pub young: usize,
    /// The others.
    pub slow: usize,
}
