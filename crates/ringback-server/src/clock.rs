//! The server's clock: monotonic from the wall time at its start.
//!
//! Everything that decides by time gets it from here, as a [`Timestamp`]. While the server runs, its time does not
//! follow small corrections of the wall clock, and it follows a jump only when somebody looks for one
//! ([`Clock::rebase_if_jumped`]), says so in the log, and goes on from there. A test holds a manual clock and advances it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ringback_delivery::Timestamp;

/// From how far apart on the wall clock and ours count as a jump of the wall clock.
pub const JUMP: Duration = Duration::from_secs(60);

/// Tells the time. Clones tell the same.
#[derive(Debug, Clone)]
pub struct Clock(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// What runs; `None` for a manual clock, which stands still until it is advanced.
    started: Option<Instant>,
    /// Milliseconds since the Unix epoch when nothing had run yet.
    base: AtomicI64,
}

impl Clock {
    /// A clock that starts at the present wall time.
    pub fn system() -> Self {
        Self(Arc::new(Inner { started: Some(Instant::now()), base: AtomicI64::new(wall_time().as_millis()) }))
    }

    /// A clock that stands at `start` until it is advanced.
    pub fn manual(start: Timestamp) -> Self {
        Self(Arc::new(Inner { started: None, base: AtomicI64::new(start.as_millis()) }))
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        let ran = self.0.started.map_or(Duration::ZERO, |started| started.elapsed());
        Timestamp::from_millis(self.0.base.load(Ordering::Relaxed)).after(ran)
    }

    /// Moves this clock and its clones forward. For tests.
    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.0.base.fetch_add(by, Ordering::Relaxed);
    }

    /// Goes on from the wall time if that is more than [`JUMP`] away, and says so in the log. To be called every few
    /// seconds by one task. Gives whether it did; a manual clock never does.
    pub fn rebase_if_jumped(&self) -> bool {
        self.0.started.is_some() && self.rebase_towards(wall_time())
    }

    /// Goes on from this moment, which is the present one by the clock that counts (the database's, where several nodes
    /// share one). A manual clock never does.
    pub fn begin_at(&self, now: Timestamp) {
        if self.0.started.is_some() {
            let by = now.as_millis().saturating_sub(self.now().as_millis());
            self.0.base.fetch_add(by, Ordering::Relaxed);
        }
    }

    /// Goes on from this moment if it is more than [`JUMP`] away, and says so in the log; else stays as it is. Gives whether
    /// it did; a manual clock never does.
    pub fn follow(&self, now: Timestamp) -> bool {
        self.0.started.is_some() && self.rebase_towards(now)
    }

    fn rebase_towards(&self, wall: Timestamp) -> bool {
        let now = self.now();
        let ahead = wall.since(now);
        let behind = now.since(wall);
        if ahead.max(behind) <= JUMP {
            return false;
        }
        let by = wall.as_millis().saturating_sub(now.as_millis());
        self.0.base.fetch_add(by, Ordering::Relaxed);
        tracing::warn!(jump_ms = by, "the wall clock jumped; the server's clock goes on from it");
        true
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the clock that everybody else asks")]
fn wall_time() -> Timestamp {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => Timestamp::from_millis(0).after(since),
        Err(before) => Timestamp::from_millis(0).before(before.duration()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_when_it_is_advanced_and_its_clones_with_it() {
        let clock = Clock::manual(Timestamp::from_millis(1_000));
        let clone = clock.clone();
        clock.advance(Duration::from_secs(2));
        assert_eq!(clone.now(), Timestamp::from_millis(3_000));
        assert!(!clone.rebase_if_jumped());
    }

    #[test]
    fn a_jump_of_over_a_minute_is_followed_either_way_and_a_smaller_one_is_not() {
        let clock = Clock::manual(Timestamp::from_millis(1_000_000));
        assert!(!clock.rebase_towards(Timestamp::from_millis(1_060_000)));
        assert_eq!(clock.now(), Timestamp::from_millis(1_000_000));
        assert!(clock.rebase_towards(Timestamp::from_millis(1_060_001)));
        assert_eq!(clock.now(), Timestamp::from_millis(1_060_001));
        assert!(clock.rebase_towards(Timestamp::from_millis(5)));
        assert_eq!(clock.now(), Timestamp::from_millis(5));
    }

    #[test]
    fn the_systems_clock_is_near_the_wall_time() {
        let clock = Clock::system();
        assert!(clock.now().since(wall_time()) < Duration::from_secs(5));
        assert!(wall_time().since(clock.now()) < Duration::from_secs(5));
        assert!(!clock.rebase_if_jumped());
    }
}
