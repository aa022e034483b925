//! Traces of a real server, at a collector that reads what it is sent.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use prost::Message as _;
use ringback_wire::trace::TraceParent;

use crate::api::{Api, Tokens, message};
use crate::house::{ACCOUNT, House};
use crate::metrics::Scraper;
use crate::receiver::{Receiver, Request};

const GIVEN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const NOT_SAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

/// Stands in for an OpenTelemetry collector.
struct Collector(Receiver);

impl Collector {
    async fn answering(status: u16) -> Self {
        Self(Receiver::answering(status).await)
    }

    fn endpoint(&self) -> String {
        self.0.url().replace("/callbacks", "")
    }

    /// Waits for so many spans; gives them all.
    async fn spans(&self, count: usize) -> Vec<Span> {
        let mut requests = 1;
        loop {
            let spans: Vec<Span> = self.0.requests(requests).await.iter().flat_map(spans).collect();
            if spans.len() >= count {
                return spans;
            }
            requests += 1;
        }
    }
}

/// The spans of one request, which are this program's.
fn spans(request: &Request) -> Vec<Span> {
    assert_eq!(request.header("content-type"), "application/x-protobuf");
    let told = ExportTraceServiceRequest::decode(request.body.clone()).unwrap();
    let mut spans = Vec::new();
    for of_all in told.resource_spans {
        let resource = of_all.resource.unwrap().attributes;
        assert_eq!(text(&resource, "service.name"), "ringback");
        assert_eq!(text(&resource, "service.version"), env!("CARGO_PKG_VERSION"));
        assert_eq!(text(&resource, "service.instance.id").len(), 36);
        spans.extend(of_all.scope_spans.into_iter().flat_map(|scope| scope.spans));
    }
    spans
}

fn value<'a>(attributes: &'a [KeyValue], name: &str) -> Option<&'a Value> {
    let found = attributes.iter().find(|attribute| attribute.key == name)?;
    found.value.as_ref()?.value.as_ref()
}

#[track_caller]
fn text<'a>(attributes: &'a [KeyValue], name: &str) -> &'a str {
    match value(attributes, name) {
        Some(Value::StringValue(text)) => text,
        other => panic!("{name} is {other:?} in {attributes:?}"),
    }
}

#[track_caller]
fn number(attributes: &[KeyValue], name: &str) -> i64 {
    match value(attributes, name) {
        Some(Value::IntValue(number)) => *number,
        other => panic!("{name} is {other:?} in {attributes:?}"),
    }
}

fn parent(request: &Request) -> TraceParent {
    request.header("traceparent").parse().unwrap()
}

struct Publisher {
    house: House,
    api: Api,
    tokens: Tokens,
}

impl Publisher {
    async fn with(settings: &[&str], url: &str) -> Self {
        let house = House::start_with(settings);
        let api = Api::new(&house.url);
        let tokens = api.log_in(&house.secrets).await;
        api.register(&tokens, ACCOUNT, url).await;
        Self { house, api, tokens }
    }

    /// Publishes a message in a trace; gives its id.
    async fn publish(&self, traceparent: &str, key: &str) -> String {
        let (status, answer) = self.api.publish_in(traceparent, &self.tokens, &message(ACCOUNT, key)).await;
        assert_eq!(status, 202, "{answer}");
        crate::api::text(&answer["id"])
    }
}

