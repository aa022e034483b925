//! Publishing messages.

use http::{Method, StatusCode};
use ringback_wire::error_code;
use ringback_wire::publish::{LineOutcome, MAX_KEY_BYTES, NDJSON_CONTENT_TYPE, NdjsonLine, PublishAnswer};
use ringback_wire::routes;
use ringback_wire::schema::PublishedMessage;
use ringback_wire::v1::FotaV1Result;
use serde_json::Value;
use utoipa::openapi::Required;
use utoipa::openapi::content::{Content, ContentBuilder};
use utoipa::openapi::response::ResponseBuilder;

use super::super::admission;
use super::super::limits::Limits;
use super::super::principal::Wants;
use super::super::problem::Problem;
use super::operation::Operation;
use super::parameters::{MESSAGE_ID, in_header, text, trace};

const TAG: &str = "Publishing";

pub(super) fn operations(limits: &Limits) -> Vec<Operation> {
    vec![publish(limits)]
}

fn publish(limits: &Limits) -> Operation {
    let mut operation = Operation::new(Method::POST, routes::MESSAGES_PATH, "publishMessages", "Publish messages")
        .tag(TAG)
        .says(
            "One message as JSON: 202 once it is on stable storage. 503, or no answer, means that nobody knows: send it again \
             with the same idempotency key.",
        )
        .says(format!(
            "Or many as `{NDJSON_CONTENT_TYPE}`, one on each line, {} lines and {} bytes at most: 200, and a line for each, in \
             order, with the status and the body that it would have been answered with by itself. After the first line with \
             429 or 503 the following ones get the same, so that sending them again keeps the order.",
            limits.ndjson_lines, limits.ndjson_bytes,
        ))
        .wants(Wants::Publish)
        .parameter(in_header(
            "Idempotency-Key",
            text().min_length(Some(1)).max_length(Some(MAX_KEY_BYTES)).pattern(Some("^[\\x21-\\x7e]([\\x20-\\x7e]*[\\x21-\\x7e])?$")),
            "The same message under the same key is accepted once. With one message only; the field `idempotencyKey` \
             does the same. At most 255 bytes, without control characters.",
        ));
    operation = operation.parameter(trace("It goes on in the deliveries of the messages."));
    let message = published_example();
    let one = json(operation.request_schema::<PublishedMessage>(), &message);
    let many = lines(operation.request_schema::<PublishedMessage>(), &[message]);
    let accepted = PublishAnswer::queued(MESSAGE_ID, 17);
    let unregistered = json(operation.schema::<PublishAnswer>(), &PublishAnswer::unregistered());
    let outcomes = lines(operation.schema::<NdjsonLine>(), &outcomes());
    operation
        .takes_contents(
            "A message, or many.",
            [("application/json", one), (NDJSON_CONTENT_TYPE, many)],
            Required::True,
        )
        .body_refusals(limits.message_bytes)
        .answers(StatusCode::ACCEPTED, "It is on stable storage", &accepted)
        .leads_to(StatusCode::ACCEPTED, "getMessage", "id", "id")
        .leads_to(StatusCode::ACCEPTED, "replayMessage", "id", "id")
        .answers_with(
            StatusCode::OK,
            ResponseBuilder::new()
                .description("One message: nothing is registered and pull is off, so it is not kept. Many: a line for each")
                .content("application/json", unregistered)
                .content(NDJSON_CONTENT_TYPE, outcomes),
        )
        .refuses([
            Problem::invalid(error_code::MESSAGE_INVALID, "upgradeFinished: must be given, as an object that is not empty: the type is upgradeFinished"),
            Problem::account_form(),
            Problem::account_name(),
            Problem::key_twice(),
            admission::key_conflict(),
            admission::account_full(),
            admission::store_full(),
            admission::nobody_knows(),
        ])
}

fn outcomes() -> [NdjsonLine; 2] {
    [
        NdjsonLine {
            line: 1,
            code: 202,
            outcome: LineOutcome::Answer(PublishAnswer::queued(MESSAGE_ID, 17)),
        },
        NdjsonLine {
            line: 2,
            code: 400,
            outcome: LineOutcome::Error(FotaV1Result::new(
                error_code::ACCOUNT_INVALID,
                "accountName must be …",
            )),
        },
    ]
}

/// The contract's message, as its publisher sends it.
pub(super) fn published_example() -> Value {
    let text = include_str!("../../../tests/fixtures/message-upgrade-finished.json");
    let mut message: Value = serde_json::from_str(text).unwrap_or_default();
    if let Some(fields) = message.as_object_mut() {
        fields.retain(|name, value| {
            let is_credential = name == "username" || name == "password";
            let is_empty = value.as_object().is_some_and(serde_json::Map::is_empty)
                || value.as_array().is_some_and(Vec::is_empty);
            !is_credential && !is_empty
        });
    }
    message
}

fn json(schema: utoipa::openapi::Ref, example: &impl serde::Serialize) -> Content {
    ContentBuilder::new().schema(Some(schema)).example(serde_json::to_value(example).ok()).build()
}

/// Lines of JSON: a text, each line of which has the schema.
fn lines<T: serde::Serialize>(schema: utoipa::openapi::Ref, examples: &[T]) -> Content {
    let text_of = |example| serde_json::to_string(example).unwrap_or_default() + "\n";
    let example: String = examples.iter().map(text_of).collect();
    let schema = text()
        .description(Some("JSON on each line."))
        .content_media_type(NDJSON_CONTENT_TYPE)
        .content_schema(Some(schema));
    ContentBuilder::new().schema(Some(schema)).example(Some(example.into())).build()
}
