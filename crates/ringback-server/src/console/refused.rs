//! Pages that say no.

use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use maud::{Markup, html};

use super::page::{self, Page, Place};
use super::visitor::Visitor;
use crate::api::Refusal;

/// What the API said no to.
pub(super) fn by(visitor: &Visitor, refusal: &Refusal) -> Response {
    if refusal.status == StatusCode::NOT_FOUND {
        return missing(visitor);
    }
    because(visitor, refusal.status, &refusal.message)
}

/// What is not there, or not the visitor's: nobody can tell which.
pub(super) fn missing(visitor: &Visitor) -> Response {
    because(visitor, StatusCode::NOT_FOUND, "There is nothing here, or it is not yours to see.")
}

/// Anything else.
pub(super) fn because(visitor: &Visitor, status: StatusCode, message: &str) -> Response {
    let title = title(status);
    let page = Page { visitor, place: Place::Else, title, refresh: None };
    page.answer(status, &said(title, message))
}

/// For somebody who has not logged in.
pub(super) fn bare(refusal: &Refusal) -> Response {
    let title = title(refusal.status);
    page::outside(refusal.status, title, &said(title, &refusal.message))
}

/// For an address that no page has, whoever asks.
pub(super) async fn nowhere() -> Response {
    let title = title(StatusCode::NOT_FOUND);
    let main = said(title, "The console has no page at this address.");
    page::outside(StatusCode::NOT_FOUND, title, &main).into_response()
}

fn said(title: &str, message: &str) -> Markup {
    html! {
        section.card.notice {
            h1 { (title) }
            p { (message) }
            p { a href="/console" { "To the overview" } }
        }
    }
}

fn title(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => "Not found",
        StatusCode::FORBIDDEN => "Not allowed",
        StatusCode::TOO_MANY_REQUESTS => "Not so fast",
        StatusCode::SERVICE_UNAVAILABLE => "Not available right now",
        status if status.is_server_error() => "This went wrong",
        _ => "That was not possible",
    }
}
