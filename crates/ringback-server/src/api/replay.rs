//! `POST /api/ringback/v1/accounts/{account}/replay`: sending an account's messages again, or counting them.

use axum::extract::{Request, State};
use axum::response::Response;
use http::{StatusCode, Uri};
use ringback_delivery::AccountId;
use ringback_store::{ReplayCount, ReplayFilter, ReplayJob};
use ringback_wire::api::{MessageState, ReplayAnswer, ReplayRequest};

use super::principal::{Bearer, Wants};
use super::problem::Problem;
use super::query::Query;
use super::state::ApiState;
use super::{answer, audit, body, convert, own};

/// Keeps a job that sends them again (202), or counts them (200).
pub(super) async fn replay(
    State(state): State<ApiState>,
    Bearer(principal): Bearer,
    uri: Uri,
    request: Request,
) -> Result<Response, Problem> {
    let account = own::account(&principal, &uri, Wants::Accounts)?;
    let only_count = Query::read(&uri, &["dryRun"])?.flag("dryRun")?;
    let given: Option<ReplayRequest> = body::optional_json(request, &state.limits).await?;
    let given = given.unwrap_or_default();
    // Where either says so, nothing is sent.
    let dry_run = given.dry_run || only_count.unwrap_or_default();
    let wanted = Wanted::read(&given)?;
    let count = match wanted {
        _ if dry_run => wanted.count(&state, account).await?,
        Wanted::Pending => try_now(&state, account).await?,
        Wanted::Finished(filter) => begin(&state, account, filter).await?,
    };
    let ReplayCount { messages: count, at_least } = count;
    if !dry_run {
        let state_of_them = given.state.unwrap_or(MessageState::Dead);
        let how_many = if at_least { format!("at least {count}") } else { count.to_string() };
        let what = format!("sent {how_many} {state_of_them} messages again");
        audit::note(&state, &principal, Some(account), what).await;
    }
    let status = if dry_run { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok(answer::json(status, &ReplayAnswer { count, at_least, dry_run, id: None, state: None }))
}

/// What is to be sent again.
enum Wanted {
    /// What waits: it is only tried now.
    Pending,
    /// What is finished.
    Finished(ReplayFilter),
}

impl Wanted {
    fn read(given: &ReplayRequest) -> Result<Self, Problem> {
        let moment = |name, text: &Option<String>| {
            text.as_deref().map(|text| convert::to_moment(name, text)).transpose()
        };
        let (since, until) = (moment("since", &given.since)?, moment("until", &given.until)?);
        match given.state.unwrap_or(MessageState::Dead) {
            MessageState::Pending if since.is_some() || until.is_some() => Err(Problem::pending_with_times()),
            MessageState::Pending => Ok(Self::Pending),
            finished => {
                let state = Some(convert::to_state(finished));
                Ok(Self::Finished(ReplayFilter { state, since, until }))
            }
        }
    }

    async fn count(&self, state: &ApiState, account: AccountId) -> Result<ReplayCount, Problem> {
        match self {
            Self::Pending => pending(state, account).await,
            Self::Finished(filter) => Ok(state.store.count_replay(account, *filter).await?),
        }
    }
}

async fn begin(state: &ApiState, account: AccountId, filter: ReplayFilter) -> Result<ReplayCount, Problem> {
    match state.store.begin_replay(state.clock.now(), account, filter).await? {
        ReplayJob::Kept(count) => Ok(count),
        ReplayJob::NotRegistered => Err(Problem::not_registered()),
        ReplayJob::Busy => Err(Problem::replay_under_way()),
    }
}

async fn try_now(state: &ApiState, account: AccountId) -> Result<ReplayCount, Problem> {
    if !state.store.standing(account).await?.registered {
        return Err(Problem::not_registered());
    }
    let count = pending(state, account).await?;
    state.store.release(state.clock.now(), account).await?;
    Ok(count)
}

async fn pending(state: &ApiState, account: AccountId) -> Result<ReplayCount, Problem> {
    Ok(ReplayCount::exactly(state.store.account(account).await?.counts.pending))
}
