//! One message: its life as a timeline, and its body as it is delivered, the password hidden.

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use http::Method;
use maud::{Markup, html};
use ringback_delivery::{AccountId, Sequence, Timestamp, Trouble};
use ringback_wire::api::{
    AccountView, AttemptView, DeathCause, MessageState, MessageView, ReplayAnswer, WaitsFor,
};
use ringback_wire::publish::splice_credentials;
use serde::Deserialize;

use super::address::Asking;
use super::badge::{self, Mood};
use super::form::{self, Form};
use super::page::{self, Page, Place};
use super::visitor::Visitor;
use super::{Console, address, body_text, refused, when, words};
use crate::api::Refusal;

/// How often the page looks again, in seconds, while the message waits.
const REFRESH: u32 = 2;
/// What stands in place of a password.
const HIDDEN: &str = "••••••••";
/// How much of a body is shown, in bytes.
const SHOWN: usize = 64 << 10;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    did: String,
}

/// The page.
pub(super) async fn show(
    State(console): State<Console>,
    visitor: Visitor,
    Path(id): Path<String>,
    asking: Asking<Asked>,
) -> Response {
    let asked = address::asked(asking);
    match read(&console, &visitor, &id).await {
        Ok(seen) => {
            // What waits changes by itself, and what is finished may be sent again by somebody else.
            let refresh =
                Some(if seen.message.state == MessageState::Pending { REFRESH } else { 5 * REFRESH });
            let title = format!("Message {} of {}", seen.message.sequence, seen.message.account);
            let page = Page { visitor: &visitor, place: Place::Messages, title: &title, refresh };
            page.with(&seen.render(&asked))
        }
        Err(refusal) => refused::by(&visitor, &refusal),
    }
}

/// A message by its number in its account, which is all that what happens tells of it.
pub(super) async fn by_sequence(
    State(console): State<Console>,
    visitor: Visitor,
    Path((account, sequence)): Path<(String, u64)>,
) -> Response {
    let Ok(account) = account.parse::<AccountId>() else { return refused::missing(&visitor) };
    if !visitor.principal.reaches(account) || sequence == 0 {
        return refused::missing(&visitor);
    }
    let found = console.0.api.store.reel(account, Sequence(sequence - 1), 1, 1).await;
    match found.map_err(Refusal::from) {
        Ok(reel) => match reel.messages.first().filter(|message| message.id.sequence.0 == sequence) {
            Some(message) => Redirect::to(&format!("/console/messages/{}", message.id)).into_response(),
            None => refused::missing(&visitor),
        },
        Err(refusal) => refused::by(&visitor, &refusal),
    }
}

