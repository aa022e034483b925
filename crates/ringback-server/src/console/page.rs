//! The frame of every page: head, skip link, navigation, who has logged in, and the page itself.

use axum::body::Body;
use axum::response::Response;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use maud::{DOCTYPE, Markup, html};

use super::assets;
use super::form::TOKEN_FIELD;
use super::visitor::Visitor;

const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// Where a page is in the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Overview,
    Accounts,
    Messages,
    Live,
    Audit,
    /// Nowhere.
    Else,
}

/// A page.
pub(super) struct Page<'a> {
    /// Who looks at it.
    pub(super) visitor: &'a Visitor,
    /// Where it is.
    pub(super) place: Place,
    /// What it is called.
    pub(super) title: &'a str,
    /// How often its script looks again, in seconds; never where it is `None`.
    pub(super) refresh: Option<u32>,
}

impl Page<'_> {
    /// The answer with this in it.
    pub(super) fn with(&self, main: &Markup) -> Response {
        self.answer(StatusCode::OK, main)
    }

    /// The same with another status.
    pub(super) fn answer(&self, status: StatusCode, main: &Markup) -> Response {
        let page = html! {
            body data-refresh=[self.refresh] {
                a.skip href="#main" { "Skip to the page" }
                header.bar {
                    div.inner {
                        a.brand href="/console" { (mark()) span { "Ringback" } }
                        nav aria-label="Console" { ul {
                            (self.link(Place::Overview, "/console", "Overview"))
                            (self.link(Place::Accounts, "/console/accounts", "Accounts"))
                            (self.link(Place::Messages, "/console/messages", "Messages"))
                            (self.link(Place::Live, "/console/live", "Live"))
                            @if self.visitor.sees_everything() {
                                (self.link(Place::Audit, "/console/audit", "Audit"))
                            }
                        } }
                        form.who method="post" action="/console/logout" {
                            (token(self.visitor))
                            span.name title="The credential that you logged in with" { (self.visitor.principal.name) }
                            button.quiet type="submit" { "Log out" }
                        }
                    }
                }
                main #main tabindex="-1" { (main) }
                p #ended .ended role="alert" hidden { }
                footer { p { "Ringback " (env!("CARGO_PKG_VERSION")) " · times are in UTC" } }
            }
        };
        answer(status, document(self.title, &page))
    }

    fn link(&self, place: Place, to: &str, text: &str) -> Markup {
        let current = (self.place == place).then_some("page");
        html! { li { a href=(to) aria-current=[current] { (text) } } }
    }
}

/// A page for somebody who has not logged in.
pub(super) fn outside(status: StatusCode, title: &str, main: &Markup) -> Response {
    let page = html! {
        body.outside {
            main #main tabindex="-1" { (main) }
        }
    };
    answer(status, document(title, &page))
}

/// What shows that a form is of the visitor's session.
pub(super) fn token(visitor: &Visitor) -> Markup {
    html! { input type="hidden" name=(TOKEN_FIELD) value=(visitor.form_token); }
}

/// The mark.
pub(super) fn mark() -> Markup {
    html! {
        svg.mark viewBox="0 0 24 24" aria-hidden="true" {
            path d="M4 12a8 8 0 0 1 13.7-5.6" fill="none" stroke="currentColor" stroke-width="2.4" stroke-linecap="round" {}
            path d="M20 12a8 8 0 0 1-13.7 5.6" fill="none" stroke="currentColor" stroke-width="2.4" stroke-linecap="round" {}
            path d="M18.4 2.6v4.6h-4.6" fill="none" stroke="currentColor" stroke-width="2.4" stroke-linecap="round" stroke-linejoin="round" {}
            circle cx="12" cy="12" r="2.6" fill="currentColor" {}
        }
    }
}

fn document(title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                title { (title) " · Ringback" }
                link rel="stylesheet" href=(assets::STYLE.path());
                link rel="icon" type="image/svg+xml" href=(assets::ICON.path());
                script src=(assets::SCRIPT.path()) defer {}
            }
            (body)
        }
    }
}

fn answer(status: StatusCode, page: Markup) -> Response {
    let mut response = Response::new(Body::from(page.into_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HTML);
    response
}
