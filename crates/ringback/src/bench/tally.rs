//! What was published against what arrived: nothing may be missing, and the times of both give the latencies.

use super::clock;
use super::latency::{Percentiles, histogram};
use super::publisher::Published;
use super::sink_process::Arrival;

/// Both, joined by the marks.
pub(super) struct Tally {
    published: Vec<Published>,
    /// The first arrival of each mark from `first` on; nothing for those that did not arrive.
    arrived: Vec<u64>,
    first: u64,
    /// Messages that were accepted.
    pub(super) accepted: u64,
    /// Of those, the ones that arrived.
    pub(super) delivered: u64,
    /// Arrivals of what had arrived before.
    pub(super) repeated: u64,
}

impl Tally {
    pub(super) fn of(published: Vec<Published>, arrivals: &[Arrival]) -> Self {
        let first = published.first().map_or(0, |published| published.first);
        let end = published.last().map_or(0, |published| published.first + published.messages);
        let mut tally = Self {
            accepted: published.iter().map(|published| published.messages).sum(),
            published,
            arrived: vec![0; usize::try_from(end - first).unwrap_or(0)],
            first,
            delivered: 0,
            repeated: 0,
        };
        for arrival in arrivals {
            let place = arrival.mark.checked_sub(first).and_then(|at| usize::try_from(at).ok());
            let Some(place) = place.and_then(|at| tally.arrived.get_mut(at)) else { continue };
            if *place == 0 {
                *place = arrival.at;
                tally.delivered += 1;
            } else {
                tally.repeated += 1;
                *place = arrival.at.min(*place);
            }
        }
        tally
    }

    /// Messages with a wanted mark that did not arrive.
    pub(super) fn missing_of(&self, wanted: impl Fn(u64) -> bool) -> u64 {
        let marks =
            self.published.iter().flat_map(|published| published.first..published.first + published.messages);
        marks.filter(|mark| wanted(*mark) && self.arrival(*mark).is_none()).count() as u64
    }

    /// When a message arrived first.
    fn arrival(&self, mark: u64) -> Option<u64> {
        let place = usize::try_from(mark.checked_sub(self.first)?).ok()?;
        self.arrived.get(place).copied().filter(|at| *at != 0)
    }

    /// From the first publish to the last arrival, in seconds.
    pub(super) fn seconds(&self) -> f64 {
        let from = self.published.iter().map(|published| published.intended).min().unwrap_or(0);
        let to = self.arrived.iter().copied().max().unwrap_or(0);
        clock::seconds(from, to)
    }

    /// From the first publish to the last answer, in seconds.
    pub(super) fn publishing_seconds(&self) -> f64 {
        let from = self.published.iter().map(|published| published.intended).min().unwrap_or(0);
        let to = self.published.iter().map(|published| published.answered).max().unwrap_or(0);
        clock::seconds(from, to)
    }

    /// From the intended time to the 202.
    pub(super) fn accept(&self) -> Percentiles {
        let mut taken = histogram();
        for published in &self.published {
            taken.saturating_record(published.answered.saturating_sub(published.intended));
        }
        Percentiles::of(&taken)
    }

    /// From the intended time to the arrival.
    pub(super) fn whole(&self) -> Percentiles {
        self.whole_of(|_| true)
    }

    /// The same of the messages whose marks are wanted.
    pub(super) fn whole_of(&self, wanted: impl Fn(u64) -> bool) -> Percentiles {
        let mut taken = histogram();
        for published in &self.published {
            for mark in published.first..published.first + published.messages {
                if let Some(at) = self.arrival(mark).filter(|_| wanted(mark)) {
                    taken.saturating_record(at.saturating_sub(published.intended));
                }
            }
        }
        Percentiles::of(&taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_are_counted_once_and_measured_from_their_own_publish() {
        let ms = 1_000_000;
        let published = vec![
            Published { first: 10, messages: 2, intended: 100 * ms, answered: 104 * ms },
            Published { first: 12, messages: 1, intended: 102 * ms, answered: 106 * ms },
        ];
        let arrival = |mark, at| Arrival { mark, at: at * ms };
        let arrivals = [arrival(9, 50), arrival(12, 112), arrival(10, 103), arrival(10, 120)];
        let tally = Tally::of(published, &arrivals);
        assert_eq!((tally.accepted, tally.delivered, tally.repeated), (3, 2, 1));
        let near =
            |got: f64, wanted: f64| assert!((got - wanted).abs() < wanted * 0.002 + 0.002, "{got} {wanted}");
        near(tally.seconds(), 0.012);
        near(tally.accept().p50, 4.0);
        near(tally.whole().p999, 10.0);
        near(tally.whole_of(|mark| mark == 10).p999, 3.0);
        assert_eq!((tally.missing_of(|_| true), tally.missing_of(|mark| mark != 11)), (1, 0));
    }
}
