//! What was done, by which credential.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use ringback_delivery::Timestamp;
use ringback_store::KeptAct;
use serde::Deserialize;

use super::address::Asking;
use super::page::{Page, Place};
use super::visitor::Visitor;
use super::{Console, address, refused, when};
use crate::api::Refusal;

/// Acts on a page.
const PAGE: usize = 100;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    before: Option<i64>,
}

/// The page; for those who run the whole service.
pub(super) async fn list(
    State(console): State<Console>,
    visitor: Visitor,
    asking: Asking<Asked>,
) -> Response {
    if !visitor.sees_everything() {
        return refused::missing(&visitor);
    }
    let asked = address::asked(asking);
    let page = Page { visitor: &visitor, place: Place::Audit, title: "Audit", refresh: None };
    match console.0.api.store.acts(None, asked.before, PAGE).await.map_err(Refusal::from) {
        Ok(acts) => page.with(&render(&acts, console.now())),
        Err(refusal) => refused::by(&visitor, &refusal),
    }
}

fn render(acts: &[KeptAct], now: Timestamp) -> Markup {
    html! {
        h1 { "Audit" }
        section.card aria-labelledby="acts-title" {
            h2 #acts-title { "What was done, the newest first" }
            @if acts.is_empty() {
                p.empty { "Nothing was done yet." }
            } @else {
                div.scroll { table.stacked {
                    caption.hidden { "What was done, by which credential" }
                    thead { tr {
                        th scope="col" { "When" }
                        th scope="col" { "Credential" }
                        th scope="col" { "Account" }
                        th.wide scope="col" { "What" }
                    } }
                    tbody {
                        @for KeptAct { act, .. } in acts { tr {
                            td.when { (when::clock(act.at, now)) }
                            th scope="row" { (act.by) }
                            @match act.account {
                                Some(account) => {
                                    td data-label="Account" { a.name href={ "/console/accounts/" (account) } { (account) } }
                                }
                                None => { td.none { "–" } }
                            }
                            td.wide { (act.what) }
                        } }
                    }
                } }
                @if acts.len() == PAGE && let Some(last) = acts.last() {
                    p.next { a href={ "/console/audit?before=" (last.number) } { "Older ones" } }
                }
            }
            p.remark { "The log has them all, with the target audit; it alone has the log-ins that failed." }
        }
    }
}

/// A few of them, in one column.
pub(super) fn short(acts: &[KeptAct], now: Timestamp) -> Markup {
    html! {
        ul.done { @for KeptAct { act, .. } in acts {
            li { strong { (act.by) } " " (act.what) " " span.muted { (when::ago(act.at, now)) } }
        } }
    }
}
