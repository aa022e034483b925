//! Makes spans: of a publish request, and of each attempt.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::response::Response;
use http::HeaderMap;
use ringback_delivery::{MessageId, Timestamp};
use ringback_store::{Admission, Trace};
use ringback_wire::trace::TraceParent;
use tokio::sync::mpsc;

use super::context::{child, of_request};
use super::span::{Attempted, Ended, What};
use crate::clock::Clock;
use crate::metrics::Metrics;

/// Makes spans. A clone makes the same ones; the default exports none, and passes on what publishers give.
#[derive(Clone, Default)]
pub struct Tracer(Option<Arc<Recording>>);

/// What it takes to export.
pub(super) struct Recording {
    pub(super) queue: mpsc::Sender<Ended>,
    /// Of the publish requests in no trace, the portion that begins one.
    pub(super) ratio: f64,
    pub(super) clock: Clock,
    pub(super) metrics: Metrics,
}

/// A publish request, as a span if it is one. A span that is dropped before its end is not exported.
pub(crate) struct PublishSpan {
    trace: Option<Trace>,
    open: Option<Box<Open>>,
}

struct Open {
    recording: Arc<Recording>,
    context: TraceParent,
    parent: Option<[u8; 8]>,
    started: Timestamp,
    began: Instant,
    accepted: u64,
    first: Option<MessageId>,
}

/// The span that a response comes from, for the log line of its request.
#[derive(Clone)]
pub(crate) struct InSpan(pub(crate) TraceParent);

impl std::fmt::Debug for Tracer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "Tracer(exporting)" } else { "Tracer(passing on)" })
    }
}

impl Tracer {
    pub(super) fn exporting(recording: Recording) -> Self {
        Self(Some(Arc::new(recording)))
    }

    /// A publish request with these headers. What its publisher recorded is recorded here too, what they did not is not; one
    /// in no trace begins a trace, if its lot falls so.
    pub(crate) fn publish(&self, headers: &HeaderMap) -> PublishSpan {
        let given = of_request(headers);
        let Some(recording) = &self.0 else { return PublishSpan { trace: given, open: None } };
        let is_recorded = given.map_or_else(|| fastrand::f64() < recording.ratio, |trace| trace.sampled);
        let within = given
            .or_else(|| Some(Trace { id: fastrand::u128(1..).to_be_bytes(), span: [0; 8], sampled: true }));
        let Some(context) = within.filter(|_| is_recorded).and_then(child) else {
            return PublishSpan { trace: given, open: None };
        };
        let trace = Trace { id: context.trace(), span: context.span(), sampled: true };
        let open = Open {
            recording: recording.clone(),
            context,
            parent: given.map(|trace| trace.span),
            started: recording.clock.now(),
            began: Instant::now(),
            accepted: 0,
            first: None,
        };
        PublishSpan { trace: Some(trace), open: Some(Box::new(open)) }
    }

    /// An attempt has ended that was made in a span of its message's trace.
    pub(crate) fn attempted(
        &self,
        trace: Trace,
        context: TraceParent,
        started: Timestamp,
        took: Duration,
        attempted: impl FnOnce() -> Attempted,
    ) {
        let Some(recording) = self.0.as_ref().filter(|_| trace.sampled) else { return };
        let what = What::Attempted(Box::new(attempted()));
        recording.take(Ended { context, parent: Some(trace.span), started, took, what });
    }
}

impl Recording {
    fn take(&self, ended: Ended) {
        if self.queue.try_send(ended).is_err() {
            self.metrics.spans_dropped(1);
        }
    }
}

impl PublishSpan {
    /// The trace that its messages are kept with.
    pub(crate) fn trace(&self) -> Option<Trace> {
        self.trace
    }

    /// The store has decided on one of its messages.
    pub(crate) fn admitted(&mut self, admission: &Admission) {
        if let (Some(open), Admission::Queued(id)) = (&mut self.open, admission) {
            open.accepted += 1;
            open.first.get_or_insert(*id);
        }
    }

    /// It was answered with this.
    pub(crate) fn end(self, mut response: Response) -> Response {
        let Some(open) = self.open else { return response };
        let Open { recording, context, parent, started, began, accepted, first } = *open;
        let what = What::Published { status: response.status().as_u16(), accepted, first };
        recording.take(Ended { context, parent, started, took: began.elapsed(), what });
        response.extensions_mut().insert(InSpan(context));
        response
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use axum::response::IntoResponse as _;
    use http::HeaderValue;

    use super::*;

    const GIVEN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn exporting(room: usize, ratio: f64) -> (Tracer, mpsc::Receiver<Ended>, Metrics) {
        let (queue, ended) = mpsc::channel(room);
        let (clock, metrics) = (Clock::manual(Timestamp::from_millis(0)), Metrics::default());
        let recording = Recording { queue, ratio, clock, metrics: metrics.clone() };
        (Tracer::exporting(recording), ended, metrics)
    }

    fn headers(traceparent: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(
            http::HeaderName::from_static("traceparent"),
            HeaderValue::from_static(traceparent),
        )])
    }

    #[test]
    fn what_finds_no_place_is_counted_and_let_go() {
        let (tracer, mut ended, metrics) = exporting(1, 1.0);
        for _ in 0..3 {
            tracer.publish(&HeaderMap::new()).end(().into_response());
        }
        assert!(ended.try_recv().is_ok() && ended.try_recv().is_err());
        assert!(metrics.render().contains("ringback_spans_dropped_total 2"));
    }

    #[test]
    fn messages_are_kept_with_the_request_as_their_parent_where_it_is_recorded() {
        let (tracer, mut ended, _) = exporting(1, 0.0);
        let given = of_request(&headers(GIVEN)).unwrap();
        let span = tracer.publish(&headers(GIVEN));
        let kept = span.trace().unwrap();
        assert_eq!((kept.id, kept.sampled), (given.id, true));
        assert_ne!(kept.span, given.span);
        span.end(().into_response());
        let ended = ended.try_recv().unwrap();
        assert_eq!((ended.context.span(), ended.parent), (kept.span, Some(given.span)));
    }

    #[test]
    fn without_an_export_and_without_a_lot_what_is_given_goes_on_as_it_is() {
        let (tracer, _ended, _) = exporting(1, 0.0);
        let given = of_request(&headers(GIVEN));
        assert_eq!(Tracer::default().publish(&headers(GIVEN)).trace(), given);
        assert_eq!(tracer.publish(&HeaderMap::new()).trace(), None);
        let not_sampled = headers("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00");
        assert_eq!(tracer.publish(&not_sampled).trace(), of_request(&not_sampled));
        let (tracer, _ended, _) = exporting(1, 1.0);
        assert!(tracer.publish(&HeaderMap::new()).trace().is_some_and(|trace| trace.sampled));
    }
}
