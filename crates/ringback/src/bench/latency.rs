//! Latencies: histograms, and the percentiles that are told of them.

use hdrhistogram::Histogram;

/// The longest that is told apart: two minutes, in nanoseconds.
const LONGEST: u64 = 120_000_000_000;
/// Digits that a histogram keeps.
const DIGITS: u8 = 3;

/// A histogram of nanoseconds.
pub(super) fn histogram() -> Histogram<u64> {
    // These bounds are right ones; the other constructor has other bounds, and they grow.
    Histogram::new_with_bounds(1000, LONGEST, DIGITS).unwrap_or_else(|_| unreachable!("the bounds are right"))
}

/// Percentiles in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Percentiles {
    pub(super) p50: f64,
    pub(super) p99: f64,
    pub(super) p999: f64,
}

impl Percentiles {
    pub(super) fn of(taken: &Histogram<u64>) -> Self {
        let at = |percent| taken.value_at_percentile(percent) as f64 / 1e6;
        Self { p50: at(50.0), p99: at(99.0), p999: at(99.9) }
    }
}
