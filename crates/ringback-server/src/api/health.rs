//! `/healthz`: the process is alive; `/readyz`: the service can do its work. Without a token.

use axum::extract::State;
use axum::response::Response;
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use super::answer;
use super::state::ApiState;

/// Alive.
pub(super) async fn alive() -> Response {
    answer::with_type(StatusCode::OK, HeaderValue::from_static("text/plain; charset=utf-8"), b"ok".to_vec())
}

/// The answer of `/readyz`.
#[derive(Serialize, ToSchema)]
pub(super) struct Ready {
    /// Whether it is.
    ready: bool,
    /// Why not, a sentence each.
    reasons: Vec<String>,
    /// How many standbys of the database have what was answered; without one, a failover can lose it.
    #[serde(rename = "synchronousStandbys", skip_serializing_if = "Option::is_none")]
    synchronous_standbys: Option<u64>,
}

impl Ready {
    /// What there is against it.
    pub(super) fn of(reasons: Vec<String>, synchronous_standbys: Option<u64>) -> Self {
        Self { ready: reasons.is_empty(), reasons, synchronous_standbys }
    }
}

/// Ready, or why not.
pub(super) async fn ready(State(state): State<ApiState>) -> Response {
    let (reasons, synchronous_standbys) =
        tokio::join!(state.readiness.reasons_against(), state.readiness.synchronous_standbys());
    let ready = Ready::of(reasons, synchronous_standbys);
    let status = if ready.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    answer::json(status, &ready)
}
