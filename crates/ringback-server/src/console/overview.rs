//! Whether callbacks arrive, and for whom they don't.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use ringback_delivery::Timestamp;
use ringback_store::{Counts, Node, StoreSize, Tally};
use ringback_wire::api::{AccountList, AccountView, LaneState};

use super::badge::{self, Mood};
use super::page::{Page, Place};
use super::visitor::Visitor;
use super::{Console, accounts, charts, nodes, refused, totals, when, words};
use crate::api::Refusal;
use crate::metrics::Total;

/// Accounts in trouble that are shown.
const SHOWN: usize = 20;
/// How often the page looks again, in seconds.
const REFRESH: u32 = 5;

/// The page.
pub(super) async fn show(State(console): State<Console>, visitor: Visitor) -> Response {
    let page = Page { visitor: &visitor, place: Place::Overview, title: "Overview", refresh: Some(REFRESH) };
    match read(&console, &visitor).await {
        Ok(seen) => page.with(&seen.render(&visitor, &console)),
        Err(refusal) => refused::by(&visitor, &refusal),
    }
}

struct Seen {
    now: Timestamp,
    troubled: AccountList,
    total: Option<std::sync::Arc<Total>>,
    service: Option<Service>,
}

/// What only those see who run the service.
struct Service {
    reasons: Vec<String>,
    size: StoreSize,
    /// All that share the store; none where it is not shared.
    nodes: Vec<Node>,
}

async fn read(console: &Console, visitor: &Visitor) -> Result<Seen, Refusal> {
    let (api, principal) = (&console.0.api, &visitor.principal);
    let now = console.now();
    let path = format!("/api/ringback/v1/accounts?sort=trouble&limit={}", SHOWN + 1);
    let troubled = console.0.inside.get(principal, &path).await?;
    let total = totals::of(console, principal.reach()).await?;
    let service = if visitor.sees_everything() {
        let reasons = api.readiness.reasons_against().await;
        Some(Service { reasons, size: api.store.size().await?, nodes: api.store.nodes().await? })
    } else {
        None
    };
    Ok(Seen { now, troubled, total, service })
}

