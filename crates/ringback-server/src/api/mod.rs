//! The HTTP API: the contract's routes, publishing, and Ringback's own.
//!
//! The cast: [`router`] names every route; a handler's arguments say who may call it ([`principal`]); its body turns
//! the wire's models into domain types and calls the store; [`problem`] is every way to say no. Only the store lies
//! between this module and `dispatch`, and it knows neither that nor the sender: a callback URL is judged by the
//! [`UrlGuard`] that the composition lends.
//!
//! The promise: what passes here is validated, and an answer of success follows the commit of what it says.
//!
//! The order of checks is the contract's: route, bearer token, session token, form of the account, entitlement to it,
//! service, body.

mod admission;
mod answer;
mod auth_cache;
mod body;
mod callbacks;
mod convert;
mod credentials;
mod fallback;
mod health;
mod limits;
mod login_gate;
mod ndjson;
mod oauth;
mod panics;
mod path;
mod principal;
mod problem;
mod publish;
mod session;
mod signing_key;
mod state;
mod token;
mod watch;

use axum::Router;
use axum::routing::{delete, get, patch, post};
use ringback_wire::routes;

pub use limits::Limits;
pub use state::{ApiState, EndpointTester, Lent, Readiness, TestReport, UrlGuard};
pub use watch::watch_credentials;

/// Every route of the API.
pub fn router(state: ApiState) -> Router {
    Router::new()
        .merge(contract())
        .merge(own())
        .route(routes::HEALTH_PATH, get(health::alive))
        .route(routes::READY_PATH, get(health::ready))
        .fallback(fallback::not_found)
        .method_not_allowed_fallback(fallback::method_not_allowed)
        .with_state(state)
        .layer(panics::CatchPanics)
}

/// ThingSpace's routes (contract, sections 1 and 2).
fn contract() -> Router<ApiState> {
    Router::new()
        .route(routes::TOKEN_PATH, post(token::issue))
        .route(routes::REVOKE_PATH, post(token::revoke))
        .route(routes::LOGIN_PATH, post(session::login))
        .route(routes::LOGOUT_PATH, post(session::logout))
        .route(routes::CALLBACKS_PATH, get(callbacks::list).post(callbacks::register))
        .route(routes::CALLBACK_PATH, delete(callbacks::deregister))
}

/// Ringback's routes.
fn own() -> Router<ApiState> {
    Router::new()
        .route(routes::MESSAGES_PATH, post(publish::publish))
        .route(routes::SIGNING_KEY_PATH, get(signing_key::show))
        .route(routes::SIGNING_KEY_ROTATE_PATH, post(signing_key::rotate))
        .route(routes::CREDENTIALS_PATH, get(credentials::list).post(credentials::create))
        .route(routes::CREDENTIAL_PATH, patch(credentials::change).delete(credentials::revoke))
}