#[tokio::test]
async fn a_publish_request_and_the_attempts_that_come_of_it_are_one_trace_at_the_collector() {
    let (collector, application) = (Collector::answering(200).await, Receiver::answering(200).await);
    let endpoint = collector.endpoint();
    let publisher = Publisher::with(&["--otlp-endpoint", &endpoint], &application.url()).await;
    let id = publisher.publish(GIVEN, "one").await;
    application.requests(1).await;
    application.answer(410);
    publisher.house.told(&id, "delivered").await;
    publisher.house.printed(&["messages", "replay", &id]);
    let arrived: Vec<TraceParent> = application.requests(2).await.iter().map(parent).collect();

    let given: TraceParent = GIVEN.parse().unwrap();
    let mut spans = collector.spans(3).await;
    // An attempt may end before its publisher has been answered.
    spans.sort_by_key(|span| value(&span.attributes, "ringback.attempt").is_some());
    let [publish, first, again] = &spans[..] else { panic!("{spans:?}") };
    assert!(spans.iter().all(|span| span.trace_id == given.trace()));
    assert!(spans.iter().all(|span| span.start_time_unix_nano <= span.end_time_unix_nano));

    assert_eq!((publish.kind(), publish.name.as_str()), (SpanKind::Server, "POST /api/ringback/v1/messages"));
    assert_eq!(publish.parent_span_id, given.span());
    assert_eq!(text(&publish.attributes, "messaging.message.id"), id);
    assert_eq!(number(&publish.attributes, "http.response.status_code"), 202);
    assert_eq!(publish.status, None);

    for (span, arrived, number_of_it) in [(first, arrived[0], 1), (again, arrived[1], 2)] {
        assert_eq!((span.kind(), span.name.as_str()), (SpanKind::Client, "POST"));
        assert_eq!(span.parent_span_id, publish.span_id);
        assert_eq!((arrived.trace(), &arrived.span()[..]), (given.trace(), &span.span_id[..]));
        assert_eq!(text(&span.attributes, "messaging.message.id"), id);
        assert_eq!(text(&span.attributes, "messaging.destination.name"), ACCOUNT);
        assert_eq!(text(&span.attributes, "server.address"), "127.0.0.1");
        assert_eq!(number(&span.attributes, "ringback.attempt"), number_of_it);
    }
    assert_ne!(first.span_id, again.span_id);
    assert_eq!(text(&first.attributes, "ringback.outcome"), "success");
    assert_eq!((number(&first.attributes, "http.response.status_code"), &first.status), (200, &None));
    assert_eq!(text(&again.attributes, "ringback.outcome"), "gone");
    assert_eq!(text(&again.attributes, "error.type"), "410");
    assert_eq!(again.status.as_ref().map(|status| status.code()), Some(StatusCode::Error));
    assert!(publisher.house.printed(&["messages", "show", &id, "--json"]).contains(&given.trace_text()));
}

#[tokio::test]
async fn what_nobody_sampled_is_not_exported_and_a_collector_that_takes_nothing_holds_nothing_up() {
    let (collector, application) = (Collector::answering(400).await, Receiver::answering(200).await);
    let endpoint = collector.endpoint();
    let settings = ["--otlp-endpoint", &endpoint, "--otlp-sample-ratio", "0"];
    let publisher = Publisher::with(&settings, &application.url()).await;
    publisher.house.publish("in no trace");
    publisher.publish(NOT_SAMPLED, "not sampled").await;
    let arrived = application.requests(2).await;
    let mut traces: Vec<&str> = arrived.iter().map(|request| request.header("traceparent")).collect();
    traces.sort_unstable();
    assert_eq!(traces[0], "");
    assert!(traces[1].starts_with(&NOT_SAMPLED[..36]) && traces[1].ends_with("-00"), "{traces:?}");

    let scraper = Scraper::of(&publisher.house).await;
    publisher.publish(GIVEN, "sampled").await;
    application.requests(3).await;
    let counted = |name: &'static str, count: f64| {
        scraper.until(name, move |samples| samples.get(name).is_some_and(|counted| *counted == count))
    };
    counted("ringback_spans_dropped_total", 2.0).await;
    collector.0.answer(200);
    publisher.publish(GIVEN, "sampled again").await;
    application.requests(4).await;
    counted("ringback_spans_exported_total", 2.0).await;
    let given: TraceParent = GIVEN.parse().unwrap();
    assert!(collector.spans(4).await.iter().all(|span| span.trace_id == given.trace()));
}
