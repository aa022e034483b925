//! Doing something to an account. Each act has a page that says what it will touch, and a button there that does it.

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use http::{Method, StatusCode};
use maud::{Markup, html};
use ringback_delivery::AccountId;
use ringback_wire::api::{AccountView, CheckAnswer, MessageState, PingAnswer, ReplayAnswer, ReplayRequest};
use ringback_wire::v1::{CallbackService, FotaV1CallbackRegistrationRequest};
use serde::Deserialize;
use serde_json::Value;

use super::address::Asking;
use super::badge::{self, Mood};
use super::form::{self, Form};
use super::page::{self, Page, Place};
use super::visitor::Visitor;
use super::{Console, account, address, refused, when, words};
use crate::api::Refusal;

/// What can be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ActName {
    Check,
    Ping,
    Replay,
    Pause,
    Resume,
    Register,
    Restore,
    Deregister,
}

impl ActName {
    /// All of them, in the order in which they are offered.
    pub(super) const ALL: [Self; 8] = [
        Self::Check,
        Self::Ping,
        Self::Replay,
        Self::Pause,
        Self::Resume,
        Self::Register,
        Self::Restore,
        Self::Deregister,
    ];

    /// As it stands in an address.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Ping => "ping",
            Self::Replay => "replay",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Register => "register",
            Self::Restore => "restore",
            Self::Deregister => "deregister",
        }
    }

    /// As it stands on a button.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Check => "Check the endpoint",
            Self::Ping => "Send a test message",
            Self::Replay => "Send messages again",
            Self::Pause => "Pause",
            Self::Resume => "Resume",
            Self::Register => "Register a URL",
            Self::Restore => "Restore the last registration",
            Self::Deregister => "Deregister",
        }
    }

    /// What it is for.
    pub(super) fn hint(self) -> &'static str {
        match self {
            Self::Check => "Says what is found on the way there; success ends a hold.",
            Self::Ping => "One signed message of the type ping.",
            Self::Replay => "Dead ones, or others.",
            Self::Pause => "Holds all messages until somebody resumes.",
            Self::Resume => "Ends a pause, a hold and a suspension.",
            Self::Register => "In place of what is registered.",
            Self::Restore => "What the present registration replaced.",
            Self::Deregister => "Cancels what is pending.",
        }
    }
}

/// What was just done, in words of ours: nothing of the address is shown.
pub(super) fn said(did: &str, count: u64) -> Option<String> {
    let messages = words::many(count, "message is", "messages are");
    let said = match did {
        "pause" => "Paused. Nothing is sent until somebody resumes.".to_owned(),
        "resume" => "Resumed. What waits is sent now.".to_owned(),
        "replay" => format!("{messages} being sent again."),
        "replay-at-least" => format!("At least {messages} being sent again."),
        "register" => "Registered. What waits is sent to the new URL now.".to_owned(),
        "restore" => "Restored. What waits is sent to that URL now.".to_owned(),
        "deregister" => "Deregistered. What was pending is cancelled.".to_owned(),
        _ => return None,
    };
    Some(said)
}

/// Which messages to send again.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    state: String,
    #[serde(default)]
    since: String,
    #[serde(default)]
    until: String,
}

/// Says what an act will touch.
pub(super) async fn ask(
    State(console): State<Console>,
    visitor: Visitor,
    Path((account, act)): Path<(String, String)>,
    asking: Asking<Asked>,
) -> Response {
    let asked = address::asked(asking);
    let Some((account, act)) = parse(&account, &act) else { return refused::missing(&visitor) };
    let view = match account::view(&console, &visitor, account).await {
        Ok(view) => view,
        Err(refusal) => return refused::by(&visitor, &refusal),
    };
    let body = match act {
        ActName::Replay => replay_form(&console, &visitor, &view, &asked).await,
        ActName::Register => Ok(register_form(&visitor, &view, None, "", "")),
        _ => Ok(plain_form(&visitor, &view, act)),
    };
    match body {
        Ok(body) => confirm(&visitor, &view, act).with(&body),
        Err(refusal) => refused::by(&visitor, &refusal),
    }
}

