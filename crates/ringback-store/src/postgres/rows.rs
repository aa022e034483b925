//! Between columns and the domain's types. What does not convert is damage, and says so.

use ringback_delivery::{AccountId, Timestamp};
use tokio_postgres::Row;

use super::fault::Fault;

/// An account as its two key columns.
pub(super) fn key(account: AccountId) -> (i16, i64) {
    (shard_column(account.shard()), number_column(account.number()))
}

/// A shard as a column: it is below 1,024.
pub(super) fn shard_column(shard: u16) -> i16 {
    i16::try_from(shard).unwrap_or(i16::MAX)
}

/// A number of ours as a column: none comes near the end of `i64`.
pub(super) fn number_column(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number of a column.
pub(super) fn number(row: &Row, column: usize) -> Result<u64, Fault> {
    u64::try_from(row.try_get::<_, i64>(column)?).map_err(|_| Fault::damaged("a number is negative"))
}

/// A small number of a column.
pub(super) fn small(row: &Row, column: usize) -> Result<u32, Fault> {
    u32::try_from(row.try_get::<_, i32>(column)?).map_err(|_| Fault::damaged("a number is negative"))
}

/// A shard of a column.
pub(super) fn shard(row: &Row, column: usize) -> Result<u16, Fault> {
    u16::try_from(row.try_get::<_, i16>(column)?).map_err(|_| Fault::damaged("a shard is negative"))
}

/// The account of a column.
pub(super) fn account(row: &Row, column: usize) -> Result<AccountId, Fault> {
    AccountId::from_number(number(row, column)?)
        .ok_or_else(|| Fault::damaged("an account's number is out of range"))
}

/// A moment of a column.
pub(super) fn moment(row: &Row, column: usize) -> Result<Timestamp, Fault> {
    Ok(Timestamp::from_millis(row.try_get(column)?))
}

/// A moment, or none, of a column.
pub(super) fn optional_moment(row: &Row, column: usize) -> Result<Option<Timestamp>, Fault> {
    Ok(row.try_get::<_, Option<i64>>(column)?.map(Timestamp::from_millis))
}

/// Whole milliseconds, as a column holds a span.
pub(super) fn millis(span: std::time::Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}
