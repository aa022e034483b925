//! Between columns and the domain's types. What does not convert is damage, and says so.

use ringback_delivery::{AccountId, Death, MessageState, Timestamp};
use rusqlite::Row;

use super::fault::Fault;
use crate::stored;

/// The account of a column.
pub(super) fn account(number: u64) -> Result<AccountId, Fault> {
    AccountId::from_number(number).ok_or_else(|| Fault::damaged("an account's number is out of range"))
}

/// A moment of a column.
pub(super) fn moment(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    row.get(column).map(Timestamp::from_millis)
}

/// A moment, or none, of a column.
pub(super) fn optional_moment(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp::from_millis))
}

/// The number that stands for a state.
pub(super) fn state_column(state: MessageState) -> u8 {
    stored::state_number(state)
}

/// The state that a number stands for.
pub(super) fn state(number: u8) -> Result<MessageState, Fault> {
    stored::state_of(number.into()).ok_or_else(|| Fault::damaged("a message is in no known state"))
}

/// The number that stands for a cause of death.
pub(super) fn death_column(death: Death) -> u8 {
    stored::death_number(death)
}

/// The cause of death that a number stands for.
pub(super) fn death(number: u8) -> Result<Death, Fault> {
    stored::death_of(number.into()).ok_or_else(|| Fault::damaged("a message died of no known cause"))
}

/// Whole milliseconds, as a column holds a span.
pub(super) fn millis(span: std::time::Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}
