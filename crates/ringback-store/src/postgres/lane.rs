//! A lane's state: what its endpoint has shown, and the ledger's counters.

use std::collections::HashMap;

use ringback_delivery::{AccountId, Health, LaneRecord, MessageState, Trouble};
use tokio_postgres::Row;

use super::fault::Fault;
use super::link::{Link, args};
use super::rows;
use crate::Counts;

/// How many messages came to an end, or left it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Ended {
    pub(super) delivered: i64,
    pub(super) dead: i64,
    pub(super) cancelled: i64,
}

impl Ended {
    /// Counts a message by the state that it is in.
    pub(super) fn tally(&mut self, state: MessageState) {
        match state {
            MessageState::Delivered => self.delivered += 1,
            MessageState::Dead => self.dead += 1,
            MessageState::Cancelled => self.cancelled += 1,
            MessageState::Pending => {}
        }
    }
}

/// A record, or the default one where the lane has no row: eight columns from the column `at` on.
pub(super) fn optional_record(row: &Row, at: usize) -> Result<LaneRecord, Fault> {
    let Some(successes) = row.try_get::<_, Option<i64>>(at)? else { return Ok(LaneRecord::default()) };
    let moment = |column: usize| {
        rows::optional_moment(row, at + column)?.ok_or_else(|| Fault::damaged("a closed lane lacks a moment"))
    };
    let failures = || {
        u32::try_from(row.try_get::<_, i64>(at + 4)?).map_err(|_| Fault::damaged("a number is out of range"))
    };
    let health = match row.try_get::<_, i16>(at + 3)? {
        0 => Health::Open { failures: failures()? },
        1 => Health::Hold {
            since: moment(5)?,
            failed_probes: failures()?,
            probe_at: moment(6)?,
            trouble: row
                .try_get::<_, Option<i32>>(at + 7)?
                .and_then(|number| u16::try_from(number).ok())
                .and_then(Trouble::from_number)
                .ok_or_else(|| Fault::damaged("a lane is in no known trouble"))?,
        },
        2 => Health::Suspended { since: moment(5)? },
        _ => return Err(Fault::damaged("a lane is in no known health")),
    };
    Ok(LaneRecord {
        successes: u64::try_from(successes).map_err(|_| Fault::damaged("a number is negative"))?,
        health,
        releases_seen: rows::number(row, at + 1)?,
        reinstatements_seen: rows::number(row, at + 2)?,
    })
}

/// A health as its columns: which, failures, since, when to probe, trouble.
pub(super) fn health_columns(health: &Health) -> (i16, i64, Option<i64>, Option<i64>, Option<i32>) {
    match *health {
        Health::Open { failures } => (0, failures.into(), None, None, None),
        Health::Hold { since, failed_probes, probe_at, trouble } => (
            1,
            failed_probes.into(),
            Some(since.as_millis()),
            Some(probe_at.as_millis()),
            Some(trouble.number().into()),
        ),
        Health::Suspended { since } => (2, 0, Some(since.as_millis()), None, None),
    }
}

/// The lane's record and its counters; the defaults where nothing was recorded.
pub(super) async fn read(link: &Link, account: AccountId) -> Result<(LaneRecord, Counts), Fault> {
    let (shard, number) = rows::key(account);
    let found = link
        .maybe(
            "SELECT successes, releases_seen, reinstatements_seen, health, failures, since, probe_at, trouble,
                    delivered, dead, cancelled, dropped_delivered, dropped_dead, dropped_cancelled
             FROM ringback.lane WHERE shard = $1 AND account = $2 ORDER BY version DESC LIMIT 1",
            args![INT2 shard, INT8 number],
        )
        .await?;
    let Some(row) = found else { return Ok(Default::default()) };
    Ok((optional_record(&row, 0)?, counts(&row)?))
}

/// The records and counters of many lanes, those that have any.
pub(super) async fn read_all(
    link: &Link,
    accounts: &[AccountId],
) -> Result<HashMap<AccountId, (LaneRecord, Counts)>, Fault> {
    if accounts.is_empty() {
        return Ok(HashMap::new());
    }
    let (shards, numbers): (Vec<i16>, Vec<i64>) = accounts.iter().map(|account| rows::key(*account)).unzip();
    let found = link
        .rows(
            "SELECT l.successes, l.releases_seen, l.reinstatements_seen, l.health, l.failures, l.since,
                 l.probe_at, l.trouble, l.delivered, l.dead, l.cancelled, l.dropped_delivered, l.dropped_dead,
                 l.dropped_cancelled, i.account
             FROM unnest($1, $2) AS i (shard, account)
             CROSS JOIN LATERAL (SELECT * FROM ringback.lane l
                 WHERE l.shard = i.shard AND l.account = i.account ORDER BY l.version DESC LIMIT 1) l",
            args![INT2_ARRAY shards, INT8_ARRAY numbers],
        )
        .await?;
    found.iter().map(|row| Ok((rows::account(row, 14)?, (optional_record(row, 0)?, counts(row)?)))).collect()
}

