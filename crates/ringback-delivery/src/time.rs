//! Moments and the two clocks that the decisions are made by. Nothing here reads a clock: time comes in as an argument.

use std::time::Duration;

/// A moment: milliseconds since the Unix epoch, on the clock of whoever runs the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Later than every moment that comes.
    pub const NEVER: Self = Self(i64::MAX);

    /// The moment this many milliseconds after the Unix epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the Unix epoch.
    pub const fn as_seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// How long after `earlier` this is; zero when it is not after it.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// This moment and `by` more.
    #[must_use]
    pub fn after(self, by: Duration) -> Self {
        Self(self.0.saturating_add(millis(by)))
    }

    /// The moment `by` before this one.
    #[must_use]
    pub fn before(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(millis(by)))
    }

    /// What this moment is called once the clock was set back by so much. Never is never.
    #[must_use]
    pub(crate) fn set_back(self, by: Duration) -> Self {
        if self == Self::NEVER { self } else { self.before(by) }
    }
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

/// How long a lane has been on pause, so that a message's age can leave that time out.
///
/// *Lane time* is wall time less all the pauses so far. It stands still during a pause, and a message's age is
/// the lane time now less the lane time at which it was accepted or replayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PauseClock {
    /// All the finished pauses together.
    pub total: Duration,
    /// When the present pause began, if there is one.
    pub since: Option<Timestamp>,
}

impl PauseClock {
    /// The lane time at the wall time `now`.
    pub fn lane_time(&self, now: Timestamp) -> Timestamp {
        let frozen = self.since.map_or(now, |since| since.min(now));
        frozen.before(self.total)
    }

    /// The wall time at which the lane time will be `at`, if no pause comes between; never during a pause.
    pub fn wall_time(&self, at: Timestamp) -> Timestamp {
        if self.since.is_some() { Timestamp::NEVER } else { at.after(self.total) }
    }

    /// Begins a pause; without effect during one.
    pub fn pause(&mut self, now: Timestamp) {
        self.since.get_or_insert(now);
    }

    /// Ends the pause; without effect when there is none.
    pub fn resume(&mut self, now: Timestamp) {
        if let Some(since) = self.since.take() {
            self.total += now.since(since);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_on_pause_does_not_count() {
        let at = |seconds: i64| Timestamp::from_millis(seconds * 1000);
        let mut clock = PauseClock::default();
        let born = clock.lane_time(at(100));
        clock.pause(at(110));
        assert_eq!(clock.lane_time(at(500)).since(born), Duration::from_secs(10));
        clock.resume(at(510));
        assert_eq!(clock.lane_time(at(520)).since(born), Duration::from_secs(20));
        assert_eq!(clock.wall_time(born.after(Duration::from_secs(20))), at(520));
    }
}
