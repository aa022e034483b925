//! An account's replay: a job that is kept, and goes on in bounded steps, the oldest message first.
//!
//! It walks the account's messages once, by their numbers, up to the last one as it began; where it is stands in its row,
//! which each step writes in the same commit as what it put in the queue. So no message is sent again twice by one job,
//! whatever happens between two steps. What was pending as the job began is not part of it, however it ends meanwhile.

use ringback_delivery::{AccountId, MessageState, Sequence, Standing, Timestamp, Turn};
use rusqlite::{Connection, params};

use super::fault::Fault;
use super::message::{MessageRow, message_columns};
use super::replay::Queue;
use super::work::Work;
use super::{rows, standing};
use crate::replaying::COUNT_STEP;
use crate::{ReplayCount, ReplayFilter, ReplayJob, Swept};

/// Messages that one step walks.
const STEP: usize = 500;
/// Bytes of bodies after which a step ends: all of them are handed to the listener.
const STEP_BYTES: usize = 4 * 1024 * 1024;

/// Whether a message is among those that the filter asks for, by this standing.
fn is_wanted(filter: &ReplayFilter, row: &MessageRow, standing: &Standing) -> bool {
    let state = row.state(standing);
    state != MessageState::Pending
        && filter.state.is_none_or(|wanted| wanted == state)
        && filter.since.is_none_or(|since| row.accepted_at >= since)
        && filter.until.is_none_or(|until| row.accepted_at < until)
}

/// A part of a count.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counted {
    /// So many were found in it.
    pub(super) wanted: u64,
    /// The number to go on behind; none at the end.
    pub(super) through: Option<Sequence>,
}

/// Counts a step of what a replay would send again, behind `after`.
pub(super) fn count(
    connection: &Connection,
    account: AccountId,
    filter: &ReplayFilter,
    standing: &Standing,
    after: Sequence,
) -> Result<Counted, Fault> {
    let found = walk(connection, account, after, standing.last_sequence, COUNT_STEP)?;
    let rows = found.iter().filter_map(|(_, row)| row.as_ref());
    let wanted = rows.filter(|row| is_wanted(filter, row, standing)).count() as u64;
    let through = if found.len() < COUNT_STEP { None } else { found.last().map(|(sequence, _)| *sequence) };
    Ok(Counted { wanted, through })
}

/// Messages behind `after` and up to `last`, in order. One whose row makes no sense is there by its number alone: it is
/// not sent again, and holds up nothing.
fn walk(
    connection: &Connection,
    account: AccountId,
    after: Sequence,
    last: Sequence,
    limit: usize,
) -> Result<Vec<(Sequence, Option<MessageRow>)>, Fault> {
    let mut statement = connection.prepare_cached(concat!(
        "SELECT ",
        message_columns!(),
        " FROM message m WHERE m.account = ?1 AND m.sequence > ?2 AND m.sequence <= ?3
          ORDER BY m.sequence LIMIT ?4"
    ))?;
    let mut rows = statement.query(params![account.number(), after.0, last.0, limit])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push((Sequence(row.get(1)?), MessageRow::read(row).ok()));
    }
    Ok(found)
}

/// Keeps a job for the messages up to the last one, of which there are `count`, and releases the lane.
pub(super) fn begin(
    work: &mut Work<'_>,
    now: Timestamp,
    account: AccountId,
    filter: &ReplayFilter,
    count: ReplayCount,
) -> Result<ReplayJob, Fault> {
    let Some(standing) = standing::read(work.connection, account)?.filter(|standing| standing.registered)
    else {
        return Ok(ReplayJob::NotRegistered);
    };
    let kept = work
        .connection
        .prepare_cached(
            "INSERT OR IGNORE INTO replay_job (account, state, since, until, next_sequence, last_sequence,
                 began_at, acknowledged_through, acknowledged_turn)
             VALUES (?1, ?2, ?3, ?4, 1, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            account.number(),
            filter.state.map(rows::state_column),
            filter.since.map(Timestamp::as_millis),
            filter.until.map(Timestamp::as_millis),
            standing.last_sequence.0,
            now.as_millis(),
            standing.acknowledged_through.0,
            standing.acknowledged_turn.0,
        ])?;
    if kept == 0 {
        return Ok(ReplayJob::Busy);
    }
    standing::change(work, account, |standing| standing.releases += 1)?;
    Ok(ReplayJob::Kept(count))
}

