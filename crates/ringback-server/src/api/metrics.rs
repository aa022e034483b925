//! `/metrics`: the numbers of the whole service, in Prometheus' text format.

use axum::extract::State;
use axum::response::Response;
use http::{HeaderValue, StatusCode};

use super::answer;
use super::principal::{Bearer, Wants};
use super::problem::Problem;
use super::state::ApiState;
use crate::metrics::CONTENT_TYPE;

/// They are sums over all accounts, so they are for who runs all of them: the scope operate on `'*'`.
pub(super) async fn show(
    State(state): State<ApiState>,
    Bearer(principal): Bearer,
) -> Result<Response, Problem> {
    principal.may(Wants::Everything)?;
    let text = state.metrics.render();
    Ok(answer::with_type(StatusCode::OK, HeaderValue::from_static(CONTENT_TYPE), text.into_bytes()))
}