impl Seen {
    fn render(&self, visitor: &Visitor, console: &Console) -> Markup {
        html! {
            section #headline .headline data-part aria-live="polite" { (self.headline()) }
            section #figures data-part aria-label="Key figures" { (self.figures()) }
            section #charts .pair data-part aria-label="Per minute" { (charts::of_service(console, visitor)) }
            section #trouble .card data-part aria-labelledby="trouble-title" { (self.trouble()) }
            @if let Some(Service { nodes, .. }) = self.service.as_ref().filter(|service| !service.nodes.is_empty()) {
                section #nodes .card data-part aria-labelledby="nodes-title" {
                    h2 #nodes-title { "This node and the others" }
                    (nodes::table(nodes, self.now))
                }
            }
            div.pair {
                section #ledger .card data-part aria-labelledby="ledger-title" { (self.ledger()) }
                @if let Some(service) = &self.service {
                    section #store .card data-part aria-labelledby="store-title" {
                        (service.render(console, self.now))
                    }
                }
            }
        }
    }

    fn headline(&self) -> Markup {
        let not_ready = self.service.as_ref().is_some_and(|service| !service.reasons.is_empty());
        let closed = self.closed();
        let dead = self.tally().map_or(0, |tally| tally.counts.dead);
        let (mood, title) = match closed {
            _ if not_ready => (Mood::Bad, "The service can't do its work".to_owned()),
            0 => (Mood::Good, "Callbacks arrive".to_owned()),
            many => (
                Mood::Bad,
                format!("Callbacks don't arrive for {}", words::many(many, "account", "accounts")),
            ),
        };
        let waiting = match self.tally() {
            Some(tally) if tally.counts.pending > 0 => {
                words::many(tally.counts.pending, "message waits", "messages wait")
            }
            Some(_) => "Nothing waits".to_owned(),
            None => "The accounts are being added up".to_owned(),
        };
        html! {
            span.sign { (badge::shape(mood)) }
            div {
                h1 { (title) }
                p.muted {
                    (waiting)
                    @if dead > 0 { "; " (words::many(dead, "dead message", "dead messages")) " can be sent again" }
                    "."
                }
            }
        }
    }

    /// How many accounts' callbacks are held back by their endpoints. Those that are listed are as of now; where there
    /// are more than are listed, the sum knows better.
    fn closed(&self) -> u64 {
        let closed = |view: &&AccountView| matches!(view.state, LaneState::Hold | LaneState::Suspended);
        let listed = self.troubled.accounts.iter().filter(closed).count() as u64;
        match self.tally() {
            Some(tally) if self.troubled.accounts.len() > SHOWN => {
                listed.max(tally.lanes.on_hold + tally.lanes.suspended)
            }
            _ => listed,
        }
    }

    fn tally(&self) -> Option<&Tally> {
        self.total.as_ref().map(|total| &total.tally)
    }

    fn figures(&self) -> Markup {
        let Some(tally) = self.tally() else {
            return html! { p.muted { "So many accounts take a moment to add up." } };
        };
        let oldest = tally.waiting.first();
        html! {
            dl.figures {
                (figure("Pending", &words::count(tally.counts.pending), None))
                div {
                    dt { "Oldest pending" }
                    @if let Some((account, since)) = oldest {
                        dd { (when::lasting(*since, self.now)) }
                        dd.of { a href={ "/console/accounts/" (account) } { (account) } }
                    } @else {
                        dd { "–" }
                    }
                }
                (figure("On hold", &words::count(tally.lanes.on_hold), (tally.lanes.on_hold > 0).then_some(Mood::Bad)))
                (figure("Suspended", &words::count(tally.lanes.suspended), (tally.lanes.suspended > 0).then_some(Mood::Bad)))
                (figure("Paused", &words::count(tally.lanes.paused), (tally.lanes.paused > 0).then_some(Mood::Held)))
                (figure("Dead", &words::count(tally.counts.dead), (tally.counts.dead > 0).then_some(Mood::Bad)))
                (figure("Accounts", &words::count(tally.accounts), None))
            }
        }
    }

    fn trouble(&self) -> Markup {
        let (shown, more) = match self.troubled.accounts.get(..SHOWN) {
            Some(shown) if self.troubled.accounts.len() > SHOWN => (shown, true),
            _ => (self.troubled.accounts.as_slice(), false),
        };
        html! {
            h2 #trouble-title { "In trouble" }
            @if shown.is_empty() {
                p.empty { (badge::shape(Mood::Good)) "Nothing ails any account." }
            } @else {
                (accounts::table("Accounts in trouble, the worst first", shown, self.now))
            }
            @if more { p { a href="/console/accounts" { "More accounts in trouble" } } }
        }
    }

    fn ledger(&self) -> Markup {
        let row = |term: &str, kept: u64, dropped: u64| {
            html! { tr {
                th scope="row" { (term) }
                td.number { (words::count(kept + dropped)) }
                td.number.muted { (words::count(kept)) }
            } }
        };
        html! {
            div.row.between {
                h2 #ledger-title { "Ledger" }
                @if let Some(total) = &self.total { (books(&total.tally.counts)) }
            }
            @if let Some(total) = &self.total {
                @let counts = &total.tally.counts;
                div.scroll { table.ledger {
                    caption.hidden { "What became of all that was accepted" }
                    thead { tr {
                        th scope="col" { "Messages" }
                        th.number scope="col" { "Ever" }
                        th.number scope="col" { "Kept" }
                    } }
                    tbody {
                        (row("Delivered", counts.delivered, counts.dropped_delivered))
                        (row("Pending", counts.pending, 0))
                        (row("Dead", counts.dead, counts.dropped_dead))
                        (row("Cancelled", counts.cancelled, counts.dropped_cancelled))
                    }
                    tfoot { tr {
                        th scope="row" { "Accepted" }
                        td.number { (words::count(counts.accepted)) }
                        td {}
                    } }
                } }
                p.remark { "As of " (when::clock(total.at, self.now)) "." }
            } @else {
                p.muted { "The accounts are being added up." }
            }
        }
    }
}

/// Whether accepted = delivered + pending + dead + cancelled.
fn books(counts: &Counts) -> Markup {
    let finished = counts.delivered + counts.dead + counts.cancelled;
    let dropped = counts.dropped_delivered + counts.dropped_dead + counts.dropped_cancelled;
    if counts.accepted == counts.pending + finished + dropped {
        badge::badge(Mood::Good, "adds up")
    } else {
        badge::badge(Mood::Bad, "does not add up: run ringback verify")
    }
}

fn figure(term: &str, value: &str, mood: Option<Mood>) -> Markup {
    html! {
        div {
            dt { (term) }
            dd { @if let Some(mood) = mood { (badge::shape(mood)) } (value) }
        }
    }
}

impl Service {
    fn render(&self, console: &Console, now: Timestamp) -> Markup {
        let started = console.0.live.since();
        html! {
            h2 #store-title { "This node" }
            dl.facts {
                dt { "State" }
                dd {
                    @if self.reasons.is_empty() {
                        (badge::badge(Mood::Good, "ready"))
                    } @else {
                        (badge::badge(Mood::Bad, "not ready"))
                        @for reason in &self.reasons { " " (reason) "." }
                    }
                }
                dt { "Version" } dd { (env!("CARGO_PKG_VERSION")) }
                dt { "Up for" } dd { (when::lasting(started, now)) }
                dt { "Store" } dd {
                    (words::bytes(self.size.bytes))
                    @if let Some(free) = self.size.free_bytes { ", " (words::bytes(free)) " free" }
                }
                dt { "Commits" } dd { (words::count(self.size.commits)) " since the start" }
            }
        }
    }
}
