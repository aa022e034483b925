//! `POST /api/ringback/v1/messages`: one message as JSON, or many as NDJSON ([`super::ndjson`]).
//!
//! The hot path: a token that is remembered, one look at the bytes, one call to the store, which commits it together
//! with those of others.

use std::time::Instant;

use axum::body::Body;
use axum::extract::{FromRequestParts as _, Request, State};
use axum::response::{IntoResponse as _, Response};
use http::HeaderMap;
use http::request::Parts;
use ringback_wire::error_code;
use ringback_wire::publish::{
    IDEMPOTENCY_KEY_HEADER, InvalidMessage, NDJSON_CONTENT_TYPE, check_idempotency_key,
};

use super::principal::{Bearer, Principal, Wants};
use super::problem::Problem;
use super::state::ApiState;
use super::{admission, answer as answers, body, ndjson};
use crate::trace::PublishSpan;

/// Takes messages in.
pub(super) async fn publish(
    State(state): State<ApiState>,
    bearer: Result<Bearer, Problem>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    answer(&state, bearer, parts.headers, body).await
}

/// The same where no router asks.
///
/// The request is handed on in parts from here: each function that takes it whole makes the future larger by it, and
/// the future is moved as its request begins.
pub(super) async fn publish_directly(state: &ApiState, mut parts: Parts, body: Body) -> Response {
    let bearer = Bearer::from_request_parts(&mut parts, state).await;
    let headers = std::mem::take(&mut parts.headers);
    drop(parts);
    answer(state, bearer, headers, body).await
}

async fn answer(
    state: &ApiState,
    bearer: Result<Bearer, Problem>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let Bearer(principal) = match bearer {
        Ok(bearer) => bearer,
        Err(problem) => return refused(state, problem),
    };
    if let Err(problem) = principal.may(Wants::Publish) {
        return problem.into_response();
    }
    let mut span = state.tracer.publish(&headers);
    let taken = take_in(state, &principal, headers, body, &mut span).await;
    span.end(taken.unwrap_or_else(|problem| refused(state, problem)))
}

fn refused(state: &ApiState, problem: Problem) -> Response {
    state.metrics.refused(problem.status());
    problem.into_response()
}

async fn take_in(
    state: &ApiState,
    principal: &Principal,
    headers: HeaderMap,
    body: Body,
    span: &mut PublishSpan,
) -> Result<Response, Problem> {
    if headers.contains_key(http::header::CONTENT_TYPE) && body::is_type(&headers, NDJSON_CONTENT_TYPE) {
        // Boxed: it is large, and single messages are many.
        return Box::pin(ndjson::publish(state, principal, headers, body, span)).await;
    }
    let began = Instant::now();
    let answer = one(state, principal, headers, body, span).await;
    state.metrics.accepted_in(began.elapsed());
    answer
}

async fn one(
    state: &ApiState,
    principal: &Principal,
    headers: HeaderMap,
    body: Body,
    span: &mut PublishSpan,
) -> Result<Response, Problem> {
    let held = admission::give_way(state, 1).await;
    let right_type = body::is_type(&headers, "application/json");
    let key = idempotency_key(&headers)?;
    let bytes = body::read(headers, body, state.limits.message_bytes, &state.limits).await?;
    if !right_type && !bytes.trim_ascii().is_empty() {
        return Err(Problem::media_type("application/json or application/x-ndjson"));
    }
    let message = admission::read_message(&bytes, key.as_deref(), span.trace(), principal)?;
    drop(bytes);
    if !held {
        admission::give_way_elsewhere(state, std::slice::from_ref(&message)).await;
    }
    let admissions = state
        .store
        .accept(state.clock.now(), vec![message])
        .await
        .map_err(|error| admission::unknown(&error))?;
    let admission = admissions.first().ok_or_else(Problem::unexpected)?;
    span.admitted(admission);
    let (status, said) = admission::answer(admission)?;
    Ok(answers::json(status, &said))
}

/// The header's key, checked.
fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY_HEADER).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Problem::key_twice());
    }
    let Ok(key) = std::str::from_utf8(value.as_bytes()) else {
        return Err(Problem::invalid(
            error_code::IDEMPOTENCY_KEY_INVALID,
            "the header Idempotency-Key must be UTF-8",
        ));
    };
    check_idempotency_key(key).map_err(|error: InvalidMessage| admission::invalid(&error))?;
    Ok(Some(key.to_owned()))
}
