//! Operator events, by what became of them.

use prometheus::IntCounter;

use super::instruments::Instruments;

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    /// Somebody took it.
    Sent,
    /// Another of its kind for its account was told within ten minutes.
    Suppressed,
    /// Nobody took it, at any attempt.
    Failed,
    /// More happened than could be told.
    Dropped,
}

const OUTCOMES: [&str; 4] = ["sent", "suppressed", "failed", "dropped"];

pub(super) struct Events([IntCounter; OUTCOMES.len()]);

impl Events {
    pub(super) fn new(make: &Instruments<'_>) -> Self {
        let counters = make.counters(
            "ringback_operator_events_total",
            "Events for operators, by what became of them.",
            &["outcome"],
        );
        Self(OUTCOMES.map(|outcome| counters.with_label_values(&[outcome])))
    }

    pub(super) fn count(&self, told: Told) {
        let at = match told {
            Told::Sent => 0,
            Told::Suppressed => 1,
            Told::Failed => 2,
            Told::Dropped => 3,
        };
        self.0[at].inc();
    }
}
