//! Reading a request's body: whole, within its bound and its time; and taking JSON from it.
//!
//! Nothing is ever unpacked: a body with a `Content-Encoding` is refused, so a few bytes stay a few bytes.

use std::pin::pin;
use std::task::Poll;

use axum::Json;
use axum::body::Body;
use axum::extract::Request;
use bytes::{Bytes, BytesMut};
use futures_util::poll;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http_body_util::BodyExt as _;
use hyper::body::Body as _;
use ringback_wire::error_code;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::limits::Limits;
use super::problem::Problem;

/// The body of a request with these headers, `most` bytes of it at most. The headers are let go first, and with them the
/// memory that they came in.
pub(super) async fn read(
    headers: HeaderMap,
    body: Body,
    most: usize,
    limits: &Limits,
) -> Result<Bytes, Problem> {
    let encoded = is_encoded(&headers);
    drop(headers);
    let mut reading = pin!(collect(body, most));
    // Nearly every body has come with its head: no timer is set for it.
    let read = match poll!(reading.as_mut()) {
        Poll::Ready(read) => read,
        Poll::Pending => {
            timeout(limits.body_timeout, reading).await.unwrap_or_else(|_| Err(Problem::late_body()))
        }
    };
    match read {
        Ok(body) if encoded && !body.is_empty() => Err(Problem::content_encoding()),
        read => read,
    }
}

async fn collect(mut body: Body, most: usize) -> Result<Bytes, Problem> {
    let too_large = || Problem::too_large("the body", most, "bytes");
    let announced = body.size_hint().lower();
    if announced > most as u64 {
        return Err(too_large());
    }
    // Nearly every body comes in one piece, and is then not copied; others are, once.
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    while let Some(piece) = next(&mut body).await? {
        if first.len() + whole.len() + piece.len() > most {
            return Err(too_large());
        }
        if first.is_empty() && whole.is_empty() {
            first = piece;
            continue;
        }
        if whole.is_empty() {
            whole.reserve((announced as usize).max(first.len() + piece.len()));
            whole.extend_from_slice(&std::mem::take(&mut first));
        }
        whole.extend_from_slice(&piece);
    }
    Ok(if whole.is_empty() { first } else { whole.freeze() })
}

async fn next(body: &mut Body) -> Result<Option<Bytes>, Problem> {
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| {
            Problem::invalid(error_code::REQUEST_UNDEFINED, "the body broke off, or its framing is wrong")
        })?;
        if let Ok(piece) = frame.into_data() {
            return Ok(Some(piece));
        }
    }
    Ok(None)
}

/// Whether the body would have to be unpacked.
fn is_encoded(headers: &HeaderMap) -> bool {
    let values = headers.get_all(CONTENT_ENCODING).iter();
    let mut codings =
        values.flat_map(|value| value.as_bytes().split(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
    codings.any(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity"))
}

/// Whether the content type is this one, parameters aside; a missing one counts as any.
pub(super) fn is_type(headers: &HeaderMap, expected: &str) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE) else { return true };
    let name = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
    name.trim_ascii().eq_ignore_ascii_case(expected.as_bytes())
}

/// A request's JSON body.
pub(super) async fn json<T: DeserializeOwned>(request: Request, limits: &Limits) -> Result<T, Problem> {
    optional_json(request, limits).await?.ok_or_else(Problem::empty_body)
}

/// A request's JSON body; `None` for an empty one.
pub(super) async fn optional_json<T: DeserializeOwned>(
    request: Request,
    limits: &Limits,
) -> Result<Option<T>, Problem> {
    let (parts, body) = request.into_parts();
    let right_type = is_type(&parts.headers, "application/json");
    let bytes = read(parts.headers, body, limits.request_bytes, limits).await?;
    if bytes.trim_ascii().is_empty() {
        return Ok(None);
    }
    if !right_type {
        return Err(Problem::media_type("application/json"));
    }
    // What is derived for an object reads an array as its fields in their order, too.
    if bytes.trim_ascii_start().first() == Some(&b'[') {
        return Err(Problem::unreadable_body("it must be a JSON object, not an array"));
    }
    match Json::<T>::from_bytes(&bytes) {
        Ok(Json(value)) => Ok(Some(value)),
        Err(rejection) => Err(Problem::unreadable_body(&reason(&rejection))),
    }
}

/// What is wrong with the JSON, with the way to the field: the innermost error says it.
fn reason(rejection: &dyn std::error::Error) -> String {
    let mut error = rejection;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