/// Does it.
pub(super) async fn done(
    State(console): State<Console>,
    visitor: Visitor,
    Path((account, act)): Path<(String, String)>,
    form: Form,
) -> Result<Response, Response> {
    if !form.is_of(&visitor, &console) {
        return Err(form::stray(&visitor));
    }
    let Some((account, act)) = parse(&account, &act) else { return Err(refused::missing(&visitor)) };
    let did = Doer { console: &console, visitor: &visitor, account }.run(act, &form).await;
    did.map_err(|refusal| refused::by(&visitor, &refusal))
}

fn parse(account: &str, act: &str) -> Option<(AccountId, ActName)> {
    let act = ActName::ALL.into_iter().find(|known| known.as_str() == act)?;
    Some((account.parse().ok()?, act))
}

struct Doer<'a> {
    console: &'a Console,
    visitor: &'a Visitor,
    account: AccountId,
}

impl Doer<'_> {
    async fn run(&self, act: ActName, form: &Form) -> Result<Response, Refusal> {
        let (inside, who) = (&self.console.0.inside, &self.visitor.principal);
        let path = format!("/api/ringback/v1/accounts/{}/{}", self.account, act.as_str());
        match act {
            ActName::Check => {
                let found = inside.act::<CheckAnswer>(who, Method::POST, &path).await?;
                self.found(act, &check_result(&found)).await
            }
            ActName::Ping => {
                let found = inside.act::<PingAnswer>(who, Method::POST, &path).await?;
                self.found(act, &ping_result(&found)).await
            }
            ActName::Replay => {
                let wanted = Wanted::read(form.field("state"), form.field("since"), form.field("until"));
                let answer: ReplayAnswer = inside.post(who, &path, &wanted.request(false)).await?;
                Ok(self.back(if answer.at_least { "replay-at-least" } else { act.as_str() }, answer.count))
            }
            ActName::Pause | ActName::Resume => {
                inside.act::<AccountView>(who, Method::POST, &path).await?;
                Ok(self.back(act.as_str(), 0))
            }
            ActName::Restore => {
                let path = format!("/api/ringback/v1/accounts/{}/registration/restore", self.account);
                inside.act::<AccountView>(who, Method::POST, &path).await?;
                Ok(self.back(act.as_str(), 0))
            }
            ActName::Register => self.register(form).await,
            ActName::Deregister => {
                let path = format!("/api/fota/v1/callbacks/{}/name/Fota", self.account);
                inside.act::<Value>(who, Method::DELETE, &path).await?;
                Ok(self.back(act.as_str(), 0))
            }
        }
    }

    async fn register(&self, form: &Form) -> Result<Response, Refusal> {
        let (inside, who) = (&self.console.0.inside, &self.visitor.principal);
        let request = FotaV1CallbackRegistrationRequest {
            name: CallbackService::Fota.as_str().to_owned(),
            url: form.field("url").trim().to_owned(),
            username: form.filled("username").map(str::to_owned),
            password: form.filled("password").map(Into::into),
        };
        let path = format!("/api/fota/v1/callbacks/{}", self.account);
        match inside.post::<Value>(who, &path, &request).await {
            Ok(_) => Ok(self.back(ActName::Register.as_str(), 0)),
            Err(refusal) if refusal.status == StatusCode::BAD_REQUEST => {
                let view = account::view(self.console, self.visitor, self.account).await?;
                let username = request.username.unwrap_or_default();
                let body =
                    register_form(self.visitor, &view, Some(&refusal.message), &request.url, &username);
                Ok(confirm(self.visitor, &view, ActName::Register).answer(refusal.status, &body))
            }
            Err(refusal) => Err(refusal),
        }
    }

    /// Back to the account, which says what was done.
    fn back(&self, did: &str, count: u64) -> Response {
        let to = format!("/console/accounts/{}?did={did}&count={count}", self.account);
        Redirect::to(&to).into_response()
    }

    async fn found(&self, act: ActName, result: &Markup) -> Result<Response, Refusal> {
        let view = account::view(self.console, self.visitor, self.account).await?;
        Ok(confirm(self.visitor, &view, act).with(&html! {
            (heading(&view, act))
            section.card aria-labelledby="result-title" {
                h2 #result-title { "What was found" }
                (result)
            }
            p { a.button href={ "/console/accounts/" (view.account) } { "Back to the account" } }
        }))
    }
}

