//! The header `traceparent`: reading a publisher's, and writing that of an attempt.

use http::header::{HeaderMap, HeaderName, HeaderValue};
use ringback_store::Trace;
use ringback_wire::headers;
use ringback_wire::trace::TraceParent;

const TRACEPARENT: HeaderName = HeaderName::from_static(headers::TRACEPARENT);

/// The trace that a request says it belongs to. A header that is not valid, or is there twice, is as if it were not there.
pub(crate) fn of_request(headers: &HeaderMap) -> Option<Trace> {
    let mut values = headers.get_all(TRACEPARENT).iter();
    let (value, None) = (values.next()?, values.next()) else { return None };
    let given: TraceParent = value.to_str().ok()?.parse().ok()?;
    Some(Trace { id: given.trace(), span: given.span(), sampled: given.is_sampled() })
}

/// A kept trace as it is written; `None` for ids that are none, which nothing kept has.
pub(crate) fn parent(trace: Trace) -> Option<TraceParent> {
    TraceParent::new(trace.id, trace.span, trace.sampled).ok()
}

/// A new span in the trace.
pub(crate) fn child(trace: Trace) -> Option<TraceParent> {
    let span = fastrand::u64(1..).to_be_bytes();
    TraceParent::new(trace.id, span, trace.sampled).ok()
}

/// Says in a request's headers that it is made in this span.
pub(crate) fn put(span: &TraceParent, headers: &mut HeaderMap) {
    // Digits and hyphens: always a header's value.
    if let Ok(value) = HeaderValue::try_from(span.to_string()) {
        headers.insert(TRACEPARENT, value);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const GIVEN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn headers(values: &[&'static str]) -> HeaderMap {
        values.iter().map(|value| (TRACEPARENT, HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn a_request_is_in_the_trace_that_it_names_once() {
        let trace = of_request(&headers(&[GIVEN])).unwrap();
        assert_eq!(parent(trace).unwrap().to_string(), GIVEN);
        assert_eq!(of_request(&headers(&[])), None);
        assert_eq!(of_request(&headers(&[GIVEN, GIVEN])), None);
        assert_eq!(of_request(&headers(&["00-4bf9-00f0-01"])), None);
    }

    #[test]
    fn each_child_is_in_the_trace_with_a_span_of_its_own() {
        let trace = of_request(&headers(&[GIVEN])).unwrap();
        let (one, other) = (child(trace).unwrap(), child(trace).unwrap());
        assert_eq!((one.trace(), one.is_sampled()), (trace.id, true));
        assert!(one.span() != other.span() && one.span() != trace.span);
        let mut request = HeaderMap::new();
        put(&one, &mut request);
        assert_eq!(request[TRACEPARENT], one.to_string());
    }
}
