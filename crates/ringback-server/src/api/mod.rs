//! The HTTP API: the contract's routes, publishing, and Ringback's own.
//!
//! The cast: [`router`] names every route (the operators' can be had apart, for an address of their own); a handler's arguments say who may call it (`principal`); its body turns
//! the wire's models into domain types and calls the store; `problem` is every way to say no. Only the store lies
//! between this module and `dispatch`, and it knows neither that nor the sender: a callback URL is judged by the
//! [`UrlGuard`] that the composition lends.
//!
//! The promise: what passes here is validated, and an answer of success follows the commit of what it says.
//!
//! The order of checks is the contract's: route, bearer token, session token, form of the account, entitlement to it,
//! service, body.

mod account_name;
mod account_view;
mod accounts;
mod admission;
mod answer;
mod audit;
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
mod front;
mod health;
mod host_check;
mod inside;
mod lane_sentence;
mod leftover;
mod limits;
mod login_gate;
mod message_search;
mod message_view;
mod messages;
mod metrics;
mod ndjson;
mod oauth;
mod openapi;
mod own;
mod panics;
mod path;
mod peer;
mod places;
mod principal;
mod problem;
mod publish;
mod pull;
mod query;
mod rates;
mod refusals;
mod replay;
mod request_log;
mod rooms;
mod route_list;
mod session;
mod signing_key;
mod state;
mod throttle;
mod token;
mod wait_sentence;
mod watch;

use axum::{Router, middleware};
use ringback_wire::routes;

#[doc(hidden)]
pub use cursor::read_cursor;
pub use front::Front;
pub use host_check::HostNames;
pub use limits::Limits;
pub use openapi::text as description;
pub use peer::Peer;
pub use places::PlaceLimits;
pub use route_list::Route;
pub use state::{ApiState, EndpointTester, Lent, Readiness, TestReport, UrlGuard};
pub use watch::watch_credentials;

pub(crate) use audit::keep as keep_act;
pub(crate) use inside::{Inside, Refusal};
pub(crate) use lane_sentence::span;
pub(crate) use principal::Principal;
pub(crate) use route_list::RouteList;
pub(crate) use session::known_user;

/// Every route of the API, the operators' pages among them.
pub fn router(state: ApiState) -> Router {
    finish(public().into_router().merge(guarded(operators(), &state)).merge(health().into_router()), state)
}

/// What anyone may speak to, where the operators' pages have an address of their own.
pub fn public_router(state: ApiState) -> Router {
    finish(public().and(health()).into_router(), state)
}

/// The operators' pages, for their own address.
pub fn operators_router(state: ApiState) -> Router {
    finish(guarded(operators(), &state).merge(health().into_router()), state)
}

/// Every route that there is.
pub fn all_routes() -> Vec<Route> {
    public().and(operators()).and(health()).list().to_vec()
}

/// Behind the [`Host` check](host_check).
fn guarded(routes: RouteList<ApiState>, state: &ApiState) -> Router<ApiState> {
    routes.into_router().layer(middleware::from_fn_with_state(state.clone(), host_check::check))
}

fn finish(router: Router<ApiState>, state: ApiState) -> Router {
    router
        .fallback(fallback::not_found)
        .method_not_allowed_fallback(fallback::method_not_allowed)
        .layer(middleware::from_fn_with_state(state.clone(), leftover::read))
        .with_state(state)
        .layer(panics::CatchPanics)
        .layer(middleware::from_fn(request_log::tell))
}

/// A router of operators' pages that is made elsewhere, with the same precautions.
pub(crate) fn guard(pages: Router, state: &ApiState) -> Router {
    pages
        .layer(middleware::from_fn_with_state(state.clone(), leftover::read))
        .layer(middleware::from_fn_with_state(state.clone(), host_check::check))
        .layer(panics::CatchPanics)
        .layer(middleware::from_fn(request_log::tell))
}

/// What programs of all kinds speak to.
fn public() -> RouteList<ApiState> {
    contract().and(own()).and(descriptions())
}

/// What operators and their monitoring look at. It moves to the address of `--admin-listen` where there is one, and
/// answers only to names that are known to be this server's.
fn operators() -> RouteList<ApiState> {
    RouteList::default().get(routes::METRICS_PATH, metrics::show)
}

/// What describes the API, for whoever asks.
fn descriptions() -> RouteList<ApiState> {
    RouteList::default()
        .get(routes::OPENAPI_PATH, openapi::show)
        .get(routes::CALLBACK_SCHEMA_PATH, openapi::show_callback_schema)
        .get(routes::PUBLISHED_SCHEMA_PATH, openapi::show_published_schema)
}

/// Whether it runs, for whoever runs it, on every address.
fn health() -> RouteList<ApiState> {
    RouteList::default().get(routes::HEALTH_PATH, health::alive).get(routes::READY_PATH, health::ready)
}

/// ThingSpace's routes (contract, sections 1 and 2).
fn contract() -> RouteList<ApiState> {
    RouteList::default()
        .post(routes::TOKEN_PATH, token::issue)
        .post(routes::REVOKE_PATH, token::revoke)
        .post(routes::LOGIN_PATH, session::login)
        .post(routes::LOGOUT_PATH, session::logout)
        .get(routes::CALLBACKS_PATH, callbacks::list)
        .post(routes::CALLBACKS_PATH, callbacks::register)
        .delete(routes::CALLBACK_PATH, callbacks::deregister)
}

/// Ringback's routes.
fn own() -> RouteList<ApiState> {
    RouteList::default()
        .get(routes::MESSAGES_PATH, message_search::search)
        .post(routes::MESSAGES_PATH, publish::publish)
        .get(routes::MESSAGE_PATH, messages::show)
        .post(routes::MESSAGE_REPLAY_PATH, messages::replay)
        .get(routes::ACCOUNTS_PATH, accounts::list)
        .get(routes::ACCOUNT_PATH, accounts::show)
        .get(routes::ACCOUNT_MESSAGES_PATH, catch_up::read_on)
        .post(routes::ACCOUNT_REPLAY_PATH, replay::replay)
        .post(routes::ACCOUNT_PING_PATH, endpoint_test::ping)
        .post(routes::ACCOUNT_CHECK_PATH, endpoint_test::check)
        .post(routes::ACCOUNT_PAUSE_PATH, accounts::pause)
        .post(routes::ACCOUNT_RESUME_PATH, accounts::resume)
        .put(routes::ACCOUNT_PULL_PATH, pull::set)
        .post(routes::ACCOUNT_ACK_PATH, pull::acknowledge)
        .post(routes::REGISTRATION_RESTORE_PATH, accounts::restore)
        .get(routes::SIGNING_KEY_PATH, signing_key::show)
        .post(routes::SIGNING_KEY_ROTATE_PATH, signing_key::rotate)
        .get(routes::CREDENTIALS_PATH, credentials::list)
        .post(routes::CREDENTIALS_PATH, credentials::create)
        .patch(routes::CREDENTIAL_PATH, credentials::change)
        .delete(routes::CREDENTIAL_PATH, credentials::revoke)
}
