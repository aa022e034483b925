//! Sending messages again: which ones, and how many those are.

use maud::{Markup, html};
use ringback_wire::api::{AccountView, MessageState, ReplayAnswer, ReplayRequest};

use super::{ActName, Asked, heading};
use crate::api::Refusal;
use crate::console::visitor::Visitor;
use crate::console::{Console, page, when, words};

/// What is to be sent again, as it was asked for.
pub(super) struct Wanted {
    state: MessageState,
    since: Option<String>,
    until: Option<String>,
}

impl Wanted {
    pub(super) fn read(state: &str, since: &str, until: &str) -> Self {
        let state = state.parse().unwrap_or(MessageState::Dead);
        // What waits is tried now, whenever it was accepted.
        let timed = state != MessageState::Pending;
        Self {
            state,
            since: when::of_input(since).filter(|_| timed),
            until: when::of_input(until).filter(|_| timed),
        }
    }

    pub(super) fn request(&self, dry_run: bool) -> ReplayRequest {
        ReplayRequest {
            state: Some(self.state),
            since: self.since.clone(),
            until: self.until.clone(),
            dry_run,
        }
    }
}

pub(super) async fn replay_form(
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
