//! Accounts: those in trouble, those that have waited the longest, and any by the beginning of its name.

use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use http::StatusCode;
use maud::{Markup, html};
use ringback_delivery::{AccountId, Timestamp};
use ringback_wire::api::{AccountList, AccountView, LaneState};
use serde::Deserialize;

use super::address::Asking;
use super::badge::{self, Mood};
use super::page::{Page, Place};
use super::visitor::Visitor;
use super::{Console, address, refused, totals, when, words};
use crate::api::Refusal;

/// Accounts in trouble that are shown.
const IN_TROUBLE: usize = 100;
/// Accounts that have waited long and are shown beside.
const WAITING: usize = 20;
/// Accounts on a page of the list by name.
const BY_NAME: usize = 50;
/// How often the page looks again, in seconds.
const REFRESH: u32 = 10;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    prefix: String,
    #[serde(default)]
    all: bool,
    #[serde(default)]
    cursor: String,
}

/// The page.
pub(super) async fn list(
    State(console): State<Console>,
    visitor: Visitor,
    asking: Asking<Asked>,
) -> Response {
    let asked = address::asked(asking);
    let prefix = asked.prefix.trim();
    // A whole name leads straight there.
    if let Ok(account) = prefix.parse::<AccountId>() {
        return Redirect::to(&format!("/console/accounts/{account}")).into_response();
    }
    let by_name = asked.all || !prefix.is_empty();
    let refresh = (!by_name).then_some(REFRESH);
    let page = Page { visitor: &visitor, place: Place::Accounts, title: "Accounts", refresh };
    let (found, problem) = if by_name {
        match read_by_name(&console, &visitor, prefix, &asked.cursor).await {
            Ok(found) => (by_name_section(&found, prefix, console.now()), None),
            Err(refusal) if refusal.status == StatusCode::BAD_REQUEST => (html! {}, Some(refusal.message)),
            Err(refusal) => return refused::by(&visitor, &refusal),
        }
    } else {
        match read_by_trouble(&console, &visitor).await {
            Ok(found) => (found, None),
            Err(refusal) => return refused::by(&visitor, &refusal),
        }
    };
    page.with(&html! {
        h1 { "Accounts" }
        form.search method="get" action="/console/accounts" role="search" {
            label for="prefix" { "Find an account by the beginning of its name" }
            div.row {
                input #prefix name="prefix" value=(prefix) inputmode="numeric" placeholder="0252012345-00001"
                    autocomplete="off" spellcheck="false" aria-describedby=[problem.as_ref().map(|_| "problem")];
                button.main type="submit" { "Find" }
            }
            @if let Some(problem) = &problem { p #problem .problem role="alert" { (problem) } }
        }
        ul.tabs aria-label="Which accounts" {
            li { a href="/console/accounts" aria-current=[(!by_name).then_some("page")] { "By trouble" } }
            li { a href="/console/accounts?all=true" aria-current=[by_name.then_some("page")] { "By name" } }
        }
        (found)
    })
}

async fn read_by_name(
    console: &Console,
    visitor: &Visitor,
    prefix: &str,
    cursor: &str,
) -> Result<AccountList, Refusal> {
    let limit = BY_NAME.to_string();
    let query = address::query([("limit", limit.as_str()), ("prefix", prefix), ("cursor", cursor)]);
    let path = format!("/api/ringback/v1/accounts?{query}");
    console.0.inside.get(&visitor.principal, &path).await
}

fn by_name_section(found: &AccountList, prefix: &str, now: Timestamp) -> Markup {
    html! {
        section.card aria-labelledby="found" {
            h2 #found { @if prefix.is_empty() { "By name" } @else { "Accounts that begin with " (prefix) } }
            @if found.accounts.is_empty() {
                p.empty { "None." }
            } @else {
                (table("Accounts by name", &found.accounts, now))
            }
            @if let Some(next) = &found.next {
                @let query = address::query([("all", "true"), ("prefix", prefix), ("cursor", next)]);
                p.next { a href={ "/console/accounts?" (query) } { "Next page" } }
            }
        }
    }
}

async fn read_by_trouble(console: &Console, visitor: &Visitor) -> Result<Markup, Refusal> {
    let (principal, now) = (&visitor.principal, console.now());
    let path = format!("/api/ringback/v1/accounts?sort=trouble&limit={IN_TROUBLE}");
    let troubled: AccountList = console.0.inside.get(principal, &path).await?;
    let total = totals::of(console, principal.reach()).await?;
    let mut waiting: Vec<AccountView> = Vec::new();
    for (account, _) in total.iter().flat_map(|total| &total.tally.waiting) {
        if waiting.len() == WAITING {
            break;
        }
        let name = account.to_string();
        if troubled.accounts.iter().all(|view| view.account != name) {
            let view: AccountView =
                console.0.inside.get(principal, &format!("/api/ringback/v1/accounts/{name}")).await?;
            // It may have been delivered since it was counted.
            waiting.extend(Some(view).filter(|view| view.counts.pending > 0));
        }
    }
    Ok(html! {
        section #trouble .card data-part aria-labelledby="trouble-title" {
            h2 #trouble-title { "In trouble" }
            @if troubled.accounts.is_empty() {
                p.empty { (badge::shape(Mood::Good)) "Nothing ails any account." }
            } @else {
                (table("Accounts in trouble, the worst first", &troubled.accounts, now))
            }
            @if troubled.accounts.len() == IN_TROUBLE {
                p.remark { "The worst " (IN_TROUBLE) " are shown." }
            }
        }
        section #waiting .card data-part aria-labelledby="waiting-title" {
            h2 #waiting-title { "Waiting the longest" }
            @if waiting.is_empty() {
                p.empty { "No message of any other account waits." }
            } @else {
                (table("Other accounts with pending messages, the oldest first", &waiting, now))
            }
        }
    })
}

/// A table of accounts.
pub(super) fn table(caption: &str, accounts: &[AccountView], now: Timestamp) -> Markup {
    html! {
        div.scroll { table.accounts {
            caption.hidden { (caption) }
            thead { tr {
                th scope="col" { "Account" }
                th scope="col" { "State" }
                th.wide scope="col" { "What it says" }
                th.number scope="col" { "Pending" }
                th.number scope="col" { "Dead" }
                th.number scope="col" { "Delivered" }
            } }
            tbody {
                @for account in accounts { tr {
                    th scope="row" { a.name href={ "/console/accounts/" (account.account) } { (account.account) } }
                    td { (state(account)) }
                    td.wide {
                        (when::in_sentence(&words::capital(&account.lane), now))
                        @if let Some(error) = further_error(account) {
                            span.error { "Last error: " (error) }
                        }
                    }
                    td.number { (words::count(account.counts.pending)) }
                    td.number.bad[account.counts.dead > 0] { (words::count(account.counts.dead)) }
                    td.number { (words::count(account.counts.delivered)) }
                } }
            }
        } }
    }
}

/// The last error, where the sentence does not say it already.
pub(super) fn further_error(account: &AccountView) -> Option<&str> {
    let told = account.state == LaneState::Suspended;
    account.last_error.as_deref().filter(|error| !told && !account.lane.contains(error))
}

/// An account's state: of an open lane with an error, that it retries.
pub(super) fn state(account: &AccountView) -> Markup {
    let failed = account.last_error.is_some() || account.lane.starts_with("open, but");
    if account.state == LaneState::Active && failed {
        return badge::badge(Mood::Wary, "retrying");
    }
    badge::lane(&account.state)
}
