//! An account's row: its standing.

use std::time::Duration;

use ringback_delivery::{AccountId, PauseClock, Sequence, Standing, Turn};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::fault::Fault;
use super::rows;
use super::work::{News, Work};

/// The columns that [`of_row`] reads, twelve, from the account's table.
macro_rules! standing_columns {
    () => {
        "generation, registered, pull, releases, reinstatements, cancelled_through, acknowledged_through, \
         acknowledged_turn, paused_total, paused_since, last_turn, last_sequence"
    };
}
pub(super) use standing_columns;

/// The account's standing; none when it never was touched.
pub(super) fn read(connection: &Connection, account: AccountId) -> Result<Option<Standing>, Fault> {
    let standing = connection
        .prepare_cached(concat!("SELECT ", standing_columns!(), " FROM account WHERE account = ?1"))?
        .query_row([account.number()], of_row)
        .optional()?;
    Ok(standing)
}

/// A standing from a row that begins with `standing_columns!`.
pub(super) fn of_row(row: &Row<'_>) -> rusqlite::Result<Standing> {
    Ok(Standing {
        generation: row.get(0)?,
        registered: row.get(1)?,
        pull: row.get(2)?,
        releases: row.get(3)?,
        reinstatements: row.get(4)?,
        cancelled_through: Turn(row.get(5)?),
        acknowledged_through: Sequence(row.get(6)?),
        acknowledged_turn: Turn(row.get(7)?),
        pause: PauseClock {
            total: Duration::from_millis(row.get(8)?),
            since: rows::optional_moment(row, 9)?,
        },
        last_turn: Turn(row.get(10)?),
        last_sequence: Sequence(row.get(11)?),
    })
}

/// Changes the account's standing, which makes its row where there is none, and has the listener told.
pub(super) fn change(
    work: &mut Work<'_>,
    account: AccountId,
    change: impl FnOnce(&mut Standing),
) -> Result<Standing, Fault> {
    let mut standing = read(work.connection, account)?.unwrap_or_default();
    change(&mut standing);
    write(work.connection, account, &standing)?;
    work.news.push(News::Standing(account, standing));
    Ok(standing)
}

fn write(connection: &Connection, account: AccountId, standing: &Standing) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "INSERT INTO account (account, generation, registered, pull, releases, reinstatements,
                 cancelled_through, acknowledged_through, acknowledged_turn, paused_total, paused_since)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
             ON CONFLICT (account) DO UPDATE SET
                 generation = excluded.generation, registered = excluded.registered, pull = excluded.pull,
                 releases = excluded.releases, reinstatements = excluded.reinstatements,
                 cancelled_through = excluded.cancelled_through,
                 acknowledged_through = excluded.acknowledged_through,
                 acknowledged_turn = excluded.acknowledged_turn,
                 paused_total = excluded.paused_total, paused_since = excluded.paused_since",
        )?
        .execute(params![
            account.number(),
            standing.generation,
            standing.registered,
            standing.pull,
            standing.releases,
            standing.reinstatements,
            standing.cancelled_through.0,
            standing.acknowledged_through.0,
            standing.acknowledged_turn.0,
            rows::millis(standing.pause.total),
            standing.pause.since.map(|since| since.as_millis()),
        ])?;
    Ok(())
}
