//! The HTTP API: the contract's routes, publishing, and Ringback's own.
//!
//! The cast: [`router`] names every route; a handler's arguments say who may call it (`principal`); its body turns
//! the wire's models into domain types and calls the store; `problem` is every way to say no. Only the store lies
//! between this module and `dispatch`, and it knows neither that nor the sender: a callback URL is judged by the
//! [`UrlGuard`] that the composition lends.
//!
//! The promise: what passes here is validated, and an answer of success follows the commit of what it says.
//!
//! The order of checks is the contract's: route, bearer token, session token, form of the account, entitlement to it,
//! service, body.

mod account_view;
mod accounts;
mod admission;
mod answer;
mod auth_cache;
mod body;
mod body_match;
mod callbacks;
mod catch_up;
mod convert;
mod credentials;
mod cursor;
mod endpoint_test;
mod fallback;
mod health;
mod lane_sentence;
mod leftover;
mod limits;
mod login_gate;
mod message_search;
mod message_view;
mod messages;
mod ndjson;
mod oauth;
mod own;
mod panics;
mod path;
mod places;
mod principal;
mod problem;
mod publish;
mod pull;
mod query;
mod replay;
mod session;
mod signing_key;
mod state;
mod throttle;
mod token;
mod watch;

use axum::routing::{delete, get, patch, post, put};
use axum::{Router, middleware};
use ringback_wire::routes;

pub use limits::Limits;
pub use places::PlaceLimits;
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
        .layer(middleware::from_fn_with_state(state.clone(), leftover::read))
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
        .route(routes::MESSAGES_PATH, get(message_search::search).post(publish::publish))
        .route(routes::MESSAGE_PATH, get(messages::show))
        .route(routes::MESSAGE_REPLAY_PATH, post(messages::replay))
        .route(routes::ACCOUNTS_PATH, get(accounts::list))
        .route(routes::ACCOUNT_PATH, get(accounts::show))
        .route(routes::ACCOUNT_MESSAGES_PATH, get(catch_up::read_on))
        .route(routes::ACCOUNT_REPLAY_PATH, post(replay::replay))
        .route(routes::ACCOUNT_PING_PATH, post(endpoint_test::ping))
        .route(routes::ACCOUNT_CHECK_PATH, post(endpoint_test::check))
        .route(routes::ACCOUNT_PAUSE_PATH, post(accounts::pause))
        .route(routes::ACCOUNT_RESUME_PATH, post(accounts::resume))
        .route(routes::ACCOUNT_PULL_PATH, put(pull::set))
        .route(routes::ACCOUNT_ACK_PATH, post(pull::acknowledge))
        .route(routes::REGISTRATION_RESTORE_PATH, post(accounts::restore))
        .route(routes::SIGNING_KEY_PATH, get(signing_key::show))
        .route(routes::SIGNING_KEY_ROTATE_PATH, post(signing_key::rotate))
        .route(routes::CREDENTIALS_PATH, get(credentials::list).post(credentials::create))
        .route(routes::CREDENTIAL_PATH, patch(credentials::change).delete(credentials::revoke))
}
