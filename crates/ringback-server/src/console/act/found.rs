//! What was found at an endpoint.

use maud::{Markup, html};
use ringback_wire::api::{CheckAnswer, PingAnswer};

use crate::console::badge::{self, Mood};
use crate::console::when;

pub(super) fn check_result(found: &CheckAnswer) -> Markup {
    html! {
        (outcome(found.ok, found.status))
        dl.facts {
            @if let Some(addresses) = &found.dns { dt { "Addresses" } dd { (addresses.join(", ")) } }
            @if let Some(class) = &found.address_class { dt { "Class" } dd { (class) } }
            @if let Some(policy) = &found.policy { dt { "Egress policy" } dd { (policy) } }
            @if let Some(tls) = &found.tls { dt { "TLS" } dd { (tls) } }
            @if let Some(error) = &found.error { dt { "Error" } dd { (error) } }
            dt { "Took" } dd { (when::took(found.duration_ms)) }
        }
        @if found.ok { p { "What waited is due now." } }
    }
}

pub(super) fn ping_result(found: &PingAnswer) -> Markup {
    html! {
        (outcome(found.ok, found.status))
        dl.facts {
            dt { "Id" } dd.long { (found.id) }
            @if let Some(error) = &found.error { dt { "Error" } dd { (error) } }
            dt { "Took" } dd { (when::took(found.duration_ms)) }
        }
    }
}

fn outcome(ok: bool, status: Option<u16>) -> Markup {
    let mood = if ok { Mood::Good } else { Mood::Bad };
    match status {
        Some(status) => html! { p.outcome { (badge::badge(mood, &format!("answered {status}"))) } },
        None => html! { p.outcome { (badge::badge(mood, "no answer")) } },
    }
}
