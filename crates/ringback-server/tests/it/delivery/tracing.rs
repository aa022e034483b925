//! The trace that a message is published in goes on in its deliveries.

use std::collections::HashSet;

use ringback_store::Trace;
use ringback_wire::trace::TraceParent;

use super::endpoint::{Arrival, Endpoint};
use super::house::House;

const TRACE: Trace = Trace { id: [0xab; 16], span: [0xcd; 8], sampled: true };

fn parent(arrival: &Arrival) -> TraceParent {
    arrival.header("traceparent").parse().unwrap()
}

#[tokio::test]
async fn every_attempt_is_a_span_of_its_own_in_the_messages_trace_after_a_restart_too() {
    let (house, mut endpoint) = (House::build().await, Endpoint::start().await);
    house.register(endpoint.url("/")).await;
    let id = house.publish_in(Some(TRACE), None).await;
    let mut spans = HashSet::from([TRACE.span]);
    let mut hear = |arrival: Arrival, status: u16| {
        let parent = parent(&arrival);
        assert_eq!((parent.trace(), parent.is_sampled()), (TRACE.id, true));
        assert!(spans.insert(parent.span()), "attempt {} has a span of its own", arrival.attempt());
        assert!(arrival.headers.get("baggage").is_none() && arrival.headers.get("tracestate").is_none());
        arrival.answer(status);
    };
    hear(endpoint.arrival().await, 503);
    house.settled().await;
    let house = house.restart().await;
    house.advance(60);
    hear(endpoint.arrival().await, 200);
    house.settled().await;

    // Sent again by a person, it is in the same trace.
    house.replay(&id).await;
    let arrival = endpoint.arrival().await;
    assert_eq!(arrival.header("ringback-replay"), "true");
    hear(arrival, 200);
}

#[tokio::test]
async fn what_the_publisher_did_not_sample_is_not_sampled_and_what_is_in_no_trace_says_nothing() {
    let (house, mut endpoint) = (House::build().await, Endpoint::start().await);
    house.register(endpoint.url("/")).await;
    house.publish_in(Some(Trace { sampled: false, ..TRACE }), None).await;
    let arrival = endpoint.arrival().await;
    assert!(!parent(&arrival).is_sampled());
    arrival.answer(200);
    house.publish(None).await;
    let arrival = endpoint.arrival().await;
    assert!(arrival.headers.get("traceparent").is_none());
    arrival.answer(200);
}
