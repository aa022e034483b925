//! A row of what waits.

use ringback_delivery::{OrderingKey, Sequence, Turn, Waiting};
use tokio_postgres::Row;

use super::fault::Fault;
use super::rows;

/// The columns that [`waiting`] reads, in its order, of a `pending` that is called `p`.
macro_rules! waiting_columns {
    () => {
        "p.turn, p.sequence, p.position, p.key, p.accepted_at, p.born, p.attempts, p.charged, p.due, p.successes,
         p.replay"
    };
}
pub(super) use waiting_columns;

/// How many columns those are.
pub(super) const WAITING_COLUMNS: usize = 11;

/// Reads those columns, from the column `at` on.
pub(super) fn waiting(row: &Row, at: usize) -> Result<Waiting, Fault> {
    Ok(Waiting {
        turn: Turn(rows::number(row, at)?),
        sequence: Sequence(rows::number(row, at + 1)?),
        position: row.try_get(at + 2)?,
        key: row.try_get::<_, Option<i64>>(at + 3)?.map(OrderingKey),
        accepted_at: rows::moment(row, at + 4)?,
        born: rows::moment(row, at + 5)?,
        attempts: rows::small(row, at + 6)?,
        charged: rows::small(row, at + 7)?,
        due: rows::optional_moment(row, at + 8)?,
        successes: rows::number(row, at + 9)?,
        replay: row.try_get(at + 10)?,
    })
}
