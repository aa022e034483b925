//! Between the wire's models and the domain's types: the one place where they meet, beside each route's own body.

use ringback_delivery::{AccountId, MessageKind, MessageState};
use ringback_store::{Reach, Scopes};
use ringback_wire::MessageType;
use ringback_wire::api::{self, ALL_ACCOUNTS, Scope};

use super::problem::Problem;

/// A published message's type.
pub(super) fn kind(kind: MessageType) -> MessageKind {
    match kind {
        MessageType::FirmwareList => MessageKind::FirmwareList,
        MessageType::UpgradeScheduled => MessageKind::UpgradeScheduled,
        MessageType::UpgradeProgress => MessageKind::UpgradeProgress,
        MessageType::UpgradeFinished => MessageKind::UpgradeFinished,
    }
}

/// A message's state.
pub(super) fn state(state: MessageState) -> api::MessageState {
    match state {
        MessageState::Pending => api::MessageState::Pending,
        MessageState::Delivered => api::MessageState::Delivered,
        MessageState::Dead => api::MessageState::Dead,
        MessageState::Cancelled => api::MessageState::Cancelled,
    }
}

/// A credential's scopes, as the wire lists them.
pub(super) fn scopes(scopes: Scopes) -> Vec<Scope> {
    let all = [
        (scopes.callbacks, Scope::Callbacks),
        (scopes.publish, Scope::Publish),
        (scopes.operate, Scope::Operate),
    ];
    all.into_iter().filter_map(|(has, scope)| has.then_some(scope)).collect()
}

/// The scopes of a list.
pub(super) fn to_scopes(list: &[Scope]) -> Scopes {
    Scopes {
        callbacks: list.contains(&Scope::Callbacks),
        publish: list.contains(&Scope::Publish),
        operate: list.contains(&Scope::Operate),
    }
}

/// A credential's accounts, as the wire lists them.
pub(super) fn accounts(reach: &Reach) -> Vec<String> {
    match reach {
        Reach::Every => vec![ALL_ACCOUNTS.to_owned()],
        Reach::Accounts(accounts) => accounts.iter().map(AccountId::to_string).collect(),
    }
}

/// The accounts of a list: names, or `*` alone.
pub(super) fn to_reach(names: &[String]) -> Result<Reach, Problem> {
    if names == [ALL_ACCOUNTS] {
        return Ok(Reach::Every);
    }
    let mut accounts =
        names.iter().map(|name| name.parse()).collect::<Result<Vec<AccountId>, _>>().map_err(|_| {
            Problem::invalid(
                ringback_wire::error_code::ACCOUNT_INVALID,
                "accounts must be names in the form ##########-#####, or * alone",
            )
        })?;
    accounts.sort_unstable();
    accounts.dedup();
    Ok(Reach::Accounts(accounts))
}
