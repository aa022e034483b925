//! The clock that leases are counted on: monotonic, and going on while the machine is suspended.
//!
//! [`std::time::Instant`] stands still meanwhile on most systems. A node that wakes would then take a lease for its own that
//! others have long taken over, until its next renewal. Linux has a clock that counts on; elsewhere it stays so.

use std::ops::Add;
use std::time::Duration;

/// A moment on that clock, since its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(Duration);

impl Moment {
    /// The present one.
    pub(super) fn now() -> Self {
        Self(since_beginning())
    }

    pub(super) fn from_micros(micros: u64) -> Self {
        Self(Duration::from_micros(micros))
    }

    /// Whole microseconds since the clock's beginning.
    pub(super) fn as_micros(self) -> u64 {
        u64::try_from(self.0.as_micros()).unwrap_or(u64::MAX)
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, time: Duration) -> Self {
        Self(self.0.saturating_add(time))
    }
}

#[cfg(target_os = "linux")]
fn since_beginning() -> Duration {
    use rustix::time::{ClockId, clock_gettime};

    // It counts up from the machine's start, and so is never negative.
    clock_gettime(ClockId::Boottime).try_into().unwrap_or_default()
}

#[cfg(not(target_os = "linux"))]
fn since_beginning() -> Duration {
    use std::sync::LazyLock;
    use std::time::Instant;

    static BEGINNING: LazyLock<Instant> = LazyLock::new(Instant::now);
    BEGINNING.elapsed()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// The system's own count of the time since its start, suspensions included.
    #[cfg(target_os = "linux")]
    #[test]
    fn it_counts_what_the_system_counts_as_its_uptime() {
        let uptime = || {
            let text = std::fs::read_to_string("/proc/uptime").unwrap();
            let (seconds, hundredths) = text.split_whitespace().next().unwrap().split_once('.').unwrap();
            let millis = hundredths.parse::<u64>().unwrap() * 10;
            Moment(Duration::from_secs(seconds.parse().unwrap()) + Duration::from_millis(millis))
        };
        let before = uptime();
        let now = Moment::now();
        let after = uptime() + Duration::from_millis(10);
        assert!(before <= now && now <= after, "{before:?}, {now:?}, {after:?}");
    }

    #[test]
    fn a_moment_is_kept_in_microseconds() {
        let moment = Moment::from_micros(7) + Duration::from_secs(1);
        assert_eq!(moment.as_micros(), 1_000_007);
        assert_eq!(Moment::from_micros(moment.as_micros()), moment);
    }
}
