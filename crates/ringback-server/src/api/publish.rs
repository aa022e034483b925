//! `POST /api/ringback/v1/messages`: one message as JSON, or many as NDJSON ([`super::ndjson`]).
//!
//! The hot path: a token that is remembered, one look at the bytes, one call to the store, which commits it together
//! with those of others.

use std::time::Instant;

use axum::extract::{FromRequestParts as _, Request, State};
use axum::response::{IntoResponse as _, Response};
use http::HeaderMap;
use ringback_wire::error_code;
use ringback_wire::publish::{
    IDEMPOTENCY_KEY_HEADER, InvalidMessage, NDJSON_CONTENT_TYPE, check_idempotency_key,
};

use super::principal::{Bearer, Principal, Wants};
use super::problem::Problem;
use super::state::ApiState;
use super::{admission, answer as answers, body, ndjson};
use crate::trace::PublishSpan;

/// What [`publish`] answers, where no router asks it.
pub(super) async fn answer(state: &ApiState, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let bearer = Bearer::from_request_parts(&mut parts, state).await;
    publish(State(state.clone()), bearer, Request::from_parts(parts, body)).await.into_response()
}

/// Takes messages in.
pub(super) async fn publish(
    State(state): State<ApiState>,
    bearer: Result<Bearer, Problem>,
    request: Request,
) -> Result<Response, Problem> {
    let counted = |problem: Problem| {
        state.metrics.refused(problem.status());
        problem
    };
    let Bearer(principal) = bearer.map_err(counted)?;
    principal.may(Wants::Publish)?;
    let mut span = state.tracer.publish(request.headers());
    let answer = take_in(&state, &principal, request, &mut span).await.map_err(counted);
    Ok(span.end(answer.into_response()))
}

async fn take_in(
    state: &ApiState,
    principal: &Principal,
    request: Request,
    span: &mut PublishSpan,
) -> Result<Response, Problem> {
    let headers = request.headers();
    if headers.contains_key(http::header::CONTENT_TYPE) && body::is_type(headers, NDJSON_CONTENT_TYPE) {
        // Boxed: it is large, and single messages are many.
        return Box::pin(ndjson::publish(state, principal, request, span)).await;
    }
    let began = Instant::now();
    let answer = one(state, principal, request, span).await;
    state.metrics.accepted_in(began.elapsed());
    answer
}

async fn one(
    state: &ApiState,
    principal: &Principal,
    request: Request,
    span: &mut PublishSpan,
) -> Result<Response, Problem> {
    let held = admission::give_way(state, 1).await;
    let right_type = body::is_type(request.headers(), "application/json");
    let key = idempotency_key(request.headers())?;
    let bytes = body::read(request, state.limits.message_bytes, &state.limits).await?;
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
