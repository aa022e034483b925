//! The counters of the last day by the minute, for charts. Nothing on the way of a message writes here: once a second the
//! totals are looked at, and what they have grown by is put to the present minute.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use ringback_delivery::Timestamp;

/// Minutes that are kept: a day.
const KEPT: usize = 24 * 60;
const MILLIS: i64 = 60_000;

/// What happened in a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Minute {
    /// When it began: a whole minute.
    pub start: Timestamp,
    /// Messages accepted.
    pub accepted: u64,
    /// Messages delivered.
    pub delivered: u64,
    /// Messages given up.
    pub dead: u64,
    /// Attempts that did not deliver.
    pub failed_attempts: u64,
}

/// The counters as they stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Totals {
    pub(super) accepted: u64,
    pub(super) delivered: u64,
    pub(super) dead: u64,
    pub(super) failed_attempts: u64,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Minutes(Mutex<Ring>);

#[derive(Debug, Default)]
struct Ring {
    seen: Totals,
    /// Minutes in which something happened, in order.
    minutes: VecDeque<Minute>,
}

impl Minutes {
    /// The `count` minutes up to the present one, the oldest first; those in which nothing happened are there too.
    pub fn recent(&self, now: Timestamp, count: usize) -> Vec<Minute> {
        let ring = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = count.min(KEPT);
        let last = now.as_millis().div_euclid(MILLIS);
        let first = last - i64::try_from(count).unwrap_or(i64::MAX) + 1;
        let starts = (first..=last).map(|minute| Timestamp::from_millis(minute * MILLIS));
        let mut minutes: Vec<Minute> = starts.map(|start| Minute { start, ..Minute::default() }).collect();
        for kept in &ring.minutes {
            let place = kept.start.as_millis().div_euclid(MILLIS) - first;
            if let Some(minute) = usize::try_from(place).ok().and_then(|place| minutes.get_mut(place)) {
                *minute = *kept;
            }
        }
        minutes
    }

    /// Puts what the totals have grown by to the present minute.
    pub(super) fn tick(&self, now: Timestamp, totals: Totals) {
        let mut ring = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = std::mem::replace(&mut ring.seen, totals);
        if seen == totals {
            return;
        }
        let start = Timestamp::from_millis(now.as_millis().div_euclid(MILLIS) * MILLIS);
        // A clock that was set back goes on with the last minute.
        if ring.minutes.back().is_none_or(|last| last.start < start) {
            ring.minutes.push_back(Minute { start, ..Minute::default() });
        }
        while ring.minutes.len() > KEPT {
            ring.minutes.pop_front();
        }
        if let Some(minute) = ring.minutes.back_mut() {
            minute.accepted += totals.accepted - seen.accepted;
            minute.delivered += totals.delivered - seen.delivered;
            minute.dead += totals.dead - seen.dead;
            minute.failed_attempts += totals.failed_attempts - seen.failed_attempts;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    #[test]
    fn what_the_totals_grew_by_is_in_its_minute_and_quiet_minutes_are_there_too() {
        let minutes = Minutes::default();
        minutes.tick(at(0), Totals { accepted: 2, ..Totals::default() });
        minutes.tick(at(59), Totals { accepted: 5, delivered: 4, ..Totals::default() });
        minutes.tick(at(121), Totals { accepted: 6, delivered: 4, dead: 1, failed_attempts: 3 });
        let recent = minutes.recent(at(125), 4);
        let of = |minute: &Minute| (minute.accepted, minute.delivered, minute.dead, minute.failed_attempts);
        assert_eq!(
            recent.iter().map(of).collect::<Vec<_>>(),
            [(0, 0, 0, 0), (5, 4, 0, 0), (0, 0, 0, 0), (1, 0, 1, 3)]
        );
        assert_eq!(
            recent.iter().map(|minute| minute.start).collect::<Vec<_>>(),
            [at(-60), at(0), at(60), at(120)]
        );
    }

    #[test]
    fn no_more_than_a_day_is_kept() {
        let minutes = Minutes::default();
        for minute in 0..2000 {
            minutes.tick(at(minute * 60), Totals { accepted: minute as u64 + 1, ..Totals::default() });
        }
        assert_eq!(minutes.recent(at(1999 * 60), 5000).len(), KEPT);
        assert_eq!(minutes.0.lock().unwrap().minutes.len(), KEPT);
    }
}
