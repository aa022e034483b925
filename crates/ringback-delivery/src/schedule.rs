//! When a message that failed is tried again.

use std::time::Duration;

/// A random number from 0 (inclusive) to 1 (exclusive), drawn by whoever runs the engine.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Jitter(f64);

impl Jitter {
    /// The middle: no jitter at all.
    pub const NONE: Self = Self(0.5);

    /// A draw; what lies outside the range is put at its edge.
    pub fn new(draw: f64) -> Self {
        Self(if draw.is_nan() { 0.5 } else { draw.clamp(0.0, 1.0) })
    }

    /// `span`, longer or shorter by up to `part` of it.
    fn spread(self, span: Duration, part: f64) -> Duration {
        span.mul_f64(1.0 - part + 2.0 * part * self.0)
    }
}

/// The delays before the second attempt, the third, and so on; after the last attempt a message is dead.
#[derive(Debug, Clone, PartialEq)]
pub struct RetrySchedule {
    delays: Vec<Duration>,
    jitter: f64,
}

impl Default for RetrySchedule {
    /// At once, then after 5 s, 30 s, 2 min, 10 min, 30 min, 1 h, 3 h, 6 h, 12 h and 24 h, each ±20 %.
    fn default() -> Self {
        let seconds = [5, 30, 120, 600, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 24 * 3600];
        Self::new(seconds.map(Duration::from_secs).to_vec(), Self::JITTER)
    }
}

impl RetrySchedule {
    /// The part of each delay by which it is longer or shorter, where nothing else is said.
    pub const JITTER: f64 = 0.2;

    /// A schedule of these delays, each longer or shorter by up to `jitter` of it.
    pub fn new(delays: Vec<Duration>, jitter: f64) -> Self {
        Self { delays, jitter: jitter.clamp(0.0, 1.0) }
    }

    /// The delays, without jitter.
    pub fn delays(&self) -> &[Duration] {
        &self.delays
    }

    /// How long to wait after the `charged`th attempt that counts, from 1; `None` when it was the last.
    pub fn delay_after(&self, charged: u32, jitter: Jitter) -> Option<Duration> {
        let step = usize::try_from(charged.checked_sub(1)?).ok()?;
        self.delays.get(step).map(|delay| jitter.spread(*delay, self.jitter))
    }

    /// The longest that a message can be due ahead by this schedule.
    pub fn longest(&self) -> Duration {
        let longest = self.delays.iter().max().copied().unwrap_or_default();
        longest.mul_f64(1.0 + self.jitter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_eleven_attempts() {
        let schedule = RetrySchedule::default();
        assert_eq!(schedule.delay_after(1, Jitter::NONE), Some(Duration::from_secs(5)));
        assert_eq!(schedule.delay_after(10, Jitter::NONE), Some(Duration::from_secs(24 * 3600)));
        assert_eq!(schedule.delay_after(11, Jitter::NONE), None);
    }

    #[test]
    fn each_delay_lies_within_a_fifth_of_its_step() {
        let schedule = RetrySchedule::default();
        assert_eq!(schedule.delay_after(2, Jitter::new(0.0)), Some(Duration::from_secs(24)));
        assert_eq!(schedule.delay_after(2, Jitter::new(1.0)), Some(Duration::from_secs(36)));
    }
}
