//! The messages' JSON Schemas, each a document of its own, for whoever checks messages without OpenAPI.

use std::collections::BTreeMap;

use axum::response::Response;
use http::{HeaderValue, StatusCode};
use ringback_wire::message::CallbackMessage;
use ringback_wire::schema::PublishedMessage;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;

use super::super::answer;

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";
pub(super) const CONTENT_TYPE: &str = "application/schema+json";

/// Of a callback.
pub(in super::super) async fn callback() -> Response {
    show::<CallbackMessage>("Callback message")
}

/// Of a published message.
pub(in super::super) async fn published() -> Response {
    show::<PublishedMessage>("Published message")
}

fn show<T: ToSchema>(title: &str) -> Response {
    let text = text::<T>(title);
    answer::with_type(StatusCode::OK, HeaderValue::from_static(CONTENT_TYPE), text.into_bytes())
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(rename = "$schema")]
    dialect: &'a str,
    title: &'a str,
    #[serde(flatten)]
    root: RefOr<Schema>,
    #[serde(rename = "$defs")]
    parts: BTreeMap<String, RefOr<Schema>>,
}

/// The schema with all that it refers to.
fn text<T: ToSchema>(title: &str) -> String {
    let mut parts = Vec::new();
    T::schemas(&mut parts);
    let document =
        Document { dialect: DIALECT, title, root: T::schema(), parts: parts.into_iter().collect() };
    // Every key of it is a text, so writing it can't fail.
    let text = serde_json::to_string(&document).unwrap_or_default();
    super::without_asides(&text.replace("#/components/schemas/", "#/$defs/"))
}
