//! Every number that the engine decides by, each with its name and its default.

use std::time::Duration;

use crate::schedule::RetrySchedule;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// The engine's numbers. The defaults are those of the project's documentation.
#[derive(Debug, Clone)]
pub struct Settings {
    /// When a message that failed is tried again.
    pub retry: RetrySchedule,
    /// The age at which a message is given up.
    pub max_age: Duration,
    /// For so long after a start no message dies of age.
    pub grace_after_start: Duration,
    /// How much of an endpoint's `Retry-After` is honoured.
    pub retry_after_cap: Duration,
    /// Requests open at once for one endpoint, at most.
    pub slots: u32,
    /// For so long a success proves an endpoint.
    pub proof_lasts: Duration,
    /// Endpoint failures in a row that put a lane on hold.
    pub failures_to_hold: u32,
    /// Different messages refused in a row that count as one endpoint failure.
    pub refusals_to_failure: usize,
    /// When an endpoint on hold is probed: after each failed probe the next of these, then the last for ever.
    pub probe_delays: Vec<Duration>,
    /// How long a message waits that met an endpoint failure it is not charged with.
    pub uncharged_delay: Duration,
    /// Requests open in all that are young.
    pub open_requests: usize,
    /// How many of those may be for endpoints that are not proven.
    pub open_unproven: usize,
    /// How many of those may be for endpoints that have failed since their last success.
    pub open_failing: usize,
    /// After so long a request counts as slow.
    pub slow_after: Duration,
    /// After so long those to endpoints that are not proven do, where endpoints that nothing is known of wait for a place
    pub crowded_slow_after: Duration,
    /// and fewer than so many are slow.
    pub crowded_slow: usize,
    /// Slow requests open in all.
    pub slow_requests: usize,
    /// Answered outcomes in all that are not recorded yet.
    pub unrecorded: usize,
    /// Messages of one lane that are kept in memory as they are accepted.
    pub handoff_window: usize,
    /// Messages of all lanes that are kept in memory, but for those read in the least portions.
    pub entries_in_all: usize,
    /// The least number of messages that a lane reads at once.
    pub least_read: u32,
    /// Lanes that read at once.
    pub reads_at_once: usize,
    /// Lanes that are kept in memory though they have nothing to do.
    pub resident_lanes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            retry: RetrySchedule::default(),
            max_age: 7 * DAY,
            grace_after_start: MINUTE,
            retry_after_cap: HOUR,
            slots: 32,
            proof_lasts: MINUTE,
            failures_to_hold: 5,
            refusals_to_failure: 20,
            probe_delays: vec![5 * SECOND, 15 * SECOND, 30 * SECOND, MINUTE, 2 * MINUTE, 5 * MINUTE],
            uncharged_delay: 5 * SECOND,
            open_requests: 1024,
            open_unproven: 512,
            open_failing: 256,
            slow_after: SECOND,
            crowded_slow_after: Duration::from_millis(100),
            crowded_slow: 1024,
            slow_requests: 4096,
            unrecorded: 4096,
            handoff_window: 2048,
            entries_in_all: 32_768,
            least_read: 8,
            reads_at_once: 256,
            resident_lanes: 16_384,
        }
    }
}

impl Settings {
    /// How long after a failed probe, the `failed`th in a row, the next one comes.
    pub fn probe_delay(&self, failed: u32) -> Duration {
        let step =
            usize::try_from(failed).unwrap_or(usize::MAX).min(self.probe_delays.len().saturating_sub(1));
        self.probe_delays.get(step).copied().unwrap_or(MINUTE)
    }
}
