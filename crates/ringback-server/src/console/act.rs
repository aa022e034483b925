//! Doing something to an account. Each act has a page that says what it will touch, and a button there that does it.

mod forms;
mod found;
mod name;
mod replay;

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use http::{Method, StatusCode};
use maud::{Markup, html};
use ringback_delivery::AccountId;
use ringback_wire::api::{AccountView, CheckAnswer, PingAnswer, ReplayAnswer};
use ringback_wire::v1::{CallbackService, FotaV1CallbackRegistrationRequest};
use serde::Deserialize;
use serde_json::Value;

use super::address::Asking;
use super::form::{self, Form};
use super::page::{Page, Place};
use super::visitor::Visitor;
use super::{Console, account, address, refused};
use crate::api::Refusal;
use forms::{plain_form, register_form};
use found::{check_result, ping_result};
pub(super) use name::{ActName, said};
use replay::{Wanted, replay_form};

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
