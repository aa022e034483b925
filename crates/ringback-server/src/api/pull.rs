//! `PUT …/pull` and `POST …/ack`: having messages kept without a URL, and saying which of them one has.

use axum::extract::{Request, State};
use axum::response::Response;
use http::{StatusCode, Uri};
use ringback_wire::api::{AckAnswer, AckRequest, PullAnswer, PullRequest};

use super::principal::{Bearer, Wants};
use super::problem::Problem;
use super::state::ApiState;
use super::{answer, audit, body, own, query};

/// Switches pull on or off.
pub(super) async fn set(
    State(state): State<ApiState>,
    Bearer(principal): Bearer,
    uri: Uri,
    request: Request,
) -> Result<Response, Problem> {
    let account = own::account(&principal, &uri, Wants::Callbacks)?;
    let PullRequest { enabled } = body::json(request, &state.limits).await?;
    let standing = state.store.set_pull(state.clock.now(), account, enabled).await?;
    let switched = if enabled { "enabled pull" } else { "disabled pull" };
    audit::note_usual(&state, &principal, account, switched).await;
    Ok(answer::json(StatusCode::OK, &PullAnswer { enabled: standing.pull }))
}

/// Marks messages delivered, whether they would have been pushed or not.
pub(super) async fn acknowledge(
    State(state): State<ApiState>,
    Bearer(principal): Bearer,
    uri: Uri,
    request: Request,
) -> Result<Response, Problem> {
    let account = own::account(&principal, &uri, Wants::Callbacks)?;
    let AckRequest { through } = body::json(request, &state.limits).await?;
    let last = state.store.standing(account).await?.last_sequence.0;
    if through > last {
        return Err(query::wrong(
            "through",
            &format!("must be {last} at most: that is the last message so far"),
        ));
    }
    let standing = state.store.acknowledge(state.clock.now(), account, through).await?;
    audit::note_usual(&state, &principal, account, format!("acknowledged messages through {through}")).await;
    Ok(answer::json(StatusCode::OK, &AckAnswer { through: standing.acknowledged_through.0 }))
}
