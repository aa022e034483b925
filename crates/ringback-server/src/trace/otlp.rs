//! Spans as the collector gets them: OpenTelemetry's protocol buffers, named by its semantic conventions.

use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message as _;
use ringback_delivery::{Outcome, Timestamp};
use ringback_wire::routes::MESSAGES_PATH;

use super::span::{Attempted, Ended, What};
use crate::metrics::outcome_class;

/// The flag of a span that is recorded.
const SAMPLED: u32 = 1;
/// What messages are in, as the conventions' `messaging.system` wants a name for it.
const SYSTEM: &str = "ringback";

/// What sends the spans: this program, in this run.
pub(super) fn resource(instance: String) -> Resource {
    let attributes = vec![
        text("service.name", "ringback"),
        text("service.version", env!("CARGO_PKG_VERSION")),
        text("service.instance.id", instance),
    ];
    Resource { attributes, ..Resource::default() }
}

/// The body of a request with these spans.
pub(super) fn body(resource: &Resource, ended: impl Iterator<Item = Ended>) -> Vec<u8> {
    let scope = InstrumentationScope {
        name: env!("CARGO_PKG_NAME").to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..InstrumentationScope::default()
    };
    let spans = ScopeSpans { scope: Some(scope), spans: ended.map(span).collect(), ..ScopeSpans::default() };
    let of_all = ResourceSpans {
        resource: Some(resource.clone()),
        scope_spans: vec![spans],
        ..ResourceSpans::default()
    };
    ExportTraceServiceRequest { resource_spans: vec![of_all] }.encode_to_vec()
}

fn span(ended: Ended) -> Span {
    let Ended { context, parent, started, took, what } = ended;
    let (kind, name, attributes, status) = match what {
        What::Published { status, accepted, first } => {
            let mut attributes = vec![
                text("http.request.method", "POST"),
                text("http.route", MESSAGES_PATH),
                number("http.response.status_code", status),
                text("messaging.system", SYSTEM),
                text("messaging.operation.name", "publish"),
                text("messaging.operation.type", "send"),
            ];
            if let Some(id) = first {
                if accepted == 1 {
                    attributes.push(text("messaging.message.id", id.to_string()));
                    attributes.push(text("messaging.destination.name", id.account.to_string()));
                } else {
                    attributes.push(number(
                        "messaging.batch.message_count",
                        i64::try_from(accepted).unwrap_or(i64::MAX),
                    ));
                }
            }
            // A client's mistake is no fault of the server.
            let failed = status >= 500;
            if failed {
                attributes.push(text("error.type", status.to_string()));
            }
            (
                SpanKind::Server,
                format!("POST {MESSAGES_PATH}"),
                attributes,
                failed.then(|| error(String::new())),
            )
        }
        What::Attempted(attempted) => {
            let (attributes, status) = of_attempt(*attempted);
            (SpanKind::Client, "POST".to_owned(), attributes, status)
        }
    };
    Span {
        trace_id: context.trace().to_vec(),
        span_id: context.span().to_vec(),
        parent_span_id: parent.map(|parent| parent.to_vec()).unwrap_or_default(),
        flags: SAMPLED,
        name,
        kind: kind.into(),
        start_time_unix_nano: nanos(started, Duration::ZERO),
        end_time_unix_nano: nanos(started, took),
        attributes,
        status,
        ..Span::default()
    }
}

fn of_attempt(attempted: Attempted) -> (Vec<KeyValue>, Option<Status>) {
    let Attempted { message, number: nth, replay, url, outcome, error: reason } = attempted;
    let (host, port) = url.host_and_port();
    let mut attributes = vec![
        text("http.request.method", "POST"),
        text("server.address", host),
        number("server.port", port),
        text("messaging.system", SYSTEM),
        text("messaging.operation.name", "deliver"),
        text("messaging.operation.type", "send"),
        text("messaging.destination.name", message.account.to_string()),
        text("messaging.message.id", message.to_string()),
        number("ringback.message.sequence", i64::try_from(message.sequence.0).unwrap_or(i64::MAX)),
        number("ringback.attempt", nth),
    ];
    if nth > 1 {
        attributes.push(number("http.request.resend_count", nth - 1));
    }
    if replay {
        attributes.push(key("ringback.replay", Value::BoolValue(true)));
    }
    if let Some(class) = outcome_class(&outcome) {
        attributes.push(text("ringback.outcome", class));
    }
    let fault = match outcome {
        Outcome::Answered { status, .. } => {
            attributes.push(number("http.response.status_code", status));
            (!(200..300).contains(&status)).then(|| status.to_string())
        }
        Outcome::Failed(failure) => Some(failure.name().to_owned()),
        Outcome::NotStarted => None,
    };
    let status = fault.is_some().then(|| error(reason.unwrap_or_default()));
    attributes.extend(fault.map(|fault| text("error.type", fault)));
    (attributes, status)
}

fn error(message: String) -> Status {
    Status { message, code: StatusCode::Error.into() }
}

fn text(name: &str, value: impl Into<String>) -> KeyValue {
    key(name, Value::StringValue(value.into()))
}

fn number(name: &str, value: impl Into<i64>) -> KeyValue {
    key(name, Value::IntValue(value.into()))
}

fn key(name: &str, value: Value) -> KeyValue {
    KeyValue { key: name.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

fn nanos(started: Timestamp, after: Duration) -> u64 {
    let started = u64::try_from(started.as_millis()).unwrap_or_default().saturating_mul(1_000_000);
    started.saturating_add(u64::try_from(after.as_nanos()).unwrap_or(u64::MAX))
}
