//! What is happening now: a page, and the stream of events that its script reads.
//!
//! A stream gives a bounded number of happenings a second, however many there are, and says how many it left out. So many
//! streams go on at once, in all and for one credential, and each looks at times whether its session is still open.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream::{self, Stream};
use http::StatusCode;
use maud::html;
use ringback_delivery::Trouble;
use ringback_store::Attempt;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::address::Asking;
use super::page::{Page, Place};
use super::visitor::Visitor;
use super::{Console, address, refused, when};
use crate::live::{Happening, Watch, What, Wish};

/// Happenings in one event, at most;
const AT_ONCE: usize = 50;
/// and from one event to the next, at least.
const BREATH: Duration = Duration::from_millis(250);
/// How often something comes, if nothing happens, and the session is looked at.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// Streams of one credential.
const OF_ONE: usize = 8;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    account: String,
    #[serde(default)]
    what: String,
}

impl Asked {
    fn wish(&self, visitor: &Visitor) -> Result<Wish, &'static str> {
        let account = match self.account.trim() {
            "" => None,
            name => Some(name.parse().map_err(|_| "An account is ten digits, a hyphen and five digits.")?),
        };
        let what = What::ALL.into_iter().find(|what| what.as_str() == self.what);
        Ok(Wish { reach: visitor.principal.reach().clone(), account, what })
    }
}

/// The page.
pub(super) async fn page(visitor: Visitor, asking: Asking<Asked>) -> Response {
    let asked = address::asked(asking);
    let problem = asked.wish(&visitor).err();
    let query = address::query([("account", asked.account.trim()), ("what", asked.what.as_str())]);
    let source = problem.is_none().then(|| format!("/console/live/events?{query}"));
    let page = Page { visitor: &visitor, place: Place::Live, title: "Live", refresh: None };
    page.with(&html! {
        h1 { "Live" }
        section.card {
            @if let Some(problem) = problem { p #problem .problem role="alert" { (problem) } }
            form.filter method="get" action="/console/live" {
                div {
                    label for="account" { "Account" }
                    input #account name="account" value=(asked.account) inputmode="numeric" autocomplete="off"
                        spellcheck="false" aria-describedby=[problem.map(|_| "problem")];
                }
                div {
                    label for="what" { "What happens" }
                    select #what name="what" {
                        option value="" { "anything" }
                        @for what in What::ALL {
                            option value=(what.as_str()) selected[what.as_str() == asked.what] { (what.as_str()) }
                        }
                    }
                }
                div.buttons {
                    button.main type="submit" { "Filter" }
                    a.button href="/console/live" { "Clear" }
                }
            }
        }
        section.card aria-labelledby="happening" {
            div.row.between {
                h2 #happening { "What happens now" }
                button #pause type="button" aria-pressed="false" hidden { "Pause" }
            }
            p #live-state .muted role="status" { "Connecting…" }
            noscript { p.problem { "This page needs its script. " a href="/console/messages" { "The messages" } " are there without." } }
            div.scroll { table.live {
                caption.hidden { "What happens, the newest first" }
                thead { tr {
                    th scope="col" { "Time" }
                    th scope="col" { "What" }
                    th scope="col" { "Account" }
                    th.number scope="col" { "Message" }
                    th.wide scope="col" { "How" }
                } }
                tbody #happenings data-source=[source] {}
            } }
        }
    })
}

/// The stream.
pub(super) async fn events(
    State(console): State<Console>,
    visitor: Visitor,
    asking: Asking<Asked>,
) -> Response {
    let asked = address::asked(asking);
    let wish = match asked.wish(&visitor) {
        Ok(wish) => wish,
        Err(problem) => return refused::because(&visitor, StatusCode::BAD_REQUEST, problem),
    };
    let place = console.0.streams.take(visitor.principal.credential);
    let watch = place.and_then(|place| Some((place, console.0.live.watch(wish)?)));
    let Some((place, watch)) = watch else {
        let message = "As many live pages are open as may be. Close one.";
        return refused::because(&visitor, StatusCode::TOO_MANY_REQUESTS, message);
    };
    let stopping = console.0.api.stopping.clone();
    let streaming = Streaming {
        console,
        visitor,
        watch,
        stopping,
        begun: false,
        ended: false,
        checked_at: Instant::now(),
        _place: place,
    };
    Sse::new(streaming.into_stream()).into_response()
}

