//! A lane's row: what its endpoint has shown, and the ledger's counters.

use ringback_delivery::{AccountId, Health, LaneRecord, Timestamp, Trouble};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::fault::Fault;

/// How many messages came to their end, to be added to the counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Ended {
    pub(super) delivered: u64,
    pub(super) dead: u64,
    pub(super) cancelled: u64,
}

impl Ended {
    /// All together.
    pub(super) fn sum(self) -> u64 {
        self.delivered + self.dead + self.cancelled
    }
}

/// The columns that [`of_row`] reads, from the lane's table.
macro_rules! lane_columns {
    () => {
        "successes, releases_seen, reinstatements_seen, health, failures, since, probe_at, trouble"
    };
}
pub(super) use lane_columns;

/// The lane's record; the default one where nothing was recorded.
pub(super) fn read(connection: &Connection, account: AccountId) -> Result<LaneRecord, Fault> {
    let found = connection
        .prepare_cached(concat!("SELECT ", lane_columns!(), " FROM lane WHERE account = ?1"))?
        .query_row([account.number()], |row| Ok(of_row(row, 0)))
        .optional()?;
    found.unwrap_or(Ok(LaneRecord::default()))
}

/// A record from a row in which `lane_columns!` begin at `from`.
pub(super) fn of_row(row: &Row<'_>, from: usize) -> Result<LaneRecord, Fault> {
    let moment = |column: usize| {
        let found: Option<i64> = row.get(from + column)?;
        found.map(Timestamp::from_millis).ok_or_else(|| Fault::damaged("a closed lane lacks a moment"))
    };
    let health = match row.get(from + 3)? {
        0 => Health::Open { failures: row.get(from + 4)? },
        1 => Health::Hold {
            since: moment(5)?,
            failed_probes: row.get(from + 4)?,
            probe_at: moment(6)?,
            trouble: Trouble::from_number(row.get(from + 7)?)
                .ok_or_else(|| Fault::damaged("a lane is in no known trouble"))?,
        },
        2 => Health::Suspended { since: moment(5)? },
        _ => return Err(Fault::damaged("a lane is in no known health")),
    };
    Ok(LaneRecord {
        successes: row.get(from)?,
        health,
        releases_seen: row.get(from + 1)?,
        reinstatements_seen: row.get(from + 2)?,
    })
}

/// Puts a record in place of the one before, and counts what came to its end.
pub(super) fn write(
    connection: &Connection,
    account: AccountId,
    record: &LaneRecord,
    ended: Ended,
) -> Result<(), Fault> {
    let (health, failures, since, probe_at, trouble) = match record.health {
        Health::Open { failures } => (0, failures, None, None, None),
        Health::Hold { since, failed_probes, probe_at, trouble } => {
            (1, failed_probes, Some(since), Some(probe_at), Some(trouble.number()))
        }
        Health::Suspended { since } => (2, 0, Some(since), None, None),
    };
    connection
        .prepare_cached(
            "INSERT INTO lane (account, successes, releases_seen, reinstatements_seen,
                 health, failures, since, probe_at, trouble, delivered, dead, cancelled)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
             ON CONFLICT (account) DO UPDATE SET
                 successes = excluded.successes, releases_seen = excluded.releases_seen,
                 reinstatements_seen = excluded.reinstatements_seen, health = excluded.health,
                 failures = excluded.failures, since = excluded.since, probe_at = excluded.probe_at,
                 trouble = excluded.trouble, delivered = delivered + excluded.delivered,
                 dead = dead + excluded.dead, cancelled = cancelled + excluded.cancelled",
        )?
        .execute(params![
            account.number(),
            record.successes,
            record.releases_seen,
            record.reinstatements_seen,
            health,
            failures,
            since.map(Timestamp::as_millis),
            probe_at.map(Timestamp::as_millis),
            trouble,
            ended.delivered,
            ended.dead,
            ended.cancelled,
        ])?;
    Ok(())
}

/// Counts what came to its end.
pub(super) fn count(connection: &Connection, account: AccountId, ended: Ended) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "INSERT INTO lane (account, delivered, dead, cancelled) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (account) DO UPDATE SET
                 delivered = delivered + excluded.delivered, dead = dead + excluded.dead,
                 cancelled = cancelled + excluded.cancelled",
        )?
        .execute(params![account.number(), ended.delivered, ended.dead, ended.cancelled])?;
    Ok(())
}
