//! Messages: filtered by account, state, type and time, and within an account by upgrade and device.

use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::StatusCode;
use maud::{Markup, html};
use ringback_delivery::Timestamp;
use ringback_wire::MessageType;
use ringback_wire::api::{MessageList, MessageState, MessageView, WaitsFor};

use super::page::{Page, Place};
use super::visitor::Visitor;
use super::{Console, address, badge, refused, when, words};
use crate::api::Refusal;

/// Messages on a page.
const PAGE: usize = 50;

/// The page.
pub(super) async fn search(
    State(console): State<Console>,
    visitor: Visitor,
    RawQuery(query): RawQuery,
) -> Response {
    let filter = Filter::read(query.as_deref().unwrap_or_default());
    let page = Page { visitor: &visitor, place: Place::Messages, title: "Messages", refresh: None };
    let now = console.now();
    match filter.find(&console, &visitor).await {
        Ok(found) => page.with(&filter.render(Ok(&found), now)),
        Err(refusal) if refusal.status == StatusCode::BAD_REQUEST => {
            page.answer(refusal.status, &filter.render(Err(&refusal.message), now))
        }
        Err(refusal) => refused::by(&visitor, &refusal),
    }
}

/// What was asked for, as it was typed.
#[derive(Debug, Default)]
struct Filter {
    account: String,
    state: String,
    kind: String,
    since: String,
    until: String,
    upgrade: String,
    device: String,
    cursor: String,
}

impl Filter {
    fn read(query: &str) -> Self {
        let mut filter = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            if let Some(field) = filter.field(&name) {
                *field = value.trim().to_owned();
            }
        }
        filter
    }

    fn field(&mut self, name: &str) -> Option<&mut String> {
        Some(match name {
            "account" => &mut self.account,
            "state" => &mut self.state,
            "type" => &mut self.kind,
            "since" => &mut self.since,
            "until" => &mut self.until,
            "upgradeId" => &mut self.upgrade,
            "device" => &mut self.device,
            "cursor" => &mut self.cursor,
            _ => return None,
        })
    }

    fn pairs(&self) -> [(&'static str, &str); 7] {
        [
            ("account", &self.account),
            ("state", &self.state),
            ("type", &self.kind),
            ("since", &self.since),
            ("until", &self.until),
            ("upgradeId", &self.upgrade),
            ("device", &self.device),
        ]
    }

    async fn find(&self, console: &Console, visitor: &Visitor) -> Result<MessageList, Refusal> {
        let limit = PAGE.to_string();
        let since = when::of_input(&self.since).unwrap_or_else(|| self.since.clone());
        let until = when::of_input(&self.until).unwrap_or_else(|| self.until.clone());
        let pairs = self.pairs().map(|(name, value)| match name {
            "since" => (name, since.as_str()),
            "until" => (name, until.as_str()),
            _ => (name, value),
        });
        let rest = [("cursor", self.cursor.as_str()), ("limit", limit.as_str())];
        let path = format!("/api/ringback/v1/messages?{}", address::query(pairs.into_iter().chain(rest)));
        console.0.inside.get(&visitor.principal, &path).await
    }

    fn render(&self, found: Result<&MessageList, &str>, now: Timestamp) -> Markup {
        html! {
            h1 { "Messages" }
            section.card { (self.form(found.err())) }
            @if let Ok(found) = found {
                section.card aria-labelledby="found" {
                    h2 #found { "Found, the newest first" }
                    @if found.messages.is_empty() {
                        p.empty { "None" @if found.next.is_some() { " so far" } "." }
                    } @else {
                        (table("Messages, the newest first", &found.messages, true, now))
                    }
                    @if let Some(next) = &found.next {
                        p.next { a href={ "/console/messages?" (self.query(next)) } {
                            @if found.messages.is_empty() { "Look further" } @else { "Older ones" }
                        } }
                    }
                }
            }
        }
    }

    fn query(&self, cursor: &str) -> String {
        address::query(self.pairs().into_iter().chain([("cursor", cursor)]))
    }

    fn form(&self, problem: Option<&str>) -> Markup {
        let text = |name: &'static str, label: &'static str, value: &str| {
            html! { div {
                label for=(name) { (label) }
                input #(name) name=(name) value=(value) autocomplete="off" spellcheck="false";
            } }
        };
        let moment = |name: &'static str, label: &'static str, value: &str| {
            html! { div {
                label for=(name) { (label) }
                input #(name) name=(name) type="datetime-local" value=(value);
            } }
        };
        html! {
            @if let Some(problem) = problem { p #problem .problem role="alert" { (problem) } }
            form.filter method="get" action="/console/messages" role="search" {
                (text("account", "Account", &self.account))
                div {
                    label for="state" { "State" }
                    select #state name="state" {
                        option value="" { "any" }
                        @for known in MessageState::ALL {
                            option value=(known.as_str()) selected[known.as_str() == self.state] { (known.as_str()) }
                        }
                    }
                }
                div {
                    label for="type" { "Type" }
                    select #type name="type" {
                        option value="" { "any" }
                        @for known in MessageType::ALL {
                            option value=(known.as_str()) selected[known.as_str() == self.kind] { (known.as_str()) }
                        }
                    }
                }
                (moment("since", "Accepted since (UTC)", &self.since))
                (moment("until", "and before (UTC)", &self.until))
                (text("upgradeId", "Upgrade id, within an account", &self.upgrade))
                (text("device", "Device IMEI, within an account", &self.device))
                div.buttons {
                    button.main type="submit" { "Search" }
                    a.button href="/console/messages" { "Clear" }
                }
            }
        }
    }
}

/// What a message waits for that has no time, in a word or two.
fn waits_for(what: Option<&WaitsFor>) -> &'static str {
    match what {
        Some(WaitsFor::Registration) => "not registered",
        Some(WaitsFor::Resume) => "paused",
        Some(WaitsFor::Probe) => "on hold",
        Some(WaitsFor::Reinstatement) => "suspended",
        Some(WaitsFor::Message) => "behind another",
        _ => "–",
    }
}

/// A table of messages.
pub(super) fn table(caption: &str, messages: &[MessageView], with_account: bool, now: Timestamp) -> Markup {
    html! {
        div.scroll { table.messages {
            caption.hidden { (caption) }
            thead { tr {
                th.number scope="col" { "Number" }
                @if with_account { th scope="col" { "Account" } }
                th scope="col" { "Type" }
                th scope="col" { "State" }
                th scope="col" { "Accepted" }
                th.number scope="col" { "Attempts" }
                th scope="col" { "Ended, or next" }
            } }
            tbody {
                @for message in messages { tr {
                    th.number scope="row" { a href={ "/console/messages/" (message.id) } { (words::count(message.sequence)) } }
                    @if with_account {
                        td.account { a.name href={ "/console/accounts/" (message.account) } { (message.account) } }
                    }
                    td.kind { (message.kind.as_str()) }
                    td.state { (badge::message(message.state)) }
                    td.accepted { (when::ago_text(&message.accepted_at, now)) }
                    td.number.attempts { (message.attempt_count) }
                    td.end {
                        @match (&message.finished_at, &message.next_attempt_at) {
                            (Some(at), _) => { (when::ago_text(at, now)) }
                            (None, Some(at)) => { (when::ago_text(at, now)) }
                            (None, None) => { (waits_for(message.waits_for.as_ref())) }
                        }
                    }
                } }
            }
        } }
    }
}
