//! One line for each request, at debug: what was asked for, by whom, how it ended, how long it took.
//!
//! A path that no route takes is not shown, nor one that is taken by a route for whatever is left over: callers put all kinds
//! of things there, secrets among them. The paths of other routes hold accounts, ids and nothing that has to be hidden.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use ringback_wire::trace::TraceParent;

use super::peer::Peer;
use crate::trace::{self, InSpan};

/// The most that is shown of a path, in bytes.
const SHOWN: usize = 200;

/// Whether anybody wants to know.
pub(super) fn tells() -> bool {
    tracing::enabled!(tracing::Level::DEBUG)
}

/// The middleware.
pub(super) async fn tell(request: Request, next: Next) -> Response {
    if !tells() {
        return next.run(request).await;
    }
    let method = request.method().clone();
    let path = match request.extensions().get::<MatchedPath>() {
        Some(route) if route.as_str().contains("{*") => route.as_str().to_owned(),
        Some(_) => request.uri().path().chars().take(SHOWN).collect(),
        None => "of no route".to_owned(),
    };
    let client = request.extensions().get::<Peer>().map(|peer| peer.client);
    let parent = trace::of_request(request.headers()).and_then(trace::parent);
    let began = Instant::now();
    let response = next.run(request).await;
    let span = response.extensions().get::<InSpan>().map(|InSpan(span)| *span);
    tracing::debug!(
        %method,
        path,
        client = client.map(tracing::field::display),
        status = response.status().as_u16(),
        ms = began.elapsed().as_secs_f64() * 1000.0,
        trace_id = span.or(parent).as_ref().map(TraceParent::trace_text),
        span_id = span.as_ref().map(TraceParent::span_text),
        "a request was answered"
    );
    response
}
