//! A row of what waits.

use ringback_delivery::{OrderingKey, Sequence, Turn, Waiting};
use rusqlite::Row;

use super::rows;

/// The columns that [`waiting`] reads, in its order.
macro_rules! waiting_columns {
    () => {
        "turn, sequence, position, key, accepted_at, born, attempts, charged, due, successes, replay"
    };
}
pub(super) use waiting_columns;

/// Reads a row of those columns.
pub(super) fn waiting(row: &Row<'_>) -> rusqlite::Result<Waiting> {
    Ok(Waiting {
        turn: Turn(row.get(0)?),
        sequence: Sequence(row.get(1)?),
        position: row.get(2)?,
        key: row.get::<_, Option<i64>>(3)?.map(OrderingKey),
        accepted_at: rows::moment(row, 4)?,
        born: rows::moment(row, 5)?,
        attempts: row.get(6)?,
        charged: row.get(7)?,
        due: rows::optional_moment(row, 8)?,
        successes: row.get(9)?,
        replay: row.get(10)?,
    })
}
