//! An account's row: its standing.
//!
//! The last sequence number is not in the row. Whoever has to know it for certain locks the row before; a statement that
//! comes after the lock sees all that was accepted until then.

use std::time::Duration;

use ringback_delivery::{AccountId, PauseClock, Sequence, Standing, Turn};
use tokio_postgres::Row;

use super::fault::Fault;
use super::link::{Link, args};
use super::rows;

/// The last sequence number of an account that is called `a`.
macro_rules! last_sequence {
    () => {
        "greatest(a.base_sequence, coalesce((SELECT r.sequence FROM ringback.arrival r
             WHERE r.shard = a.shard AND r.account = a.account AND r.position >= a.tail_from
             ORDER BY r.sequence DESC LIMIT 1), 0))"
    };
}
pub(super) use last_sequence;

/// The columns that [`standing`] reads, in its order, of an account that is called `a`.
macro_rules! standing_columns {
    () => {
        concat!(
            "a.generation, a.registered, a.pull, a.releases, a.reinstatements, a.cancelled_through,
             a.acknowledged_through, a.acknowledged_turn, a.paused_total, a.paused_since, a.replays, ",
            $crate::postgres::standing::last_sequence!()
        )
    };
}
pub(super) use standing_columns;

/// How many columns those are.
pub(super) const STANDING_COLUMNS: usize = 12;

/// Reads those columns, from the column `at` on.
pub(super) fn standing(row: &Row, at: usize) -> Result<Standing, Fault> {
    let last_sequence = rows::number(row, at + 11)?;
    Ok(Standing {
        generation: rows::number(row, at)?,
        registered: row.try_get(at + 1)?,
        pull: row.try_get(at + 2)?,
        releases: rows::number(row, at + 3)?,
        reinstatements: rows::number(row, at + 4)?,
        cancelled_through: Turn(rows::number(row, at + 5)?),
        acknowledged_through: Sequence(rows::number(row, at + 6)?),
        acknowledged_turn: Turn(rows::number(row, at + 7)?),
        pause: PauseClock {
            total: Duration::from_millis(rows::number(row, at + 8)?),
            since: rows::optional_moment(row, at + 9)?,
        },
        last_turn: Turn(last_sequence + rows::number(row, at + 10)?),
        last_sequence: Sequence(last_sequence),
    })
}

/// The account's standing; none when it never was touched.
pub(super) async fn read(link: &Link, account: AccountId) -> Result<Option<Standing>, Fault> {
    let (shard, number) = rows::key(account);
    let found = link
        .maybe(
            concat!(
                "SELECT ",
                standing_columns!(),
                " FROM ringback.account a WHERE a.shard = $1 AND a.account = $2"
            ),
            args![INT2 shard, INT8 number],
        )
        .await?;
    found.map(|row| standing(&row, 0)).transpose()
}

/// The standings of many accounts; those that never were touched are left out.
pub(super) async fn read_all(
    link: &Link,
    accounts: &[AccountId],
) -> Result<Vec<(AccountId, Standing)>, Fault> {
    if accounts.is_empty() {
        return Ok(Vec::new());
    }
    let (shards, numbers): (Vec<i16>, Vec<i64>) = accounts.iter().map(|account| rows::key(*account)).unzip();
    let found = link
        .rows(
            concat!(
                "SELECT a.account, ",
                standing_columns!(),
                " FROM unnest($1, $2) AS i (shard, account)
                  CROSS JOIN LATERAL (SELECT * FROM ringback.account a
                      WHERE a.shard = i.shard AND a.account = i.account LIMIT 1) a"
            ),
            args![INT2_ARRAY shards, INT8_ARRAY numbers],
        )
        .await?;
    found.iter().map(|row| Ok((rows::account(row, 0)?, standing(row, 1)?))).collect()
}

/// Locks the account's row, which is made where there is none. What is read behind this is so until the transaction ends.
pub(super) async fn lock(tx: &Link, account: AccountId, make: bool) -> Result<bool, Fault> {
    let (shard, number) = rows::key(account);
    let locked = "SELECT 1 FROM ringback.account WHERE shard = $1 AND account = $2 FOR NO KEY UPDATE";
    if tx.maybe(locked, args![INT2 shard, INT8 number]).await?.is_some() {
        return Ok(true);
    }
    if !make {
        return Ok(false);
    }
    tx.run(
        "INSERT INTO ringback.account (shard, account) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        args![INT2 shard, INT8 number],
    )
    .await?;
    Ok(tx.maybe(locked, args![INT2 shard, INT8 number]).await?.is_some())
}

/// Writes what the account decides; what it counts is not touched.
pub(super) async fn write(tx: &Link, account: AccountId, standing: &Standing) -> Result<(), Fault> {
    let (shard, number) = rows::key(account);
    tx.run(
        "UPDATE ringback.account SET generation = $3, registered = $4, pull = $5, releases = $6,
             reinstatements = $7, cancelled_through = $8, acknowledged_through = $9, acknowledged_turn = $10,
             paused_total = $11, paused_since = $12
         WHERE shard = $1 AND account = $2",
        args![
            INT2 shard, INT8 number, INT8 rows::number_column(standing.generation), BOOL standing.registered,
            BOOL standing.pull, INT8 rows::number_column(standing.releases),
            INT8 rows::number_column(standing.reinstatements),
            INT8 rows::number_column(standing.cancelled_through.0),
            INT8 rows::number_column(standing.acknowledged_through.0),
            INT8 rows::number_column(standing.acknowledged_turn.0), INT8 rows::millis(standing.pause.total),
            INT8 standing.pause.since.map(|since| since.as_millis())
        ],
    )
    .await?;
    Ok(())
}
