//! The requests that are open at once, young and slow.

use std::collections::VecDeque;
use std::time::Duration;

use crate::engine::FlightId;
use crate::hashing::NumberMap;
use crate::settings::Settings;
use crate::time::Timestamp;

/// What an endpoint has shown of late. It decides which part of the young pool its requests may take, so that those
/// that nothing is known of never wait behind those that are known to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repute {
    /// It has succeeded of late.
    Proven,
    /// It is new, or has had nothing to do for a while.
    Unknown,
    /// It has failed since its last success.
    Failing,
}

impl Repute {
    pub(crate) const ALL: [Self; 3] = [Self::Proven, Self::Unknown, Self::Failing];

    /// Its place in a list with one of each.
    pub(crate) fn index(self) -> usize {
        self as usize
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pool {
    Young(Repute),
    Slow,
}

/// Counts open requests. A request is young at first and slow after a while, if there is room among the slow.
#[derive(Debug)]
pub(crate) struct Pools {
    of: NumberMap<FlightId, Pool>,
    /// The young by repute, the oldest first; with those that have left since.
    by_age: [VecDeque<(Timestamp, FlightId)>; 3],
    young: [usize; 3],
    slow: usize,
    young_limit: usize,
    unproven_limit: usize,
    failing_limit: usize,
    slow_limit: usize,
}

impl Pools {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            of: NumberMap::default(),
            by_age: Default::default(),
            young: [0; 3],
            slow: 0,
            young_limit: settings.open_requests,
            unproven_limit: settings.open_unproven,
            failing_limit: settings.open_failing,
            slow_limit: settings.slow_requests,
        }
    }

    /// Whether a request to an endpoint of this repute may start. Where one to a failing endpoint may, any other may.
    pub(crate) fn may_start(&self, repute: Repute) -> bool {
        let [proven, unknown, failing] = self.young;
        let unproven = unknown + failing;
        proven + unproven < self.young_limit
            && (repute == Repute::Proven || (unproven < self.unproven_limit && self.slow < self.slow_limit))
            && (repute != Repute::Failing || failing < self.failing_limit)
    }

    pub(crate) fn enter(&mut self, flight: FlightId, now: Timestamp, repute: Repute) {
        self.young[repute.index()] += 1;
        self.of.insert(flight, Pool::Young(repute));
        self.by_age[repute.index()].push_back((now, flight));
    }

    pub(crate) fn leave(&mut self, flight: FlightId) {
        match self.of.remove(&flight) {
            Some(Pool::Young(repute)) => {
                self.young[repute.index()] -= 1;
                let by_age = &mut self.by_age[repute.index()];
                while let Some((_, first)) = by_age.front()
                    && !self.of.contains_key(first)
                {
                    by_age.pop_front();
                }
            }
            Some(Pool::Slow) => self.slow -= 1,
            None => {}
        }
    }

    /// Moves those that are not young any more, as far as there is room. `crowded`: endpoints that nothing is known of
    /// wait for a place.
    pub(crate) fn age(&mut self, now: Timestamp, settings: &Settings, crowded: bool) {
        for repute in Repute::ALL {
            while self.becomes_slow_at(repute, settings, crowded).is_some_and(|at| at <= now)
                && let Some((_, flight)) = self.by_age[repute.index()].pop_front()
            {
                if let Some(pool) = self.of.get_mut(&flight) {
                    *pool = Pool::Slow;
                    self.young[repute.index()] -= 1;
                    self.slow += 1;
                }
            }
        }
    }

    /// When the oldest of the young becomes slow; never while there is no room.
    pub(crate) fn next_slow(&self, settings: &Settings, crowded: bool) -> Option<Timestamp> {
        Repute::ALL.iter().filter_map(|repute| self.becomes_slow_at(*repute, settings, crowded)).min()
    }

    fn becomes_slow_at(&self, repute: Repute, settings: &Settings, crowded: bool) -> Option<Timestamp> {
        let (since, _) = self.by_age[repute.index()].front()?;
        let hurried = crowded && repute != Repute::Proven && self.slow < settings.crowded_slow;
        let after = if hurried { settings.crowded_slow_after } else { settings.slow_after };
        (self.slow < self.slow_limit).then(|| since.after(after))
    }

    /// The clock was set back.
    pub(crate) fn set_back(&mut self, by: Duration) {
        for (since, _) in self.by_age.iter_mut().flatten() {
            *since = since.set_back(by);
        }
    }

    pub(crate) fn counts(&self) -> OpenRequests {
        OpenRequests { young: self.young.iter().sum(), slow: self.slow }
    }
}

/// How many requests are open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OpenRequests {
    /// Those that have just begun, or with no room among the slow.
    pub young: usize,
    /// Those that have been out for a second, or for less where others waited for their places.
    pub slow: usize,
}
