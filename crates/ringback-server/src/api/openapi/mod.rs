//! `/openapi.json`: the description of the API, in OpenAPI 3.1.
//!
//! It is made from what the server runs on: the wire's types give the schemas, [`Limits`] the bounds, and what can be
//! refused is made by the functions that refuse it ([`Problem`](super::problem::Problem)), so that codes and sentences are
//! theirs. A test holds the routes against it, both ways, and its examples against its schemas.
//!
//! [`operation`] is how one operation is written down, [`mod@document`] puts all of them together; the other
//! modules are a family of operations each.

mod accounts;
mod answers;
mod callbacks;
mod credentials;
mod document;
mod messages;
mod operation;
mod parameters;
mod publishing;
mod reading;
mod schemas;
mod security;
mod service;
mod signing_keys;
mod tokens;

use axum::extract::State;
use axum::response::Response;
use http::{HeaderValue, StatusCode};

use super::answer;
use super::limits::Limits;
use super::state::ApiState;

pub(super) use schemas::{callback as show_callback_schema, published as show_published_schema};

/// Everything under `/api`, the health, and what is described here itself.
pub(super) async fn show(State(state): State<ApiState>) -> Response {
    let bytes = state.description.get_or_init(|| text(&state.limits).into()).clone();
    answer::shared(StatusCode::OK, HeaderValue::from_static("application/json"), bytes)
}

/// The description of a server with these bounds, as JSON.
pub fn text(limits: &Limits) -> String {
    // Every key of it is a text, so writing it can't fail.
    without_asides(&document::document(limits).to_json().unwrap_or_default())
}

/// Without what our docs say to their readers about where a fact comes from: `(contract §2)`, `(ours)`.
fn without_asides(text: &str) -> String {
    const BEGINNINGS: [&str; 2] = [" (contract §", " (ours"];
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(begin) = BEGINNINGS.iter().filter_map(|beginning| rest.find(beginning)).min() {
        let (before, aside) = rest.split_at(begin);
        kept.push_str(before);
        rest = aside.split_once(')').map_or("", |(_, after)| after);
    }
    kept + rest
}
