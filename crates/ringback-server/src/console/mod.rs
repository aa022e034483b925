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
mod nodes;
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
use ringback_delivery::Timestamp;

use crate::api::{self, ApiState, Inside, Route, RouteList};
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
    let pages = pages()
        .into_router()
        .method_not_allowed_fallback(refused::nowhere)
        .layer(middleware::from_fn(precautions::take))
        .merge(files().into_router())
        .with_state(console);
    api::guard(pages, &api)
}

/// Every route that there is.
pub fn all_routes() -> Vec<Route> {
    pages().and(files()).list().to_vec()
}

fn pages() -> RouteList<Console> {
    RouteList::default()
        .get("/console", overview::show)
        .get("/console/login", login::ask)
        .post("/console/login", login::log_in)
        .post("/console/logout", login::log_out)
        .get("/console/accounts", accounts::list)
        .get("/console/accounts/{account}", account::show)
        .get("/console/accounts/{account}/messages/{sequence}", message::by_sequence)
        .get("/console/accounts/{account}/{act}", act::ask)
        .post("/console/accounts/{account}/{act}", act::done)
        .get("/console/messages", messages::search)
        .get("/console/messages/{id}", message::show)
        .get("/console/messages/{id}/replay", message::ask)
        .post("/console/messages/{id}/replay", message::replay)
        .get("/console/live", live::page)
        .get("/console/live/events", live::events)
        .get("/console/audit", audit::list)
        .get("/console/{*rest}", refused::nowhere)
}

/// What the pages are made with; nothing of it is anybody's.
fn files() -> RouteList<Console> {
    RouteList::default().get("/console/assets/{file}", assets::serve)
}
