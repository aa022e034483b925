//! The ledger's movements, as the store committed them.

use prometheus::{Histogram, IntCounter};
use ringback_store::Commit;

use super::buckets;
use super::instruments::Instruments;
use super::minutes::Totals;

pub(super) struct Commits {
    accepted: IntCounter,
    replayed: IntCounter,
    delivered: IntCounter,
    dead: IntCounter,
    cancelled: IntCounter,
    took: Histogram,
    accepts: Histogram,
    outcomes: Histogram,
}

impl Commits {
    pub(super) fn new(make: &Instruments<'_>) -> Self {
        Self {
            accepted: make.counter("ringback_messages_accepted_total", "Messages accepted."),
            replayed: make.counter("ringback_messages_replayed_total", "Messages made pending again."),
            delivered: make.counter(
                "ringback_messages_delivered_total",
                "Messages delivered, or acknowledged by their account.",
            ),
            dead: make.counter("ringback_messages_dead_total", "Messages given up."),
            cancelled: make
                .counter("ringback_messages_cancelled_total", "Messages cancelled by a deregistration."),
            took: make.histogram(
                "ringback_commit_duration_seconds",
                "From the beginning of a transaction until it is on stable storage.",
                buckets::LATENCY,
            ),
            accepts: make.histogram(
                "ringback_commit_accepted_messages",
                "Messages accepted in one commit, of commits that accept some.",
                buckets::BATCH,
            ),
            outcomes: make.histogram(
                "ringback_commit_recorded_outcomes",
                "Outcomes recorded in one commit, of commits that record some.",
                buckets::BATCH,
            ),
        }
    }

    pub(super) fn count(&self, Commit { took, moved }: Commit) {
        self.took.observe(took.as_secs_f64());
        self.accepted.inc_by(moved.accepted);
        self.replayed.inc_by(moved.replayed);
        self.delivered.inc_by(moved.delivered);
        self.dead.inc_by(moved.dead);
        self.cancelled.inc_by(moved.cancelled);
        for (histogram, number) in [(&self.accepts, moved.accepted), (&self.outcomes, moved.outcomes)] {
            if number > 0 {
                histogram.observe(number as f64);
            }
        }
    }

    pub(super) fn totals(&self, failed_attempts: u64) -> Totals {
        Totals {
            accepted: self.accepted.get(),
            delivered: self.delivered.get(),
            dead: self.dead.get(),
            failed_attempts,
        }
    }
}
