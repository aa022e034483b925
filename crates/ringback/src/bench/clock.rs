//! One clock for all processes of a run: the system's monotonic one, which they share.

use rustix::time::{ClockId, clock_gettime};

/// A moment, in nanoseconds of that clock.
pub(super) fn now() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    // It counts from the system's start, so neither part is negative.
    u64::try_from(now.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap_or(0)
}

/// From one moment to another, in seconds; nothing when the other was before.
pub(super) fn seconds(from: u64, to: u64) -> f64 {
    to.saturating_sub(from) as f64 / 1e9
}
