//! Between columns and the domain's types. What does not convert is damage, and says so.

use ringback_delivery::{AccountId, Death, MessageState, Timestamp};
use rusqlite::Row;

use super::fault::Fault;

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

/// The number that stands for a state. It is part of the stored format.
pub(super) fn state_column(state: MessageState) -> u8 {
    match state {
        MessageState::Pending => 0,
        MessageState::Delivered => 1,
        MessageState::Dead => 2,
        MessageState::Cancelled => 3,
    }
}

/// The state that a number stands for.
pub(super) fn state(number: u8) -> Result<MessageState, Fault> {
    match number {
        0 => Ok(MessageState::Pending),
        1 => Ok(MessageState::Delivered),
        2 => Ok(MessageState::Dead),
        3 => Ok(MessageState::Cancelled),
        _ => Err(Fault::damaged("a message is in no known state")),
    }
}

/// The number that stands for a cause of death. It is part of the stored format.
pub(super) fn death_column(death: Death) -> u8 {
    match death {
        Death::Attempts => 1,
        Death::Age => 2,
    }
}

/// The cause of death that a number stands for.
pub(super) fn death(number: u8) -> Result<Death, Fault> {
    match number {
        1 => Ok(Death::Attempts),
        2 => Ok(Death::Age),
        _ => Err(Fault::damaged("a message died of no known cause")),
    }
}

/// Whole milliseconds, as a column holds a span.
pub(super) fn millis(span: std::time::Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}
