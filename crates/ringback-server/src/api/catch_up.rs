//! `GET …/accounts/{account}/messages`: an account's own messages behind a sequence number, at once or as soon as there is
//! one.
//!
//! Whoever waits begins to listen before it reads, so that nothing falls between; and it reads again every second, as a
//! message that another node accepted is heard of by nobody here. It holds one of a bounded number of places, and lets go
//! of it when its client goes, when the time is over, and when the server stops.

use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use http::{StatusCode, Uri};
use ringback_delivery::{AccountId, Sequence};
use ringback_store::{Message, Reel, StoreError};
use ringback_wire::api::{CatchUpMessage, CatchUpPage, MAX_WAIT_SECONDS};
use tokio::time::Instant;

use super::principal::{Bearer, Wants};
use super::problem::Problem;
use super::query::Query;
use super::state::ApiState;
use super::{answer, convert, message_view, own};

/// A store's numbers end here.
pub(super) const MOST_AFTER: u64 = i64::MAX as u64;

/// Reads on.
pub(super) async fn read_on(
    State(state): State<ApiState>,
    Bearer(principal): Bearer,
    uri: Uri,
) -> Result<Response, Problem> {
    let account = own::account(&principal, &uri, Wants::Callbacks)?;
    let query = Query::read(&uri, &["after", "limit", "wait"])?;
    let limits = &state.limits;
    let limit = query.number("limit", 1..=limits.catch_up_most as u64)?;
    let limit = limit.map_or(limits.catch_up, |limit| usize::try_from(limit).unwrap_or(limits.catch_up_most));
    let wanted = Wanted {
        account,
        after: Sequence(query.number("after", 0..=MOST_AFTER)?.unwrap_or_default()),
        limit,
    };
    let wait = query.number("wait", 0..=MAX_WAIT_SECONDS)?.unwrap_or_default();
    let reel = match wait {
        0 => wanted.read(&state).await?,
        seconds => wanted.wait(&state, Duration::from_secs(seconds)).await?,
    };
    Ok(answer::json(StatusCode::OK, &page(reel)))
}

struct Wanted {
    account: AccountId,
    after: Sequence,
    limit: usize,
}

impl Wanted {
    async fn read(&self, state: &ApiState) -> Result<Reel, StoreError> {
        state.store.reel(self.account, self.after, self.limit, state.limits.catch_up_bytes).await
    }

    async fn wait(&self, state: &ApiState, wait: Duration) -> Result<Reel, Problem> {
        let until = Instant::now() + wait;
        let mut arrivals = state.arrivals.wait(self.account);
        let first = self.read(state).await?;
        if !first.messages.is_empty() {
            return Ok(first);
        }
        let Some(_place) = state.polls.take(self.account) else {
            return Err(Problem::many_polls());
        };
        let mut stopping = state.stopping.clone();
        loop {
            let again = until.min(Instant::now() + state.limits.poll_reread);
            let stopped = tokio::select! {
                () = arrivals.next() => false,
                () = tokio::time::sleep_until(again) => false,
                // An error means that the server is gone: that is a stop too.
                _ = stopping.wait_for(|stop| *stop) => true,
            };
            let reel = self.read(state).await?;
            if stopped || !reel.messages.is_empty() || Instant::now() >= until {
                return Ok(reel);
            }
        }
    }
}

fn page(reel: Reel) -> CatchUpPage {
    CatchUpPage {
        first: reel.first.0,
        messages: reel.messages.iter().filter_map(item).collect(),
        last: reel.last.0,
    }
}

fn item(message: &Message) -> Option<CatchUpMessage> {
    let body = message.body.as_deref().and_then(message_view::raw);
    if body.is_none() {
        // The reader sees a gap in the numbers, and is not stuck before it.
        tracing::error!(message = %message.id, "a kept message has no body that can be read");
    }
    Some(CatchUpMessage {
        sequence: message.id.sequence.0,
        id: message.id.to_string(),
        state: convert::state(message.state),
        message: body?,
    })
}
