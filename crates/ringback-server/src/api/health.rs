//! `/healthz`: the process is alive; `/readyz`: the service can do its work. Without a token.

use axum::extract::State;
use axum::response::Response;
use http::{HeaderValue, StatusCode};
use serde::Serialize;

use super::answer;
use super::state::ApiState;

/// Alive.
pub(super) async fn alive() -> Response {
    answer::with_type(StatusCode::OK, HeaderValue::from_static("text/plain; charset=utf-8"), b"ok".to_vec())
}

/// The answer of `/readyz`.
#[derive(Serialize)]
struct Ready {
    ready: bool,
    reasons: Vec<String>,
    /// How many standbys of the database have what was answered; without one, a failover can lose it.
    #[serde(rename = "synchronousStandbys", skip_serializing_if = "Option::is_none")]
    synchronous_standbys: Option<u64>,
}

/// Ready, or why not.
pub(super) async fn ready(State(state): State<ApiState>) -> Response {
    let (reasons, synchronous_standbys) =
        tokio::join!(state.readiness.reasons_against(), state.readiness.synchronous_standbys());
    let status = if reasons.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    answer::json(status, &Ready { ready: reasons.is_empty(), reasons, synchronous_standbys })
}
