//! The console: pages that tell an operator at a glance whether callbacks arrive, and for whom they don't.
//!
//! The cast: a `visitor` is who has logged in, by a cookie whose digest the store keeps, so that every
//! node knows them; `inside` is the API, asked in the visitor's name, so that what a page shows and does is what the API
//! shows and does; a page is a function from what was asked to HTML, written with `maud`, which escapes all that it is
//! given. A little script refreshes what is on the page and shows what happens; everything but that works without it.
//!
//! The promise: no request leaves the machine, nothing inline runs, nothing is kept by a browser, and whoever is not let in
//! learns nothing. Every page reads a bounded number of rows.

mod account;
mod accounts;
mod act;
mod address;
mod assets;
mod audit;
mod badge;
mod body_text;
mod chart;
mod charts;
mod form;
mod live;
mod login;
mod message;
mod messages;
mod overview;
mod page;
mod precautions;
mod refused;
mod session;
mod throttle;
mod totals;
mod visitor;
mod when;
mod words;

use std::sync::Arc;

use axum::Router;
use axum::middleware;
use axum::routing::get;
use ringback_delivery::Timestamp;

use crate::api::{self, ApiState, Inside};
use crate::live::Live;

use live::Streams;
use throttle::Throttle;

/// What every page has. A clone is the same.
#[derive(Clone)]
pub struct Console(Arc<Inner>);

struct Inner {
    api: ApiState,
    inside: Inside,
    live: Live,
    failed_logins: Throttle,
    streams: Arc<Streams>,
}

impl Console {
    /// The console of one server.
    pub fn new(api: ApiState, live: Live) -> Self {
        Self(Arc::new(Inner {
            inside: Inside::new(api.clone()),
            failed_logins: Throttle::default(),
            streams: Arc::default(),
            live,
            api,
        }))
    }

    fn now(&self) -> Timestamp {
        self.0.api.clock.now()
    }
}

/// Every page, behind the `Host` check.
pub fn router(console: Console) -> Router {
    let api = console.0.api.clone();
    let pages = Router::new()
        .route("/console", get(overview::show))
        .route("/console/login", get(login::ask).post(login::log_in))
        .route("/console/logout", axum::routing::post(login::log_out))
        .route("/console/accounts", get(accounts::list))
        .route("/console/accounts/{account}", get(account::show))
        .route("/console/accounts/{account}/messages/{sequence}", get(message::by_sequence))
        .route("/console/accounts/{account}/{act}", get(act::ask).post(act::done))
        .route("/console/messages", get(messages::search))
        .route("/console/messages/{id}", get(message::show))
        .route("/console/messages/{id}/replay", get(message::ask).post(message::replay))
        .route("/console/live", get(live::page))
        .route("/console/live/events", get(live::events))
        .route("/console/audit", get(audit::list))
        .route("/console/{*rest}", get(refused::nowhere))
        .method_not_allowed_fallback(refused::nowhere)
        .layer(middleware::from_fn(precautions::take))
        .route("/console/assets/{file}", get(assets::serve))
        .with_state(console);
    api::guard(pages, &api)
}
