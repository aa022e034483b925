//! Following up in bounded steps on what one small commit decided: a cancellation, an acknowledgement, a release.

use std::collections::HashSet;

use ringback_delivery::{AccountId, Sequence, Standing, Timestamp, Turn};
use rusqlite::{Connection, params};

use super::fault::Fault;
use super::settle::{End, Settling};
use super::work::Work;
use crate::Swept;

/// Messages in one step.
const STEP: usize = 500;

/// Settles a step of what the account acknowledged (delivered) or cancelled by this standing, but for what is under way.
pub(super) fn sweep(
    work: &mut Work<'_>,
    now: Timestamp,
    account: AccountId,
    standing: &Standing,
    under_way: &HashSet<Turn>,
) -> Result<Swept, Fault> {
    let mut found = overtaken_at_the_head(work.connection, account, standing, under_way)?;
    if found.len() < STEP {
        found.extend(acknowledged_replays(work.connection, account, standing, under_way)?);
    }
    let step = &found[..found.len().min(STEP)];
    let mut settling = Settling::new(work.connection)?;
    for &(turn, sequence) in step {
        let end = if standing.acknowledges(turn, sequence) { End::Delivered } else { End::Cancelled };
        settling.end(now, account, turn, sequence, end, None)?;
    }
    settling.finish(work)?;
    Ok(if found.len() < STEP { Swept::Done } else { Swept::More })
}

type Place = (Turn, Sequence);

/// Up to a step of what is overtaken, from the head of the queue to the first that is not.
///
/// Nothing accepted waits overtaken behind that one: it would be acknowledged, and whatever waits before an accepted
/// message has a lower number, so it would be acknowledged too.
fn overtaken_at_the_head(
    connection: &Connection,
    account: AccountId,
    standing: &Standing,
    under_way: &HashSet<Turn>,
) -> Result<Vec<Place>, Fault> {
    let mut queue =
        connection.prepare_cached("SELECT turn, sequence FROM pending WHERE account = ?1 ORDER BY turn")?;
    let mut rows = queue.query([account.number()])?;
    let mut found = Vec::new();
    while found.len() < STEP
        && let Some(row) = rows.next()?
    {
        let (turn, sequence) = (Turn(row.get(0)?), Sequence(row.get(1)?));
        if !standing.overtakes(turn, sequence) {
            break;
        }
        if !under_way.contains(&turn) {
            found.push((turn, sequence));
        }
    }
    Ok(found)
}

/// Up to a step of the acknowledged messages that a replay moved behind the place of the cancellation.
fn acknowledged_replays(
    connection: &Connection,
    account: AccountId,
    standing: &Standing,
    under_way: &HashSet<Turn>,
) -> Result<Vec<Place>, Fault> {
    let mut replays = connection.prepare_cached(
        "SELECT turn, sequence FROM pending INDEXED BY pending_replay
         WHERE account = ?1 AND replay = 1 AND sequence <= ?2 AND turn <= ?3",
    )?;
    let acknowledged = (standing.acknowledged_through.0, standing.acknowledged_turn.0);
    let mut rows = replays.query(params![account.number(), acknowledged.0, acknowledged.1])?;
    let mut found = Vec::new();
    while found.len() < STEP
        && let Some(row) = rows.next()?
    {
        let (turn, sequence) = (Turn(row.get(0)?), Sequence(row.get(1)?));
        if !under_way.contains(&turn) {
            found.push((turn, sequence));
        }
    }
    Ok(found)
}

/// Makes a step of what was tried and waits due now.
pub(super) fn hasten(work: &mut Work<'_>, now: Timestamp, account: AccountId) -> Result<Swept, Fault> {
    let hastened = work
        .connection
        .prepare_cached(
            "UPDATE pending SET due = ?2 WHERE account = ?1 AND turn IN
                 (SELECT turn FROM pending INDEXED BY pending_due
                  WHERE account = ?1 AND due > ?2 ORDER BY due LIMIT ?3)",
        )?
        .execute(params![account.number(), now.as_millis(), STEP])?;
    Ok(if hastened < STEP { Swept::Done } else { Swept::More })
}
