//! `/api/ringback/v1/accounts`: accounts as they stand, and holding, releasing and restoring them.

use axum::extract::State;
use axum::response::Response;
use http::{StatusCode, Uri};
use ringback_delivery::AccountId;
use ringback_store::{AccountSummary, Reach, Restored};
use ringback_wire::api::{AccountList, AccountSort};

use super::cursor::List;
use super::principal::{Bearer, Wants};
use super::problem::Problem;
use super::query::{self, Query};
use super::state::ApiState;
use super::{account_name, account_view, answer, audit, own};

/// The credential's accounts, by number, those whose name begins so, or those in trouble, the worst first. Of all
/// accounts, those that a credential names or that something was done for.
pub(super) async fn list(
    State(state): State<ApiState>,
    Bearer(principal): Bearer,
    uri: Uri,
) -> Result<Response, Problem> {
    principal.may(Wants::Accounts)?;
    let query = Query::read(&uri, &["cursor", "limit", "prefix", "sort"])?;
    let limits = &state.limits;
    let limit = query.number("limit", 1..=limits.page_most as u64)?;
    let limit = limit.map_or(limits.page, |limit| usize::try_from(limit).unwrap_or(limits.page_most));
    let page = match query.word::<AccountSort>("sort")?.unwrap_or(AccountSort::Name) {
        AccountSort::Name => by_name(&state, principal.reach(), &query, limit).await?,
        AccountSort::Trouble => in_trouble(&state, principal.reach(), &query, limit).await?,
    };
    let (found, next) = page;
    let mut accounts = Vec::with_capacity(found.len());
    for account in found {
        accounts.push(account_view::of(&state, account).await?);
    }
    Ok(answer::json(StatusCode::OK, &AccountList { accounts, next }))
}

/// A page of all, or of those whose name begins so.
async fn by_name(
    state: &ApiState,
    reach: &Reach,
    query: &Query,
    limit: usize,
) -> Result<(Vec<AccountSummary>, Option<String>), Problem> {
    let after = query.text("cursor").map(|cursor| List::Accounts.place(cursor)).transpose()?;
    let after = after.and_then(AccountId::from_number);
    let range = query.text("prefix").map(account_name::beginning_with).transpose()?;
    let start = range.as_ref().and_then(|range| range.start().number().checked_sub(1));
    let after = after.max(start.and_then(AccountId::from_number));
    // One more than a page tells whether there is another.
    let mut found = state.store.accounts(reach.clone(), after, limit + 1).await?;
    if let Some(range) = range {
        found.retain(|account| range.contains(&account.account));
    }
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|last| List::Accounts.cursor(last.account.number()));
    Ok((found, next))
}

/// Those in trouble: one page, of the worst.
async fn in_trouble(
    state: &ApiState,
    reach: &Reach,
    query: &Query,
    limit: usize,
) -> Result<(Vec<AccountSummary>, Option<String>), Problem> {
    for other in ["cursor", "prefix"] {
        if query.text(other).is_some() {
            return Err(query::wrong(other, "does not go with sort=trouble"));
        }
    }
    Ok((state.store.troubled(reach.clone(), limit).await?, None))
}

/// One account.
pub(super) async fn show(
    State(state): State<ApiState>,
    Bearer(principal): Bearer,
    uri: Uri,
) -> Result<Response, Problem> {
    let account = own::account(&principal, &uri, Wants::Accounts)?;
    as_it_stands(&state, account).await
}

/// Holds the account's lane.
pub(super) async fn pause(
    State(state): State<ApiState>,
    Bearer(principal): Bearer,
    uri: Uri,
) -> Result<Response, Problem> {
    let account = own::account(&principal, &uri, Wants::Operate)?;
    state.store.pause(state.clock.now(), account).await?;
    audit::note(&state, &principal, Some(account), "paused the account").await;
    as_it_stands(&state, account).await
}

/// Releases the account's lane: ends a pause, a hold and a suspension.
pub(super) async fn resume(
    State(state): State<ApiState>,
    Bearer(principal): Bearer,
    uri: Uri,
) -> Result<Response, Problem> {
    let account = own::account(&principal, &uri, Wants::Operate)?;
    state.store.resume(state.clock.now(), account).await?;
    audit::note(&state, &principal, Some(account), "resumed the account").await;
    as_it_stands(&state, account).await
}

/// Brings the registration back that the present one replaced.
pub(super) async fn restore(
    State(state): State<ApiState>,
    Bearer(principal): Bearer,
    uri: Uri,
) -> Result<Response, Problem> {
    let account = own::account(&principal, &uri, Wants::Accounts)?;
    match state.store.restore_registration(state.clock.now(), account).await? {
        Restored::Restored => {
            audit::note(&state, &principal, Some(account), "restored the replaced registration").await;
            as_it_stands(&state, account).await
        }
        Restored::NothingToRestore => Err(Problem::nothing_to_restore()),
    }
}

async fn as_it_stands(state: &ApiState, account: AccountId) -> Result<Response, Problem> {
    Ok(answer::json(StatusCode::OK, &account_view::read(state, account).await?))
}