fn confirm<'a>(visitor: &'a Visitor, _: &AccountView, act: ActName) -> Page<'a> {
    Page { visitor, place: Place::Accounts, title: act.title(), refresh: None }
}

fn heading(view: &AccountView, act: ActName) -> Markup {
    html! {
        p.path {
            a href="/console/accounts" { "Accounts" } " / "
            a href={ "/console/accounts/" (view.account) } { (view.account) }
        }
        h1 { (act.title()) }
    }
}

/// What an act will touch.
fn plain_form(visitor: &Visitor, view: &AccountView, act: ActName) -> Markup {
    let danger = act == ActName::Deregister;
    html! {
        (heading(view, act))
        section.card.confirm {
            ul.touches { @for touched in touches(view, act) { li { (touched) } } }
            form method="post" action={ "/console/accounts/" (view.account) "/" (act.as_str()) } {
                (page::token(visitor))
                button.main.danger[danger] type="submit" { (act.title()) }
                a.button href={ "/console/accounts/" (view.account) } { "Cancel" }
            }
        }
    }
}

fn touches(view: &AccountView, act: ActName) -> Vec<String> {
    let pending = words::many(view.counts.pending, "pending message", "pending messages");
    let url = view.registration.as_ref().map_or("the registered URL", |registration| &registration.url);
    match act {
        ActName::Check => vec![
            format!("Resolves the name of {url}, compares its address with the egress policy, connects, and sends one signed test message of the type ping there."),
            "The test message bears no sequence number and is in no count.".to_owned(),
            format!("If the answer is a 2xx, a hold ends, and {pending} become due at once. Otherwise nothing changes."),
        ],
        ActName::Ping => vec![
            format!("Sends one signed test message of the type ping to {url}."),
            "It bears no sequence number and is in no count. Nothing else changes.".to_owned(),
        ],
        ActName::Pause => vec![
            format!("Holds {pending}, and all that are accepted from now on, until somebody resumes."),
            "Requests that are under way are finished. Messages don't age while they are held.".to_owned(),
        ],
        ActName::Resume => vec![
            "Ends a pause, a hold and a suspension.".to_owned(),
            format!("Makes {pending} due at once; they go to {url}."),
        ],
        ActName::Restore => vec![
            "Puts the registration in force again that the present one replaced, with its user name and password.".to_owned(),
            format!("From then on {pending}, and all later ones, go there, retries too. It is refused if something was registered or deregistered since."),
        ],
        ActName::Deregister => vec![
            format!("Ends the registration of {url}. No attempt starts after that."),
            format!("Cancels {pending}. They can be sent again once something is registered anew."),
            "Until then messages are not accepted, unless pull is on.".to_owned(),
        ],
        ActName::Replay | ActName::Register => Vec::new(),
    }
}

