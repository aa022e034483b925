//! Logging in with the user name and the password of a credential, and logging out.

use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use http::header::{RETRY_AFTER, SET_COOKIE};
use http::{HeaderMap, HeaderValue, StatusCode};
use maud::{Markup, html};
use ringback_store::{Credential, Secret};
use serde::Deserialize;

use super::address::Asking;
use super::form::{self, Form};
use super::session::Session;
use super::visitor::{Origin, Visitor};
use super::{Console, address, page, refused, words};
use crate::api::{Refusal, keep_act, known_user};

/// The digest domain of user names, which are counted by digest so that what people type isn't kept.
const USERNAME_DOMAIN: &str = "console-username";
/// The longest user name and password that are looked at, in bytes.
const MOST_BYTES: usize = 1024;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    /// Where to go after it.
    #[serde(default)]
    next: String,
    /// What happened before.
    #[serde(default)]
    after: String,
}

/// The form.
pub(super) async fn ask(
    State(console): State<Console>,
    origin: Origin,
    headers: HeaderMap,
    asking: Asking<Asked>,
) -> Response {
    let asked = address::asked(asking);
    match Visitor::of(&console, &headers, origin).await {
        Ok(Some(_)) => Redirect::to(local(&asked.next)).into_response(),
        Ok(None) => {
            let said = (asked.after == "logout").then_some("You have logged out.");
            page(StatusCode::OK, local(&asked.next), "", said, None)
        }
        Err(refusal) => refusal,
    }
}

/// Opens a session.
pub(super) async fn log_in(State(console): State<Console>, origin: Origin, form: Form) -> Response {
    let next = local(form.field("next")).to_owned();
    let (username, password) = (form.field("username").to_owned(), form.field("password"));
    let wrong = |status, problem: &str| page(status, &next, &username, None, Some(problem));
    if username.is_empty() || password.is_empty() {
        return wrong(StatusCode::BAD_REQUEST, "Both are needed, the user name and the password.");
    }
    if username.len() > MOST_BYTES || password.len() > MOST_BYTES {
        return wrong(StatusCode::UNAUTHORIZED, WRONG);
    }
    let password = Secret::new(password);
    // A task of its own: a client that hangs up must not keep its failure from being counted.
    let attempt = tokio::spawn(attempt(console, origin, username.clone(), password)).await;
    match attempt {
        Ok(Ok(session)) => {
            let mut response = Redirect::to(&next).into_response();
            response.headers_mut().insert(SET_COOKIE, session.set_cookie(origin.secure));
            response
        }
        Ok(Err(Failed::Wrong)) => wrong(StatusCode::UNAUTHORIZED, WRONG),
        Ok(Err(Failed::NoScope)) => wrong(
            StatusCode::FORBIDDEN,
            "This credential can't be used here: the console needs the scope operate or callbacks.",
        ),
        Ok(Err(Failed::Wait(seconds))) => {
            let wait = words::span(std::time::Duration::from_secs(seconds));
            let problem = format!(
                "Too many failed attempts from your address with this user name. Try again in {wait}."
            );
            let mut response = wrong(StatusCode::TOO_MANY_REQUESTS, &problem);
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
            response
        }
        Ok(Err(Failed::Refused(refusal))) => wrong(refusal.status, &refusal.message),
        Err(_) => wrong(StatusCode::INTERNAL_SERVER_ERROR, "This went wrong. Try again."),
    }
}

const WRONG: &str = "The user name or the password is wrong.";

enum Failed {
    Wrong,
    NoScope,
    Wait(u64),
    Refused(Refusal),
}

impl From<Refusal> for Failed {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

async fn attempt(
    console: Console,
    origin: Origin,
    username: String,
    password: Secret,
) -> Result<Session, Failed> {
    let api = &console.0.api;
    let user = api.store.vault().digest(USERNAME_DOMAIN, &username);
    let client = origin.client;
    console.0.failed_logins.begin(api.clock.now(), client, user).map_err(|wait| {
        tracing::warn!(target: "audit", %client, "a log-in to the console was refused: too many failed before it");
        Failed::Wait(wait.as_secs() + 1)
    })?;
    let Some(credential) = known_user(api, &username, password).await? else {
        tracing::warn!(target: "audit", %client, "a log-in to the console failed: unknown user or wrong password");
        return Err(Failed::Wrong);
    };
    console.0.failed_logins.succeeded(client, user);
    let Credential { id, name, scopes, .. } = credential;
    if !scopes.operate && !scopes.callbacks {
        return Err(Failed::NoScope);
    }
    let session = Session::open(&console, id).await?;
    tracing::info!(target: "audit", credential = %name, %client, "logged in to the console");
    // Those that failed are not kept: whoever tries names would wash away what an operator looks for.
    keep_act(api, id, &name, None, format!("logged in to the console from {client}")).await;
    Ok(session)
}

/// Ends the session.
pub(super) async fn log_out(
    State(console): State<Console>,
    origin: Origin,
    visitor: Visitor,
    form: Form,
) -> Result<Response, Response> {
    if !form.is_of(&visitor, &console) {
        return Err(form::stray(&visitor));
    }
    let closed = visitor.session.close(&console, visitor.principal.credential).await;
    closed.map_err(|refusal| refused::by(&visitor, &refusal))?;
    let (credential, name) = (visitor.principal.credential, &visitor.principal.name);
    tracing::info!(target: "audit", credential = %name, "logged out of the console");
    keep_act(&console.0.api, credential, name, None, "logged out of the console".to_owned()).await;
    let mut response = Redirect::to("/console/login?after=logout").into_response();
    response.headers_mut().insert(SET_COOKIE, Session::unset_cookie(origin.secure));
    Ok(response)
}

/// Only pages of the console are gone to: a link must not lead elsewhere by way of the log-in.
fn local(next: &str) -> &str {
    let is_page = next == "/console" || next.starts_with("/console/") || next.starts_with("/console?");
    let plain = next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if is_page && plain && !next.contains("//") { next } else { "/console" }
}

fn page(
    status: StatusCode,
    next: &str,
    username: &str,
    said: Option<&str>,
    problem: Option<&str>,
) -> Response {
    let fields: Markup = html! {
        label for="username" { "User name" }
        input #username name="username" value=(username) autocomplete="username" required autofocus[username.is_empty()]
            aria-describedby=[problem.map(|_| "problem")];
        label for="password" { "Password" }
        input #password name="password" type="password" autocomplete="current-password" required
            autofocus[!username.is_empty()] aria-describedby=[problem.map(|_| "problem")];
    };
    page::outside(
        status,
        "Log in",
        &html! {
            section.card.login {
                h1 { (page::mark()) "Ringback" }
                p.muted { "Log in with the user name and the password of a credential." }
                @if let Some(said) = said { p.said role="status" { (said) } }
                @if let Some(problem) = problem { p #problem .problem role="alert" { (problem) } }
                form method="post" action="/console/login" {
                    input type="hidden" name="next" value=(next);
                    (fields)
                    button.main type="submit" { "Log in" }
                }
            }
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_in_leads_to_pages_of_the_console_and_nowhere_else() {
        for good in ["/console", "/console/accounts?prefix=02", "/console?x=1", "/console/messages/abc"] {
            assert_eq!(local(good), good);
        }
        for bad in [
            "",
            "/",
            "//evil.example",
            "/console//evil.example",
            "https://evil.example",
            "/consolez",
            "/console/\\x",
            "/console/\r\nx: y",
        ] {
            assert_eq!(local(bad), "/console", "{bad}");
        }
    }
}
