//! The audit log: what was done, by which credential.
//!
//! Every act is a line of the log with the target `audit`. The store keeps the newest of them too, for the console. What
//! programs do all the time as part of their work (registering the same URL at every start, pinging, acknowledging) is kept
//! only when a person did it, or it would wash away what an operator looks for.

use ringback_delivery::AccountId;
use ringback_store::Act;

use super::principal::Principal;
use super::state::ApiState;

/// Notes an act, and keeps it.
pub(super) async fn note(
    state: &ApiState,
    principal: &Principal,
    account: Option<AccountId>,
    what: impl Into<String>,
) {
    let what = what.into();
    log(principal, account, &what);
    keep(state, principal.credential, &principal.name, account, what).await;
}

/// Notes an act that programs do all the time, and keeps it if a person did it.
pub(super) async fn note_usual(
    state: &ApiState,
    principal: &Principal,
    account: AccountId,
    what: impl Into<String>,
) {
    let what = what.into();
    log(principal, Some(account), &what);
    if principal.is_at_console() {
        keep(state, principal.credential, &principal.name, Some(account), what).await;
    }
}

fn log(principal: &Principal, account: Option<AccountId>, what: &str) {
    let account = account.map(|account| account.to_string());
    tracing::info!(
        target: "audit",
        credential = %principal.name,
        client_id = %principal.client_id,
        console = principal.is_at_console(),
        account,
        "{what}"
    );
}

/// Keeps an act of a credential. What was done is done: that it could not be kept is told, and undoes nothing.
pub(crate) async fn keep(
    state: &ApiState,
    credential: i64,
    name: &str,
    account: Option<AccountId>,
    what: String,
) {
    let (at, by) = (state.clock.now(), name.to_owned());
    if let Err(error) = state.store.note(Act { at, credential, by, account, what }).await {
        tracing::warn!(%error, "an act was done, and is in this log, but could not be kept for the console");
    }
}
