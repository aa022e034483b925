//! How many requests each credential may make in a second.
//!
//! A bucket for each credential: it fills by the second's number, and holds one second's. Who has been quiet may send that
//! many at once.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// See the module. Full buckets are forgotten: they say nothing that a new one wouldn't.
pub(super) struct Rates {
    per_second: f64,
    most: usize,
    buckets: Mutex<HashMap<i64, Bucket>>,
}

struct Bucket {
    left: f64,
    at: Instant,
}

impl Rates {
    /// So many a second; so many credentials are remembered.
    pub(super) fn new(per_second: usize, most: usize) -> Self {
        Self { per_second: per_second.max(1) as f64, most, buckets: Mutex::default() }
    }

    /// Lets a request of the credential through, or says how long it has to wait.
    pub(super) fn pass(&self, now: Instant, credential: i64) -> Result<(), Duration> {
        let mut buckets = self.lock();
        if buckets.len() >= self.most && !buckets.contains_key(&credential) {
            buckets.retain(|_, bucket| self.filled(bucket, now) < self.per_second);
        }
        let bucket = buckets.entry(credential).or_insert(Bucket { left: self.per_second, at: now });
        bucket.left = self.filled(bucket, now);
        bucket.at = now;
        if bucket.left < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - bucket.left) / self.per_second));
        }
        bucket.left -= 1.0;
        Ok(())
    }

    fn filled(&self, bucket: &Bucket, now: Instant) -> f64 {
        let since = now.saturating_duration_since(bucket.at).as_secs_f64();
        (bucket.left + since * self.per_second).min(self.per_second)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<i64, Bucket>> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seconds_number_passes_at_once_and_then_as_the_time_goes() {
        let (rates, now) = (Rates::new(10, 100), Instant::now());
        let passed = |at: Duration| (0..100).filter(|_| rates.pass(now + at, 1).is_ok()).count();
        assert_eq!(passed(Duration::ZERO), 10);
        assert_eq!(passed(Duration::from_millis(500)), 5);
        assert_eq!(passed(Duration::from_secs(60)), 10, "a minute of quiet is no minute's number");
        assert_eq!(rates.pass(now + Duration::from_secs(60), 2), Ok(()), "others have their own");
    }

    #[test]
    fn who_has_to_wait_is_told_for_how_long() {
        let (rates, now) = (Rates::new(2, 100), Instant::now());
        assert_eq!((rates.pass(now, 1), rates.pass(now, 1)), (Ok(()), Ok(())));
        assert_eq!(rates.pass(now, 1), Err(Duration::from_millis(500)));
    }

    #[test]
    fn who_was_quiet_is_forgotten_when_there_are_many() {
        let (rates, now) = (Rates::new(1, 2), Instant::now());
        for credential in 1..=2 {
            assert_eq!(rates.pass(now, credential), Ok(()));
        }
        assert_eq!(rates.pass(now + Duration::from_secs(2), 3), Ok(()));
        assert_eq!(rates.lock().len(), 1);
    }
}