/// Ends the account's job, if it has one.
pub(super) fn end(work: &mut Work<'_>, account: AccountId) -> Result<(), Fault> {
    work.connection
        .prepare_cached("DELETE FROM replay_job WHERE account = ?1")?
        .execute([account.number()])?;
    Ok(())
}

/// A kept job.
struct Kept {
    account: AccountId,
    filter: ReplayFilter,
    next: Sequence,
    last: Sequence,
    began_at: Timestamp,
    acknowledged_through: Sequence,
    acknowledged_turn: Turn,
}

/// Does a step of the job that has had the fewest.
pub(super) fn step(work: &mut Work<'_>, now: Timestamp) -> Result<Swept, Fault> {
    let Some(job) = next(work.connection)? else { return Ok(Swept::Done) };
    let standing = standing::read(work.connection, job.account)?.unwrap_or_default();
    let after = Sequence(job.next.0.saturating_sub(1));
    let found = walk(work.connection, job.account, after, job.last, STEP)?;
    let mut walked = 0;
    if standing.registered {
        let mut queue = Queue::new(work, job.account, standing)?;
        let mut bytes = 0;
        for (sequence, row) in &found {
            if bytes >= STEP_BYTES {
                break;
            }
            walked += 1;
            let Some(row) = row.as_ref().filter(|row| job.asks_for(row, &standing)) else { continue };
            let Some(content) = row.content(work.connection)? else {
                let sequence = sequence.0;
                tracing::error!(account = %job.account, sequence, "a message has no body to send again");
                continue;
            };
            bytes += content.body.len();
            queue.put(work, now, row, content)?;
        }
        queue.finish(work)?;
    }
    let is_whole = walked == found.len();
    match found.get(walked.wrapping_sub(1)) {
        Some((sequence, _)) if !is_whole || walked == STEP => go_on_behind(work, job.account, *sequence)?,
        _ => end(work, job.account)?,
    }
    Ok(if next(work.connection)?.is_some() { Swept::More } else { Swept::Done })
}

fn go_on_behind(work: &mut Work<'_>, account: AccountId, sequence: Sequence) -> Result<(), Fault> {
    work.connection
        .prepare_cached("UPDATE replay_job SET next_sequence = ?2, steps = steps + 1 WHERE account = ?1")?
        .execute(params![account.number(), sequence.0 + 1])?;
    Ok(())
}

fn next(connection: &Connection) -> Result<Option<Kept>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT account, state, since, until, next_sequence, last_sequence, began_at,
                acknowledged_through, acknowledged_turn
         FROM replay_job ORDER BY steps, began_at, account LIMIT 1",
    )?;
    let mut found = statement.query([])?;
    let Some(row) = found.next()? else { return Ok(None) };
    let state = row.get::<_, Option<u8>>(1)?.map(rows::state).transpose()?;
    Ok(Some(Kept {
        account: rows::account(row.get(0)?)?,
        filter: ReplayFilter {
            state,
            since: rows::optional_moment(row, 2)?,
            until: rows::optional_moment(row, 3)?,
        },
        next: Sequence(row.get(4)?),
        last: Sequence(row.get(5)?),
        began_at: rows::moment(row, 6)?,
        acknowledged_through: Sequence(row.get(7)?),
        acknowledged_turn: Turn(row.get(8)?),
    }))
}

impl Kept {
    /// Whether the job sends this message again: what was pending as it began it leaves alone.
    fn asks_for(&self, row: &MessageRow, standing: &Standing) -> bool {
        // No cancellation came since: it would have ended the job.
        let then = Standing {
            acknowledged_through: self.acknowledged_through,
            acknowledged_turn: self.acknowledged_turn,
            ..*standing
        };
        let ended_since = row.finished_at.is_some_and(|at| at > self.began_at);
        let was_pending = ended_since && !then.overtakes(row.turn, row.sequence);
        !was_pending && is_wanted(&self.filter, row, &then)
    }
}
