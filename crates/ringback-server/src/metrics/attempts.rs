//! Attempts, by what their outcome means to the lane and by what came back.

use std::time::Duration;

use prometheus::{Histogram, IntCounter};
use ringback_delivery::{Class, Failure, Outcome};

use super::buckets;
use super::instruments::Instruments;

/// Why something counts as a result: statuses by their hundred, and what stands in place of a status.
const STATUSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// The classes that an attempt can have: what was not started is none.
const CLASSES: [&str; 4] = ["success", "message_failure", "endpoint_failure", "gone"];

/// The name of an outcome's class; `None` for what was not started.
pub(crate) fn outcome_class(outcome: &Outcome) -> Option<&'static str> {
    class(outcome).map(|class| CLASSES[class])
}

/// The class's place in [`CLASSES`].
fn class(outcome: &Outcome) -> Option<usize> {
    match outcome.class() {
        Class::Success => Some(0),
        Class::MessageFailure { .. } => Some(1),
        Class::EndpointFailure { .. } => Some(2),
        Class::Gone => Some(3),
        Class::NotStarted => None,
    }
}

pub(super) struct Attempts {
    /// By class.
    by_class: [OfClass; CLASSES.len()],
}

/// One class's instruments.
struct OfClass {
    took: Histogram,
    statuses: [IntCounter; STATUSES.len()],
    failures: [IntCounter; Failure::ALL.len()],
}

impl Attempts {
    pub(super) fn new(make: &Instruments<'_>) -> Self {
        let counters = make.counters(
            "ringback_attempts_total",
            "Attempts that have ended, by what it means to the lane and by what came back.",
            &["class", "result"],
        );
        let took = make.histograms(
            "ringback_attempt_duration_seconds",
            "From an attempt's start to the end of its answer.",
            &["class"],
            buckets::LATENCY,
        );
        Self {
            by_class: CLASSES.map(|class| OfClass {
                took: took.with_label_values(&[class]),
                statuses: STATUSES.map(|status| counters.with_label_values(&[class, status])),
                failures: Failure::ALL.map(|failure| counters.with_label_values(&[class, failure.name()])),
            }),
        }
    }

    pub(super) fn count(&self, outcome: &Outcome, took: Duration) {
        let Some(class) = class(outcome) else { return };
        let of_class = &self.by_class[class];
        of_class.took.observe(took.as_secs_f64());
        match outcome {
            Outcome::Answered { status, .. } => {
                let hundred = usize::from(status / 100).clamp(1, STATUSES.len());
                of_class.statuses[hundred - 1].inc();
            }
            Outcome::Failed(failure) => of_class.failures[*failure as usize].inc(),
            Outcome::NotStarted => {}
        }
    }

    /// Attempts that did not deliver.
    pub(super) fn failed(&self) -> u64 {
        let all = self.by_class.iter().skip(1).flat_map(|class| class.statuses.iter().chain(&class.failures));
        all.map(IntCounter::get).sum()
    }
}