/// Says what sending it again will touch.
pub(super) async fn ask(
    State(console): State<Console>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Response {
    let page =
        Page { visitor: &visitor, place: Place::Messages, title: "Send a message again", refresh: None };
    match read(&console, &visitor, &id).await {
        Ok(seen) => page.with(&seen.confirm(&visitor)),
        Err(refusal) => refused::by(&visitor, &refusal),
    }
}

/// Sends it again.
pub(super) async fn replay(
    State(console): State<Console>,
    visitor: Visitor,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Response> {
    if !form.is_of(&visitor, &console) {
        return Err(form::stray(&visitor));
    }
    let id = address::segment(&id);
    let path = format!("/api/ringback/v1/messages/{id}/replay");
    let replayed: Result<ReplayAnswer, Refusal> =
        console.0.inside.act(&visitor.principal, Method::POST, &path).await;
    replayed.map_err(|refusal| refused::by(&visitor, &refusal))?;
    Ok(Redirect::to(&format!("/console/messages/{id}?did=replay")).into_response())
}

/// Whether an error says no more than the status, which stands there already.
fn says_only_the_status(error: &str, status: Option<u16>) -> bool {
    status.is_some_and(|status| Trouble::Status(status).to_string() == error)
}

/// What comes next for a message that waits without a time.
fn waits_for(what: Option<&WaitsFor>) -> &'static str {
    match what {
        Some(WaitsFor::Registration) => "Waits for a registration",
        Some(WaitsFor::Resume) => "Waits while its account is paused",
        Some(WaitsFor::Probe) => "Waits for a probe that succeeds",
        Some(WaitsFor::Reinstatement) => "Waits while its account is suspended",
        Some(WaitsFor::Message) => "Waits behind another message",
        _ => "Waits for its turn",
    }
}

struct Seen {
    message: MessageView,
    account: Option<AccountView>,
    now: Timestamp,
}

async fn read(console: &Console, visitor: &Visitor, id: &str) -> Result<Seen, Refusal> {
    let (inside, who) = (&console.0.inside, &visitor.principal);
    let path = format!("/api/ringback/v1/messages/{}", address::segment(id));
    let message: MessageView = inside.get(who, &path).await?;
    let account = inside.get(who, &format!("/api/ringback/v1/accounts/{}", message.account)).await?;
    Ok(Seen { message, account: Some(account), now: console.now() })
}

impl Seen {
    fn render(&self, asked: &Asked) -> Markup {
        let Self { message, now, .. } = self;
        let pending = message.state == MessageState::Pending;
        html! {
            p.path {
                a href="/console/accounts" { "Accounts" } " / "
                a href={ "/console/accounts/" (message.account) } { (message.account) }
            }
            @if asked.did == "replay" { p.said role="status" { "It is being sent again." } }
            section #state .headline data-part aria-live="polite" {
                div {
                    h1 { "Message " (words::count(message.sequence)) " " (badge::message(message.state)) }
                    p.sentence { (self.sentence()) }
                }
            }
            div.pair.aside {
                section #life .card data-part aria-labelledby="life-title" {
                    h2 #life-title { "Its life" }
                    (self.timeline())
                }
                div {
                    section.card aria-labelledby="acts-title" {
                        h2 #acts-title { "What you can do" }
                        ul.acts { li { a href={ "/console/messages/" (message.id) "/replay" } {
                            strong { @if pending { "Try it now…" } @else { "Send it again…" } }
                            span { "Says what it will touch first." }
                        } } }
                    }
                    section.card aria-labelledby="facts-title" {
                        h2 #facts-title { "Facts" }
                        dl.facts {
                            dt { "Account" } dd { a.name href={ "/console/accounts/" (message.account) } { (message.account) } }
                            dt { "Type" } dd { (message.kind.as_str()) }
                            dt { "Accepted" } dd { (when::clock_text(&message.accepted_at, *now)) }
                            dt { "Id" } dd.long { (message.id) }
                            @if let Some(trace) = &message.trace_id { dt { "Trace" } dd.long { (trace) } }
                        }
                    }
                }
            }
            section.card aria-labelledby="body-title" {
                h2 #body-title { "Its body" }
                p.remark { "As it is delivered, but for the password." }
                (self.body())
            }
        }
    }

    fn sentence(&self) -> Markup {
        let Self { message, now, .. } = self;
        let tried = match message.attempt_count {
            0 => "not tried yet".to_owned(),
            1 => "tried once".to_owned(),
            many => format!("tried {many} times"),
        };
        let ended = |word: &str| {
            html! { (word) " " @if let Some(at) = &message.finished_at { (when::ago_text(at, *now)) } ", " (tried) }
        };
        match message.state {
            MessageState::Delivered => html! { (ended("Delivered")) "." },
            MessageState::Dead => html! {
                (ended("Given up"))
                @match message.death_cause {
                    Some(DeathCause::Attempts) => { ": its attempts are used up" }
                    Some(DeathCause::Age) => { ": it grew too old" }
                    None => {}
                }
                "."
            },
            MessageState::Cancelled => html! { (ended("Cancelled")) "." },
            MessageState::Pending => html! {
                "Waiting since " (when::clock_text(&message.accepted_at, *now)) ", " (tried)
                @if let Some(waiting) = &message.waiting { ": " (when::in_sentence(waiting, *now)) }
                "."
            },
        }
    }

    fn timeline(&self) -> Markup {
        let Self { message, now, .. } = self;
        let attempts = message.attempts.as_deref().unwrap_or_default();
        let forgotten = u64::from(message.attempt_count).saturating_sub(attempts.len() as u64);
        html! {
            ol.timeline {
                li { (badge::shape(Mood::Quiet)) div.what {
                    strong { "Accepted" } " " (when::clock_text(&message.accepted_at, *now))
                } }
                @if forgotten > 0 {
                    li { (badge::shape(Mood::Quiet)) div.what.muted {
                        (words::many(forgotten, "earlier attempt is", "earlier attempts are")) " not kept."
                    } }
                }
                @for attempt in attempts { (self.attempt(attempt)) }
                (self.end())
            }
        }
    }

    fn attempt(&self, attempt: &AttemptView) -> Markup {
        let good =
            attempt.error.is_none() && attempt.status.is_some_and(|status| (200..300).contains(&status));
        let mood = if good { Mood::Good } else { Mood::Bad };
        html! {
            li { (badge::shape(mood)) div.what {
                strong { "Attempt " (attempt.attempt) } " " (when::clock_text(&attempt.started_at, self.now))
                div {
                    @match attempt.status {
                        Some(status) => { "answered " strong { (status) } }
                        None => { "no answer" }
                    }
                    " after " (when::took(attempt.duration_ms))
                }
                @if let Some(error) = attempt.error.as_ref().filter(|error| !says_only_the_status(error, attempt.status)) {
                    div.error { (error) }
                }
                @if let Some(excerpt) = &attempt.excerpt {
                    details { summary { "What it answered" } pre.excerpt tabindex="0" { (excerpt) } }
                }
            } }
        }
    }

    fn end(&self) -> Markup {
        let Self { message, now, .. } = self;
        let (mood, word, at) = match message.state {
            MessageState::Pending => match &message.next_attempt_at {
                Some(at) => (Mood::Waiting, "Next attempt", Some(at)),
                None => (Mood::Waiting, waits_for(message.waits_for.as_ref()), None),
            },
            MessageState::Delivered => (Mood::Good, "Delivered", message.finished_at.as_ref()),
            MessageState::Dead => (Mood::Bad, "Given up", message.finished_at.as_ref()),
            MessageState::Cancelled => (Mood::Quiet, "Cancelled", message.finished_at.as_ref()),
        };
        html! {
            li { (badge::shape(mood)) div.what {
                strong { (word) }
                @if let Some(at) = at {
                    " " @if message.state == MessageState::Pending { (when::ago_text(at, *now)) } @else { (when::clock_text(at, *now)) }
                }
                @if let Some(before) = &message.waits_behind {
                    div { a href={ "/console/messages/" (before) } { "The message that goes first" } }
                }
            } }
        }
    }

    fn body(&self) -> Markup {
        let Some(body) = &self.message.message else {
            return html! { p.empty { "It is not kept any more." } };
        };
        let registration = self.account.as_ref().and_then(|account| account.registration.as_ref());
        let username = registration.and_then(|registration| registration.username.as_deref()).unwrap_or("");
        let whole = splice_credentials(body.get().as_bytes(), username, HIDDEN);
        let text = body_text::broken(&String::from_utf8_lossy(&whole));
        let mut end = text.len().min(SHOWN);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        html! {
            pre.body tabindex="0" aria-label="The message's body" { (text[..end]) }
            @if end < text.len() {
                p.remark { "The first " (words::bytes(SHOWN as u64)) " of " (words::bytes(text.len() as u64)) "." }
            }
        }
    }

    fn confirm(&self, visitor: &Visitor) -> Markup {
        let message = &self.message;
        let registration = self.account.as_ref().and_then(|account| account.registration.as_ref());
        let title = if message.state == MessageState::Pending { "Try it now" } else { "Send it again" };
        html! {
            p.path {
                a href={ "/console/accounts/" (message.account) } { (message.account) } " / "
                a href={ "/console/messages/" (message.id) } { "Message " (words::count(message.sequence)) }
            }
            h1 { (title) }
            section.card.confirm {
                ul.touches {
                    @if message.state == MessageState::Pending {
                        li { "It waits already. What waits for this account becomes due at once." }
                    } @else {
                        li { "Sends this one message again, with its id and its sequence number, and fresh attempts." }
                        li { "It goes behind what is pending with the same ordering key." }
                    }
                    @match registration {
                        Some(registration) => { li { "It goes to " (registration.url) "." } }
                        None => { li { "Nothing is registered for the account: this will be refused." } }
                    }
                    li { "A hold of the account ends." }
                }
                form method="post" action={ "/console/messages/" (message.id) "/replay" } {
                    (page::token(visitor))
                    button.main type="submit" { (title) }
                    a.button href={ "/console/messages/" (message.id) } { "Cancel" }
                }
            }
        }
    }
}