/// What a stream needs while it goes on.
struct Streaming {
    console: Console,
    visitor: Visitor,
    watch: Watch,
    stopping: watch::Receiver<bool>,
    begun: bool,
    ended: bool,
    checked_at: Instant,
    _place: Taken,
}

/// One event's happenings.
#[derive(Serialize)]
struct Batch {
    happenings: Vec<Told>,
    dropped: u64,
}

/// A happening as the script is told of it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    at: String,
    what: &'static str,
    account: String,
    sequence: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    how: Option<String>,
}

impl Streaming {
    fn into_stream(self) -> impl Stream<Item = Result<Event, Infallible>> {
        stream::unfold(self, |mut streaming| async move {
            let event = streaming.next().await?;
            Some((Ok(event), streaming))
        })
    }

    async fn next(&mut self) -> Option<Event> {
        if self.ended {
            return None;
        }
        if !self.begun {
            self.begun = true;
            return Some(Event::default().event("begun").data("{}"));
        }
        // However much happens.
        if self.checked_at.elapsed() >= HEARTBEAT {
            return self.heartbeat().await;
        }
        tokio::select! {
            () = stopped(&mut self.stopping) => None,
            heard = self.watch.next(AT_ONCE) => {
                tokio::time::sleep(BREATH).await;
                let told = heard.happenings.iter().map(Told::of).collect();
                let batch = Batch { happenings: told, dropped: heard.dropped };
                Event::default().event("happened").json_data(batch).ok()
            }
            () = tokio::time::sleep(HEARTBEAT) => self.heartbeat().await,
        }
    }

    /// Says that the stream goes on, unless the session has ended.
    async fn heartbeat(&mut self) -> Option<Event> {
        self.checked_at = Instant::now();
        match self.visitor.session.principal(&self.console, false).await {
            Ok(Some(_)) => Some(Event::default().event("still").data("{}")),
            Ok(None) => {
                self.ended = true;
                Some(Event::default().event("ended").data("{}"))
            }
            Err(_) => None,
        }
    }
}

async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // An error means that the service is gone: that is a stop too.
    let _ = stopping.wait_for(|stop| *stop).await;
}

impl Told {
    fn of(happening: &Happening) -> Self {
        Self {
            at: when::second(happening.at),
            what: happening.what.as_str(),
            account: happening.account.to_string(),
            sequence: happening.sequence.0,
            how: happening.attempt.as_ref().map(|attempt| how(attempt, happening.status())),
        }
    }
}

fn how(attempt: &Attempt, status: Option<u16>) -> String {
    let took = when::took(u64::try_from(attempt.duration.as_millis()).unwrap_or(u64::MAX));
    match (status, Trouble::of(&attempt.outcome)) {
        (Some(status), _) => format!("attempt {}: {status} after {took}", attempt.number),
        (None, Some(trouble)) => {
            let error = attempt.error.clone().unwrap_or_else(|| trouble.to_string());
            format!("attempt {}: {error}, after {took}", attempt.number)
        }
        (None, None) => format!("attempt {}", attempt.number),
    }
}

/// How many streams each credential has.
#[derive(Default)]
pub(super) struct Streams(Mutex<HashMap<i64, usize>>);

/// A stream's place, given back when it is dropped.
struct Taken {
    streams: Arc<Streams>,
    credential: i64,
}

impl Streams {
    fn take(self: &Arc<Self>, credential: i64) -> Option<Taken> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_one = taken.entry(credential).or_default();
        if *of_one >= OF_ONE {
            return None;
        }
        *of_one += 1;
        Some(Taken { streams: self.clone(), credential })
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut taken = self.streams.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(of_one) = taken.get_mut(&self.credential) {
            *of_one -= 1;
            if *of_one == 0 {
                taken.remove(&self.credential);
            }
        }
    }
}
