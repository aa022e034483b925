//! Answers: a status, a content type, and bytes written once.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use ringback_delivery::Timestamp;
use serde::Serialize;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A JSON answer.
pub(super) fn json<T: Serialize>(status: StatusCode, value: &T) -> Response {
    // Writing one of the wire's models into memory can't fail: their maps have text keys only.
    with_type(status, JSON, serde_json::to_vec(value).unwrap_or_default())
}

/// An answer of these bytes.
pub(super) fn with_type(status: StatusCode, content_type: HeaderValue, bytes: Vec<u8>) -> Response {
    shared(status, content_type, bytes.into())
}

/// An answer of bytes that are kept.
pub(super) fn shared(status: StatusCode, content_type: HeaderValue, bytes: Bytes) -> Response {
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

/// An answer without a body.
pub(super) fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// A moment as the API writes it: RFC 3339 in UTC.
pub(super) fn time(moment: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(moment.as_millis()).unwrap_or(jiff::Timestamp::MAX).to_string()
}