/// The counters: six columns behind the record's.
pub(super) fn counts(row: &Row) -> Result<Counts, Fault> {
    Ok(Counts {
        delivered: rows::number(row, 8)?,
        dead: rows::number(row, 9)?,
        cancelled: rows::number(row, 10)?,
        dropped_delivered: rows::number(row, 11)?,
        dropped_dead: rows::number(row, 12)?,
        dropped_cancelled: rows::number(row, 13)?,
        ..Counts::default()
    })
}

/// All that are not pending any more.
pub(super) fn finished(counts: &Counts) -> u64 {
    counts.delivered
        + counts.dead
        + counts.cancelled
        + counts.dropped_delivered
        + counts.dropped_dead
        + counts.dropped_cancelled
}

/// What changes of a lane's counters in one transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) account: AccountId,
    /// What is to be added to those that are here, or taken off.
    pub(super) here: Ended,
    /// What is to be added to those that the retention took.
    pub(super) dropped: Ended,
}

/// Puts a new version of each lane in place, with other counters. None goes below nothing: damage must not stop it, and a
/// check sees it all the same. Fails with a conflict where somebody else changes one of the lanes at the same time, or changed
/// it meanwhile.
pub(super) async fn count(link: &Link, changes: &[Change]) -> Result<(), Fault> {
    let mut changes = changes.to_vec();
    changes.sort_unstable_by_key(|change| rows::key(change.account));
    let column = |of: fn(&Change) -> i64| changes.iter().map(of).collect::<Vec<i64>>();
    let (shards, accounts): (Vec<i16>, Vec<i64>) =
        changes.iter().map(|change| rows::key(change.account)).unzip();
    if shards.is_empty() {
        return Ok(());
    }
    link.run(
        "WITH change AS MATERIALIZED (
             SELECT i.*, l.tid, l.version, l.successes, l.releases_seen, l.reinstatements_seen, l.health, l.failures,
                 l.since, l.probe_at, l.trouble, l.delivered AS was_delivered, l.dead AS was_dead,
                 l.cancelled AS was_cancelled, l.dropped_delivered AS were_delivered,
                 l.dropped_dead AS were_dead, l.dropped_cancelled AS were_cancelled
             FROM unnest($1, $2, $3, $4, $5, $6, $7, $8)
                 AS i (shard, account, delivered, dead, cancelled, gone_delivered, gone_dead, gone_cancelled)
             LEFT JOIN LATERAL (SELECT l.ctid AS tid, l.* FROM ringback.lane l
                 WHERE l.shard = i.shard AND l.account = i.account ORDER BY l.version DESC LIMIT 1) l ON true),
         superseded AS (
             DELETE FROM ringback.lane
             WHERE ctid = ANY (ARRAY(SELECT c.tid FROM change c WHERE c.tid IS NOT NULL)))
         INSERT INTO ringback.lane
         SELECT shard, account, coalesce(version, 0) + 1, coalesce(successes, 0), coalesce(releases_seen, 0),
             coalesce(reinstatements_seen, 0), coalesce(health, 0), coalesce(failures, 0), since, probe_at, trouble,
             greatest(coalesce(was_delivered, 0) + delivered, 0), greatest(coalesce(was_dead, 0) + dead, 0),
             greatest(coalesce(was_cancelled, 0) + cancelled, 0),
             coalesce(were_delivered, 0) + gone_delivered, coalesce(were_dead, 0) + gone_dead,
             coalesce(were_cancelled, 0) + gone_cancelled
         FROM change",
        args![
            INT2_ARRAY shards, INT8_ARRAY accounts,
            INT8_ARRAY column(|change| change.here.delivered), INT8_ARRAY column(|change| change.here.dead),
            INT8_ARRAY column(|change| change.here.cancelled),
            INT8_ARRAY column(|change| change.dropped.delivered), INT8_ARRAY column(|change| change.dropped.dead),
            INT8_ARRAY column(|change| change.dropped.cancelled)
        ],
    )
    .await?;
    Ok(())
}
