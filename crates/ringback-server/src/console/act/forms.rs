//! What an act will touch, and the button that does it.

use maud::{Markup, html};
use ringback_wire::api::AccountView;

use super::{ActName, heading};
use crate::console::visitor::Visitor;
use crate::console::{page, words};

/// What an act will touch.
pub(super) fn plain_form(visitor: &Visitor, view: &AccountView, act: ActName) -> Markup {
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

pub(super) fn register_form(
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
