//! Following up in bounded steps on what one small commit decided: a cancellation, an acknowledgement, a release.

use std::collections::HashSet;

use ringback_delivery::{AccountId, Sequence, Standing, Timestamp, Turn};

use super::fault::Fault;
use super::link::{Link, args};
use super::rows;
use super::settle::{self, End, Ending};
use crate::{Movements, Swept};

/// Messages in one step.
const STEP: usize = 500;
/// Rows that are read at once.
const PORTION: i64 = 512;

/// Settles a step of what the account acknowledged (delivered) or cancelled by this standing, but for what is under way.
pub(super) async fn sweep(
    tx: &Link,
    now: Timestamp,
    account: AccountId,
    standing: &Standing,
    under_way: &HashSet<Turn>,
) -> Result<(Swept, Movements), Fault> {
    let mut found = overtaken_at_the_head(tx, account, standing, under_way).await?;
    if found.len() < STEP {
        found.extend(acknowledged_replays(tx, account, standing, under_way).await?);
    }
    let step = &found[..found.len().min(STEP)];
    let endings: Vec<Ending> = step
        .iter()
        .map(|&(turn, sequence)| {
            let delivered = standing.acknowledges(turn, sequence);
            Ending { turn, sequence, end: if delivered { End::Delivered } else { End::Cancelled } }
        })
        .collect();
    let moved = settle::end(tx, now, account, &endings).await?;
    Ok((if found.len() < STEP { Swept::Done } else { Swept::More }, moved))
}

type Place = (Turn, Sequence);

/// Up to a step of what is overtaken, from the head of the queue to the first that is not.
///
/// Nothing accepted waits overtaken behind that one: it would be acknowledged, and whatever waits before an accepted
/// message has a lower number, so it would be acknowledged too.
async fn overtaken_at_the_head(
    link: &Link,
    account: AccountId,
    standing: &Standing,
    under_way: &HashSet<Turn>,
) -> Result<Vec<Place>, Fault> {
    let (shard, number) = rows::key(account);
    let mut found = Vec::new();
    let mut after = -1_i64;
    while found.len() < STEP {
        let portion = link
            .rows(
                "SELECT turn, sequence FROM ringback.pending WHERE shard = $1 AND account = $2 AND turn > $3
                 ORDER BY turn LIMIT $4",
                args![INT2 shard, INT8 number, INT8 after, INT8 PORTION],
            )
            .await?;
        for row in &portion {
            let (turn, sequence) = (Turn(rows::number(row, 0)?), Sequence(rows::number(row, 1)?));
            if !standing.overtakes(turn, sequence) || found.len() == STEP {
                return Ok(found);
            }
            if !under_way.contains(&turn) {
                found.push((turn, sequence));
            }
            after = row.try_get(0)?;
        }
        if i64::try_from(portion.len()).is_ok_and(|read| read < PORTION) {
            break;
        }
    }
    Ok(found)
}

/// Up to a step of the acknowledged messages that a replay moved behind the place of the cancellation.
async fn acknowledged_replays(
    link: &Link,
    account: AccountId,
    standing: &Standing,
    under_way: &HashSet<Turn>,
) -> Result<Vec<Place>, Fault> {
    let (shard, number) = rows::key(account);
    let kept_back: Vec<i64> = under_way.iter().map(|turn| rows::number_column(turn.0)).collect();
    let found = link
        .rows(
            "SELECT turn, sequence FROM ringback.pending
             WHERE shard = $1 AND account = $2 AND replay AND sequence <= $3 AND turn <= $4
                 AND NOT (turn = ANY ($5))
             ORDER BY sequence LIMIT $6",
            args![
                INT2 shard, INT8 number, INT8 rows::number_column(standing.acknowledged_through.0),
                INT8 rows::number_column(standing.acknowledged_turn.0), INT8_ARRAY kept_back,
                INT8 i64::try_from(STEP).unwrap_or(i64::MAX)
            ],
        )
        .await?;
    let places = found.iter().map(|row| Ok((Turn(rows::number(row, 0)?), Sequence(rows::number(row, 1)?))));
    let mut places = places.collect::<Result<Vec<Place>, Fault>>()?;
    // Those at the head were found there.
    places.retain(|(turn, _)| *turn > standing.cancelled_through);
    Ok(places)
}

/// Makes a step of what was tried and waits due now.
pub(super) async fn hasten(tx: &Link, now: Timestamp, account: AccountId) -> Result<Swept, Fault> {
    let (shard, number) = rows::key(account);
    let step = i64::try_from(STEP).unwrap_or(i64::MAX);
    let found = tx
        .row(
            // What somebody records meanwhile is not changed here, and is found all the same: more may wait behind it.
            "WITH found AS MATERIALIZED (
                 SELECT p.ctid AS tid FROM ringback.pending p
                 WHERE p.shard = $1 AND p.account = $2 AND p.due > $3 ORDER BY p.due LIMIT $4),
             hastened AS (
                 UPDATE ringback.pending SET due = $3 WHERE ctid = ANY (ARRAY(SELECT f.tid FROM found f)))
             SELECT count(*) FROM found",
            args![INT2 shard, INT8 number, INT8 now.as_millis(), INT8 step],
        )
        .await?;
    Ok(if found.try_get::<_, i64>(0)? < step { Swept::Done } else { Swept::More })
}
