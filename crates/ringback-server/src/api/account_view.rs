//! An account as the API shows it.

use ringback_delivery::{AccountId, Health};
use ringback_store::{AccountSummary, Counts, Registration, StoreError};
use ringback_wire::api::{AccountCounts, AccountView, LaneState, RegistrationView};
use ringback_wire::v1::CallbackService;

use super::state::ApiState;
use super::{answer, lane_sentence, message_view};

/// One account as it stands.
pub(super) async fn read(state: &ApiState, account: AccountId) -> Result<AccountView, StoreError> {
    of(state, state.store.account(account).await?).await
}

/// An account with its registration, which is sealed and read by itself.
pub(super) async fn of(state: &ApiState, account: AccountSummary) -> Result<AccountView, StoreError> {
    let registration = match account.registered_at {
        Some(_) => state.store.registration(account.account).await?,
        None => None,
    };
    let (lane_state, lane) = lane_sentence::of(&account, state.clock.now());
    Ok(AccountView {
        account: account.account.to_string(),
        registration: registration.and_then(|registration| registration_view(&account, &registration)),
        pull: account.standing.pull,
        last_error: last_error(&account, &lane_state),
        state: lane_state,
        lane,
        counts: counts(&account.counts),
        oldest_pending_at: account.oldest_pending.map(answer::time),
    })
}

/// Never with the password.
fn registration_view(account: &AccountSummary, registration: &Registration) -> Option<RegistrationView> {
    Some(RegistrationView {
        service: CallbackService::Fota.as_str().to_owned(),
        url: registration.url.expose().to_owned(),
        username: registration.username.as_ref().map(|username| username.expose().to_owned()),
        registered_at: answer::time(account.registered_at?),
    })
}

fn counts(counts: &Counts) -> AccountCounts {
    AccountCounts {
        accepted: counts.accepted,
        delivered: counts.delivered + counts.dropped_delivered,
        pending: counts.pending,
        dead: counts.dead + counts.dropped_dead,
        cancelled: counts.cancelled + counts.dropped_cancelled,
    }
}

/// What went wrong last with the message that waits longest, or with the endpoint as a whole.
fn last_error(account: &AccountSummary, state: &LaneState) -> Option<String> {
    let of_oldest = account.last_attempt.as_ref().and_then(message_view::error);
    of_oldest.or(match (state, account.lane.health) {
        (LaneState::Hold, Health::Hold { trouble, .. }) => Some(trouble.to_string()),
        _ => None,
    })
}
