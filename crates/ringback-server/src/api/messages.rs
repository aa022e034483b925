//! `/api/ringback/v1/messages/{id}`: one message with all that was tried for it, and sending it again.

use axum::extract::State;
use axum::response::Response;
use http::{StatusCode, Uri};
use ringback_delivery::MessageState;
use ringback_store::Replayed;
use ringback_wire::api::ReplayAnswer;

use super::principal::{Bearer, Wants};
use super::problem::Problem;
use super::state::ApiState;
use super::{answer, audit, convert, message_view, own};

/// One message.
pub(super) async fn show(
    State(state): State<ApiState>,
    Bearer(principal): Bearer,
    uri: Uri,
) -> Result<Response, Problem> {
    let id = own::message(&principal, &uri, Wants::Messages)?;
    let found = state.store.message(id).await?.filter(|(message, _)| message.id == id);
    let (message, attempts) = found.ok_or_else(Problem::not_found)?;
    let view = message_view::whole(&message, &attempts, state.clock.now(), principal.operates_everywhere());
    Ok(answer::json(StatusCode::OK, &view))
}

/// Sends one message again: 202. One that waits already is tried now, and nothing else is to do: 200 with a count of 0.
pub(super) async fn replay(
    State(state): State<ApiState>,
    Bearer(principal): Bearer,
    uri: Uri,
) -> Result<Response, Problem> {
    let id = own::message(&principal, &uri, Wants::Accounts)?;
    let (status, count) = match state.store.replay(state.clock.now(), id).await? {
        Replayed::Queued => (StatusCode::ACCEPTED, 1),
        Replayed::Pending => (StatusCode::OK, 0),
        Replayed::NotRegistered => return Err(Problem::not_registered()),
        Replayed::Unknown => return Err(Problem::not_found()),
    };
    audit::note(&state, &principal, Some(id.account), format!("sent message {} again", id.sequence.0)).await;
    let answer = ReplayAnswer {
        count,
        at_least: false,
        dry_run: false,
        id: Some(id.to_string()),
        state: Some(convert::state(MessageState::Pending)),
    };
    Ok(answer::json(status, &answer))
}
