//! One account: what its lane says and why, where its messages go, the last hour, recent messages, and what can be done.

use axum::extract::{Path, State};
use axum::response::Response;
use maud::{Markup, html};
use ringback_delivery::{AccountId, Timestamp};
use ringback_store::KeptAct;
use ringback_wire::api::{AccountView, LaneState, MessageList};
use serde::Deserialize;

use super::act::{self, ActName};
use super::address::Asking;
use super::page::{Page, Place};
use super::visitor::Visitor;
use super::{Console, accounts, address, audit, charts, messages, refused, when, words};
use crate::api::Refusal;

/// Recent messages that are shown.
const MESSAGES: usize = 10;
/// Acts that are shown.
const ACTS: usize = 5;
/// How often the page looks again, in seconds.
const REFRESH: u32 = 3;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    /// What was just done.
    #[serde(default)]
    did: String,
    /// To how many messages.
    #[serde(default)]
    count: u64,
}

/// The page.
pub(super) async fn show(
    State(console): State<Console>,
    visitor: Visitor,
    Path(name): Path<String>,
    asking: Asking<Asked>,
) -> Response {
    let asked = address::asked(asking);
    let Ok(account) = name.parse::<AccountId>() else { return refused::missing(&visitor) };
    let page = Page { visitor: &visitor, place: Place::Accounts, title: &name, refresh: Some(REFRESH) };
    match read(&console, &visitor, account).await {
        Ok(seen) => page.with(&seen.render(&console, &visitor, &asked)),
        Err(refusal) => refused::by(&visitor, &refusal),
    }
}

struct Seen {
    account: AccountId,
    view: AccountView,
    recent: MessageList,
    acts: Vec<KeptAct>,
    now: Timestamp,
}

/// An account as the API shows it.
pub(super) async fn view(
    console: &Console,
    visitor: &Visitor,
    account: AccountId,
) -> Result<AccountView, Refusal> {
    console.0.inside.get(&visitor.principal, &format!("/api/ringback/v1/accounts/{account}")).await
}

async fn read(console: &Console, visitor: &Visitor, account: AccountId) -> Result<Seen, Refusal> {
    let view = view(console, visitor, account).await?;
    let path = format!("/api/ringback/v1/messages?account={account}&limit={MESSAGES}");
    let recent = console.0.inside.get(&visitor.principal, &path).await?;
    let acts = if visitor.principal.scopes().operate {
        console.0.api.store.acts(Some(account), None, ACTS).await?
    } else {
        Vec::new()
    };
    Ok(Seen { account, view, recent, acts, now: console.now() })
}

impl Seen {
    fn render(&self, console: &Console, visitor: &Visitor, asked: &Asked) -> Markup {
        let Self { account, view, now, .. } = self;
        html! {
            p.path { a href="/console/accounts" { "Accounts" } }
            @if let Some(said) = act::said(&asked.did, asked.count) { p.said role="status" { (said) } }
            section #lane .headline data-part aria-live="polite" {
                div {
                    h1.name { (view.account) " " (accounts::state(view)) }
                    p.sentence { (when::in_sentence(&words::capital(&view.lane), *now)) "." }
                    @if let Some(error) = accounts::further_error(view) {
                        p.error { "The message that waits the longest failed last with: " (error) }
                    }
                }
            }
            section #counts data-part aria-label="Its messages" { (self.counts()) }
            div.pair.aside {
                div {
                    section #hour data-part aria-label="The last hour" { (charts::of_account(console, *account)) }
                    section #recent .card data-part aria-labelledby="recent-title" {
                        h2 #recent-title { "Recent messages" }
                        @if self.recent.messages.is_empty() {
                            p.empty { "None yet, or none that is kept." }
                        } @else {
                            (messages::table("Its recent messages, the newest first", &self.recent.messages, false, *now))
                            p.next { a href={ "/console/messages?account=" (account) } { "All of its messages" } }
                        }
                    }
                }
                div {
                    section.card aria-labelledby="acts-title" {
                        h2 #acts-title { "What you can do" }
                        (self.acts_offered(visitor))
                    }
                    section #registration .card data-part aria-labelledby="registration-title" {
                        h2 #registration-title { "Registration" }
                        (self.registration())
                    }
                    @if !self.acts.is_empty() {
                        section #done .card data-part aria-labelledby="done-title" {
                            h2 #done-title { "What was done" }
                            (audit::short(&self.acts, *now))
                        }
                    }
                }
            }
        }
    }

    fn counts(&self) -> Markup {
        let counts = &self.view.counts;
        let messages = |state: &str| format!("/console/messages?account={}&state={state}", self.account);
        let linked = |term: &str, count: u64, state: &str| {
            html! { div { dt { (term) } dd { a href=(messages(state)) { (words::count(count)) } } } }
        };
        html! {
            dl.figures {
                (linked("Pending", counts.pending, "pending"))
                div {
                    dt { "Oldest pending" }
                    dd {
                        @match &self.view.oldest_pending_at {
                            Some(since) => { (when::lasting_text(since, self.now)) }
                            None => { "–" }
                        }
                    }
                }
                (linked("Dead", counts.dead, "dead"))
                (linked("Delivered", counts.delivered, "delivered"))
                (linked("Cancelled", counts.cancelled, "cancelled"))
                div { dt { "Accepted" } dd { (words::count(counts.accepted)) } }
            }
        }
    }

    fn registration(&self) -> Markup {
        html! {
            @if let Some(registration) = &self.view.registration {
                dl.facts {
                    dt { "URL" } dd.long { (registration.url) }
                    dt { "User name" } dd.long { (registration.username.as_deref().unwrap_or("none")) }
                    dt { "Password" } dd { "never shown" }
                    dt { "Registered" } dd { (when::ago_text(&registration.registered_at, self.now)) }
                }
            } @else {
                p.empty { "Nothing is registered." }
            }
            p.remark { "Pull is " @if self.view.pull { "on" } @else { "off" } "." }
        }
    }

    fn acts_offered(&self, visitor: &Visitor) -> Markup {
        let scopes = visitor.principal.scopes();
        let registered = self.view.registration.is_some();
        let paused = self.view.state == LaneState::Paused;
        let offered = |name: ActName| match name {
            ActName::Check | ActName::Ping | ActName::Replay => registered,
            ActName::Pause => scopes.operate && registered && !paused,
            ActName::Resume => scopes.operate && registered && self.view.state != LaneState::Active,
            ActName::Register => scopes.callbacks,
            ActName::Restore => registered,
            ActName::Deregister => scopes.callbacks && registered,
        };
        html! {
            ul.acts {
                @for name in ActName::ALL.into_iter().filter(|name| offered(*name)) {
                    li { a href={ "/console/accounts/" (self.account) "/" (name.as_str()) } {
                        strong { (name.title()) "…" }
                        span { (name.hint()) }
                    } }
                }
            }
        }
    }
}
