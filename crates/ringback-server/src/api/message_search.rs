//! `GET /api/ringback/v1/messages`: messages, the newest first, a page at a time.
//!
//! The store knows account, state, type and time; what stands in the body (upgrade, device) is looked for here. Such a
//! page looks at a bounded number of bodies and then gives a cursor, whether it is full or empty: who wants more
//! goes on from there.

use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use http::{StatusCode, Uri};
use ringback_store::{Cursor, Message, MessageFilter, Page, Reach};
use ringback_wire::api::{MessageList, MessageState};
use ringback_wire::{MessageType, error_code};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::answer;
use super::body_match::BodyMatch;
use super::convert;
use super::cursor::List;
use super::message_view;
use super::principal::{Bearer, Principal, Wants};
use super::problem::Problem;
use super::query::Query;
use super::state::ApiState;

const PARAMETERS: [&str; 9] =
    ["account", "state", "type", "since", "until", "upgradeId", "device", "cursor", "limit"];

/// Searches.
pub(super) async fn search(
    State(state): State<ApiState>,
    Bearer(principal): Bearer,
    uri: Uri,
) -> Result<Response, Problem> {
    principal.may(Wants::Messages)?;
    let search = Search::read(&Query::read(&uri, &PARAMETERS)?, &principal, &state)?;
    // Another's account has nothing to be found, like one that does not exist. The store holds to the reach, too.
    let (found, next) = match search.filter.account {
        Some(account) if !principal.reaches(account) => (Vec::new(), None),
        _ => search.run(&state).await?,
    };
    let next = next.map(|cursor| search.list().cursor(cursor.0));
    let now = state.clock.now();
    let messages = found.iter().map(|message| message_view::listed(message, now)).collect();
    Ok(answer::json(StatusCode::OK, &MessageList { messages, next }))
}

struct Search {
    filter: MessageFilter,
    body: Option<BodyMatch>,
    before: Option<Cursor>,
    limit: usize,
}

impl Search {
    fn read(query: &Query, principal: &Principal, state: &ApiState) -> Result<Self, Problem> {
        let limits = &state.limits;
        let named = query.text("account");
        let named = named.map(|name| name.parse().map_err(|_| Problem::account_form())).transpose()?;
        let body = BodyMatch::of(query.text("upgradeId"), query.text("device"));
        if body.is_some() && named.is_none() {
            let message = "upgradeId and device are looked for within an account: give account too";
            return Err(Problem::invalid(error_code::PARAMETER_INVALID, message));
        }
        // Whoever has one account searches that one.
        let account = named.or(match principal.reach() {
            Reach::Accounts(accounts) if accounts.len() == 1 => accounts.first().copied(),
            _ => None,
        });
        let filter = MessageFilter {
            reach: principal.reach().clone(),
            account,
            state: query.word::<MessageState>("state")?.map(convert::to_state),
            kind: query.word::<MessageType>("type")?.map(convert::kind),
            since: query.moment("since")?,
            until: query.moment("until")?,
            with_bodies: body.is_some(),
        };
        let limit = query.number("limit", 1..=limits.page_most as u64)?;
        let limit = limit.map_or(limits.page, |limit| usize::try_from(limit).unwrap_or(limits.page_most));
        let mut search = Self { filter, body, before: None, limit };
        search.before = match query.text("cursor") {
            Some(cursor) => Some(Cursor(search.list().place(cursor)?)),
            None => None,
        };
        Ok(search)
    }

    fn list(&self) -> List {
        if self.filter.account.is_some() { List::Account } else { List::Messages }
    }

    async fn run(&self, state: &ApiState) -> Result<(Vec<Message>, Option<Cursor>), Problem> {
        match &self.body {
            None => {
                let page = self.page(state, self.before, self.limit).await?;
                Ok((page.items, page.next))
            }
            Some(body) => self.look_into_bodies(state, body).await,
        }
    }

    async fn page(
        &self,
        state: &ApiState,
        before: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<Message>, Problem> {
        let _room = room(&state.search_reads, state.limits.search_wait).await?;
        Ok(state.store.search(self.filter.clone(), before, limit).await?)
    }

    async fn look_into_bodies(
        &self,
        state: &ApiState,
        body: &BodyMatch,
    ) -> Result<(Vec<Message>, Option<Cursor>), Problem> {
        let limits = &state.limits;
        let _room = room(&state.searches, limits.search_wait).await?;
        let (mut found, mut before, mut looked_at) = (Vec::new(), self.before, 0);
        loop {
            let page = self.page(state, before, limits.search_step).await?;
            let walked_far = page.items.len() < limits.search_step;
            looked_at += page.items.len();
            let mut items = page.items.into_iter().peekable();
            while let Some(mut message) = items.next() {
                let bytes = message.body.take();
                if !bytes.is_some_and(|bytes| body.matches(&bytes)) {
                    continue;
                }
                let ended_at = Cursor(message.id.sequence.0);
                found.push(message);
                if found.len() == self.limit {
                    let next = if items.peek().is_some() { Some(ended_at) } else { page.next };
                    return Ok((found, next));
                }
            }
            before = page.next;
            if before.is_none() || walked_far || looked_at >= limits.search_bodies {
                return Ok((found, before));
            }
        }
    }
}

/// A place among the searches that go on, when there is one in time.
async fn room(rooms: &Semaphore, wait: Duration) -> Result<SemaphorePermit<'_>, Problem> {
    let Ok(room) = tokio::time::timeout(wait, rooms.acquire()).await else {
        return Err(Problem::many_searches());
    };
    room.map_err(|_| Problem::unexpected())
}
