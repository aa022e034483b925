//! What is counted and measured: for Prometheus (`/metrics`), and for whoever in this process draws it.
//!
//! The cast: [`Metrics`] holds every instrument, each made once, so that counting is an addition and never makes a name
//! or a label; `commits` counts what the store says it committed, `attempts` what the dispatcher sees come back, `told` what
//! became of operator events,
//! `gauges` holds what is as it is, `surveyor` asks the store for that, `totals` holds the last answer, and [`Minutes`] keeps a day of the counters by the
//! minute.
//!
//! The promise: the totals are the ledger's movements as they were committed, and no label grows with the number of
//! accounts.

mod attempts;
mod buckets;
mod commits;
mod gauges;
mod instruments;
mod minutes;
mod process;
mod surveyor;
mod told;
mod totals;

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use prometheus::{Histogram, IntCounter, Registry, TextEncoder};
use ringback_delivery::{OpenRequests, Outcome, Timestamp};
use ringback_store::Commit;

use attempts::Attempts;
use commits::Commits;
use gauges::Gauges;
use instruments::Instruments;
use told::Events;
use totals::Totals;

pub(crate) use attempts::outcome_class;
pub use minutes::{Minute, Minutes};
pub use surveyor::keep_surveying;
pub(crate) use told::Told;
pub use totals::Total;

/// The media type of what [`Metrics::render`] gives.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The refusals of messages that are counted: those that are not the message's own fault.
const REFUSALS: [StatusCode; 2] = [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE];

/// Every instrument of one service. A clone is the same.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    commits: Commits,
    attempts: Attempts,
    events: Events,
    accept: Histogram,
    handoff: Histogram,
    first_answer: Histogram,
    held_back: IntCounter,
    spans_exported: IntCounter,
    spans_dropped: IntCounter,
    /// By [`REFUSALS`].
    refused: [IntCounter; REFUSALS.len()],
    gauges: Gauges,
    minutes: Minutes,
    totals: Totals,
}

impl Default for Metrics {
    fn default() -> Self {
        let registry = Registry::new();
        let instruments = Instruments::of(&registry);
        let refused = instruments.counters(
            "ringback_messages_refused_total",
            "Requests to publish, and lines of NDJSON, that were refused for want of room (429), or whose fate is unknown or store full (503).",
            &["code"],
        );
        Self(Arc::new(Inner {
            commits: Commits::new(&instruments),
            attempts: Attempts::new(&instruments),
            events: Events::new(&instruments),
            accept: instruments.histogram(
                "ringback_accept_duration_seconds",
                "From a publish request's head to its answer; for NDJSON, from handing a chunk to the store to its answer.",
                buckets::LATENCY,
            ),
            handoff: instruments.histogram(
                "ringback_handoff_duration_seconds",
                "From a message's commit to the start of its first attempt, of those that need not be read back.",
                buckets::LATENCY,
            ),
            first_answer: instruments.histogram(
                "ringback_first_answer_duration_seconds",
                "From a message's commit to the endpoint's answer to its first attempt, of those that need not be read back.",
                buckets::WHOLE,
            ),
            held_back: instruments.counter(
                "ringback_publishes_held_back_total",
                "Times that a publish waited because callbacks waited for the processor.",
            ),
            spans_exported: instruments
                .counter("ringback_spans_exported_total", "Spans that the OpenTelemetry collector took."),
            spans_dropped: instruments.counter(
                "ringback_spans_dropped_total",
                "Spans that were let go: more came than could be sent, or the collector did not take them.",
            ),
            refused: REFUSALS.map(|status| refused.with_label_values(&[status.as_str()])),
            gauges: Gauges::new(&instruments),
            minutes: Minutes::default(),
            totals: Totals::default(),
            registry,
        }))
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

impl Metrics {
    /// All of it in Prometheus' text format.
    pub fn render(&self) -> String {
        self.0.gauges.process();
        let families = self.0.registry.gather();
        // Writing to memory can't fail, and no instrument is without a name.
        TextEncoder::new().encode_to_string(&families).unwrap_or_default()
    }

    /// The counters of the last day by the minute.
    pub fn minutes(&self) -> &Minutes {
        &self.0.minutes
    }

    /// What all accounts add up to: one that is `fresh` at most old, if it comes within `patience`; else what there is,
    /// if there is any.
    pub async fn total(&self, now: Timestamp, fresh: Duration, patience: Duration) -> Option<Arc<Total>> {
        self.0.totals.get(now, fresh, patience).await
    }

    /// The store committed.
    pub(crate) fn committed(&self, commit: Commit) {
        self.0.commits.count(commit);
    }

    /// An attempt ended.
    pub(crate) fn attempted(&self, outcome: &Outcome, took: Duration) {
        self.0.attempts.count(outcome, took);
    }

    /// This became of an event for operators.
    pub(crate) fn told(&self, told: Told) {
        self.0.events.count(told);
    }

    /// A publish was answered.
    pub(crate) fn accepted_in(&self, took: Duration) {
        self.0.accept.observe(took.as_secs_f64());
    }

    /// A request to publish, or a line of one, was answered with this status in place of being taken in.
    pub(crate) fn refused(&self, status: StatusCode) {
        let known = REFUSALS.iter().zip(&self.0.refused).find(|(known, _)| **known == status);
        if let Some((_, counter)) = known {
            counter.inc();
        }
    }

    /// A message's first attempt starts, so long after its commit.
    pub(crate) fn handed_off_in(&self, took: Duration) {
        self.0.handoff.observe(took.as_secs_f64());
    }

    /// A message's first attempt was answered, so long after its commit.
    pub(crate) fn first_answered_in(&self, took: Duration) {
        self.0.first_answer.observe(took.as_secs_f64());
    }

    /// A publish waited because callbacks waited for the processor.
    pub(crate) fn held_back(&self) {
        self.0.held_back.inc();
    }

    /// The collector took spans.
    pub(crate) fn spans_exported(&self, spans: u64) {
        self.0.spans_exported.inc_by(spans);
    }

    /// Spans were let go.
    pub(crate) fn spans_dropped(&self, spans: u64) {
        self.0.spans_dropped.inc_by(spans);
    }

    /// What the dispatcher has in hand.
    pub(crate) fn dispatching(&self, open: OpenRequests, unrecorded: usize, resident: usize, shards: usize) {
        self.0.gauges.dispatching(open, unrecorded, resident, shards);
    }
}

#[cfg(test)]
mod tests;
