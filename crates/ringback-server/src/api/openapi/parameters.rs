//! Parameters of paths, queries and headers.

use ringback_wire::headers;
use ringback_wire::schema::AccountName;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::openapi::{Ref, RefOr, Required};

use super::super::limits::Limits;

/// The account of examples: the contract's.
pub(super) const ACCOUNT: &str = "0242078689-00001";
/// The message of examples.
pub(super) const MESSAGE_ID: &str = "msg_05g4anpk588000000025dc20nm";
/// The trace of examples: the specification's.
pub(super) const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/// The client id of examples.
pub(super) const CLIENT_ID: &str = "Jx2mvYz0Qb7sT1c9LkWd3A";

/// `{account}`.
pub(super) fn account() -> Parameter {
    in_path("account", Ref::from_schema_name(AccountName::name()), "The account.", json!(ACCOUNT))
}

/// `{id}`.
pub(super) fn message() -> Parameter {
    in_path("id", text(), "The message's id, the `webhook-id` of its deliveries.", json!(MESSAGE_ID))
}

/// `{clientId}`.
pub(super) fn client() -> Parameter {
    in_path("clientId", text(), "The credential's client id.", json!(CLIENT_ID))
}

pub(super) fn in_path(
    name: &str,
    schema: impl Into<RefOr<Schema>>,
    description: &str,
    example: Value,
) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .schema(Some(schema))
        .description(Some(description))
        .example(Some(example))
        .build()
}

/// A parameter of the query, which may be left out.
pub(super) fn in_query(name: &str, schema: impl Into<RefOr<Schema>>, description: &str) -> Parameter {
    optional(ParameterIn::Query, name, schema, description)
}

/// A header, which may be left out.
pub(super) fn in_header(name: &str, schema: impl Into<RefOr<Schema>>, description: &str) -> Parameter {
    optional(ParameterIn::Header, name, schema, description)
}

fn optional(
    place: ParameterIn,
    name: &str,
    schema: impl Into<RefOr<Schema>>,
    description: &str,
) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(Required::False)
        .schema(Some(schema))
        .description(Some(description))
        .build()
}

/// `traceparent`, with what comes of it.
pub(super) fn trace(effect: &str) -> Parameter {
    let schema = text().examples([TRACEPARENT]);
    let description = format!(
        "The trace that the request belongs to, of W3C Trace Context, version 00. {effect} One that is not valid is as if \
         it were not there."
    );
    in_header(headers::TRACEPARENT, schema, &description)
}

/// `limit` of a page.
pub(super) fn limit(usual: usize, most: usize) -> Parameter {
    in_query("limit", whole(1, most).default(Some(usual.into())), "Items of a page at most.")
}

/// `cursor` of a list.
pub(super) fn cursor() -> Parameter {
    let schema = text().pattern(Some("^[A-Za-z0-9_-]+$"));
    in_query("cursor", schema, "Where to go on: the `next` of the page before, as it came.")
}

/// `limit` and `cursor`.
pub(super) fn page(limits: &Limits) -> [Parameter; 2] {
    [limit(limits.page, limits.page_most), cursor()]
}

pub(super) fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

/// A whole number within bounds.
pub(super) fn whole(least: usize, most: usize) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(least)).maximum(Some(most))
}
