//! This node and the others, where several share the store: who serves, and who was not heard of.

use maud::{Markup, html};
use ringback_delivery::Timestamp;
use ringback_store::Node;

use super::badge::{self, Mood};
use super::{when, words};

/// A table of them.
pub(super) fn table(nodes: &[Node], now: Timestamp) -> Markup {
    html! {
        div.scroll { table.stacked {
            caption.hidden { "The nodes that share the store" }
            thead { tr {
                th scope="col" { "Node" }
                th scope="col" { "State" }
                th.number scope="col" { "Shards" }
                th scope="col" { "Last heartbeat" }
                th scope="col" { "Hears the others" }
                th scope="col" { "Version" }
                th scope="col" { "Up for" }
            } }
            tbody { @for node in nodes { tr {
                th scope="row" { (node.name) @if node.is_this { span.muted { " (this one)" } } }
                td.state { (state(node)) }
                td.number data-label="Shards" { (words::count(node.shards)) }
                td data-label="Last heartbeat" {
                    @match node.beat_at { Some(at) => { (when::ago(at, now)) } None => { "unknown" } }
                }
                td data-label="Hears the others" {
                    @match node.is_listening {
                        Some(true) => { "at once" }
                        Some(false) => { "by asking" }
                        None => { "unknown" }
                    }
                }
                td data-label="Version" { (node.release) }
                td data-label="Up for" { @if node.is_alive { (when::lasting(node.started_at, now)) } @else { "–" } }
            } } }
        } }
    }
}

fn state(node: &Node) -> Markup {
    match node {
        Node { is_alive: false, .. } => badge::badge(Mood::Bad, "not heard of"),
        Node { is_leaving: true, .. } => badge::badge(Mood::Quiet, "leaving"),
        _ => badge::badge(Mood::Good, "serving"),
    }
}