fn register_form(
    visitor: &Visitor,
    view: &AccountView,
    problem: Option<&str>,
    url: &str,
    username: &str,
) -> Markup {
    let pending = words::many(view.counts.pending, "pending message", "pending messages");
    let present = view.registration.as_ref();
    let url = if url.is_empty() { present.map_or("", |present| &present.url) } else { url };
    let username = if problem.is_none() {
        present.and_then(|present| present.username.as_deref()).unwrap_or("")
    } else {
        username
    };
    html! {
        (heading(view, ActName::Register))
        section.card.confirm {
            ul.touches {
                @if let Some(present) = present {
                    li { "Replaces " (present.url) ", with its user name and password. It can be restored until the next change." }
                }
                li { (pending) ", and all later ones, go to the new URL, retries too, and become due at once." }
                li { "A hold and a suspension end." }
            }
            @if let Some(problem) = problem { p #problem .problem role="alert" { (problem) } }
            form method="post" action={ "/console/accounts/" (view.account) "/register" } autocomplete="off" {
                (page::token(visitor))
                label for="url" { "Callback URL" }
                input #url name="url" type="url" value=(url) required maxlength="2048" spellcheck="false"
                    aria-describedby=[problem.map(|_| "problem")];
                label for="username" { "User name in each message" span.muted { " (optional)" } }
                input #username name="username" value=(username) autocomplete="off" spellcheck="false";
                label for="password" { "Password in each message" span.muted { " (optional; empty for none, also where there was one)" } }
                input #password name="password" type="password" autocomplete="new-password";
                button.main type="submit" { "Register" }
                a.button href={ "/console/accounts/" (view.account) } { "Cancel" }
            }
        }
    }
}

/// What is to be sent again, as it was asked for.
struct Wanted {
    state: MessageState,
    since: Option<String>,
    until: Option<String>,
}

impl Wanted {
    fn read(state: &str, since: &str, until: &str) -> Self {
        let state = state.parse().unwrap_or(MessageState::Dead);
        // What waits is tried now, whenever it was accepted.
        let timed = state != MessageState::Pending;
        Self {
            state,
            since: when::of_input(since).filter(|_| timed),
            until: when::of_input(until).filter(|_| timed),
        }
    }

    fn request(&self, dry_run: bool) -> ReplayRequest {
        ReplayRequest {
            state: Some(self.state),
            since: self.since.clone(),
            until: self.until.clone(),
            dry_run,
        }
    }
}

async fn replay_form(
    console: &Console,
    visitor: &Visitor,
    view: &AccountView,
    asked: &Asked,
) -> Result<Markup, Refusal> {
    let wanted = Wanted::read(&asked.state, &asked.since, &asked.until);
    let path = format!("/api/ringback/v1/accounts/{}/replay", view.account);
    let answer: ReplayAnswer =
        console.0.inside.post(&visitor.principal, &path, &wanted.request(true)).await?;
    let (state, address) = (wanted.state.as_str(), format!("/console/accounts/{}/replay", view.account));
    let messages = replayed(&answer, state);
    Ok(html! {
        (heading(view, ActName::Replay))
        section.card aria-labelledby="which-title" {
            h2 #which-title { "Which" }
            form.filter method="get" action=(address) {
                div {
                    label for="state" { "State" }
                    select #state name="state" {
                        @for known in MessageState::ALL {
                            option value=(known.as_str()) selected[*known == wanted.state] { (known.as_str()) }
                        }
                    }
                }
                div { label for="since" { "Accepted since (UTC)" } input #since name="since" type="datetime-local" value=(asked.since); }
                div { label for="until" { "and before (UTC)" } input #until name="until" type="datetime-local" value=(asked.until); }
                button type="submit" { "Count" }
            }
        }
        section.card.confirm {
            ul.touches {
                @if wanted.state == MessageState::Pending {
                    li { strong { (messages) } " become due at once." }
                } @else {
                    li { strong #count { (words::capital(&messages)) } " will be sent again, with their ids and sequence numbers, and fresh attempts." }
                    li { "They go behind what is pending (" (words::count(view.counts.pending)) ")." }
                }
                @if let Some(registration) = &view.registration { li { "They go to " (registration.url) "." } }
                li { "A hold ends." }
            }
            form method="post" action=(address) {
                (page::token(visitor))
                input type="hidden" name="state" value=(state);
                input type="hidden" name="since" value=(asked.since);
                input type="hidden" name="until" value=(asked.until);
                button.main type="submit" disabled[answer.count == 0 && !answer.at_least] { "Send " (messages) " again" }
                a.button href={ "/console/accounts/" (view.account) } { "Cancel" }
            }
        }
    })
}

/// How many messages of a state a replay is for.
fn replayed(answer: &ReplayAnswer, state: &str) -> String {
    let messages = words::many(answer.count, &format!("{state} message"), &format!("{state} messages"));
    if answer.at_least { format!("at least {messages}") } else { messages }
}

fn check_result(found: &CheckAnswer) -> Markup {
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

fn ping_result(found: &PingAnswer) -> Markup {
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
