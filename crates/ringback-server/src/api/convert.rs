//! Between the wire's models and the domain's types: the one place where they meet, beside each route's own body.

use ringback_delivery::{AccountId, Death, MessageKind, MessageState, Timestamp};
use ringback_store::{Reach, Scopes};
use ringback_wire::api::{self, ALL_ACCOUNTS, Scope};
use ringback_wire::{MessageType, rfc3339};

use super::problem::Problem;
use super::query;

const NANOS_PER_MILLI: i128 = 1_000_000;

/// A published message's type.
pub(super) fn kind(kind: MessageType) -> MessageKind {
    match kind {
        MessageType::FirmwareList => MessageKind::FirmwareList,
        MessageType::UpgradeScheduled => MessageKind::UpgradeScheduled,
        MessageType::UpgradeProgress => MessageKind::UpgradeProgress,
        MessageType::UpgradeFinished => MessageKind::UpgradeFinished,
    }
}

/// A kept message's type.
pub(super) fn message_type(kind: MessageKind) -> MessageType {
    match kind {
        MessageKind::FirmwareList => MessageType::FirmwareList,
        MessageKind::UpgradeScheduled => MessageType::UpgradeScheduled,
        MessageKind::UpgradeProgress => MessageType::UpgradeProgress,
        MessageKind::UpgradeFinished => MessageType::UpgradeFinished,
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

/// Why a message was given up.
pub(super) fn death(death: Death) -> api::DeathCause {
    match death {
        Death::Attempts => api::DeathCause::Attempts,
        Death::Age => api::DeathCause::Age,
    }
}

/// The state that a request names.
pub(super) fn to_state(state: api::MessageState) -> MessageState {
    match state {
        api::MessageState::Pending => MessageState::Pending,
        api::MessageState::Delivered => MessageState::Delivered,
        api::MessageState::Dead => MessageState::Dead,
        api::MessageState::Cancelled => MessageState::Cancelled,
    }
}

/// A moment that a request names, RFC 3339. What is finer than our milliseconds is rounded up, which makes no difference to
/// what lies at or after it, and what before.
pub(super) fn to_moment(name: &str, text: &str) -> Result<Timestamp, Problem> {
    let moment = rfc3339::is_date_time(text).then(|| text.parse::<jiff::Timestamp>().ok()).flatten();
    let moment = moment.ok_or_else(|| {
        query::wrong(
            name,
            "must be a date and time of RFC 3339 with its offset, such as 2026-01-01T00:00:00Z; in a query, \
             + is written as %2B",
        )
    })?;
    let millis = -(-moment.as_nanosecond()).div_euclid(NANOS_PER_MILLI);
    Ok(Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX)))
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
    let accounts = names.iter().map(|name| name.parse()).collect::<Result<Vec<AccountId>, _>>();
    let mut accounts = accounts.map_err(|_| Problem::account_list())?;
    accounts.sort_unstable();
    accounts.dedup();
    Ok(Reach::Accounts(accounts))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_moment_has_an_offset_and_is_rounded_up_to_milliseconds() {
        let moment = |text| to_moment("since", text).map(Timestamp::as_millis);
        assert_eq!(moment("1970-01-01T00:00:01Z").unwrap(), 1000);
        assert_eq!(moment("1970-01-01T02:00:01+02:00").unwrap(), 1000);
        assert_eq!(moment("1970-01-01T00:00:00.0001Z").unwrap(), 1);
        assert_eq!(moment("1969-12-31T23:59:59.9999Z").unwrap(), 0);
        assert_eq!(moment("1970-01-01t00:00:01z").unwrap(), 1000);
        for wrong in ["", "1970-01-01", "1970-01-01T00:00:01", "1970-01-01T00:00:01 02:00", "12"] {
            assert!(moment(wrong).unwrap_err().body().error_message.starts_with("since must be"), "{wrong}");
        }
    }

    #[test]
    fn kinds_and_states_convert_both_ways() {
        for known in MessageType::ALL {
            assert_eq!(message_type(kind(*known)), *known);
        }
        for known in api::MessageState::ALL {
            assert_eq!(state(to_state(*known)), *known);
        }
    }
}
