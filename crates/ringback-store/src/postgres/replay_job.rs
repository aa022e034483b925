//! An account's replay: a job that is kept, and goes on in bounded steps, the oldest message first.
//!
//! It walks the account's messages once, by their numbers, up to the last one as it began; where it is stands in its row,
//! which each step writes in the same commit as what it put in the queue. So no message is sent again twice by one job,
//! whatever happens between two steps. What was pending as the job began is not part of it, however it ends meanwhile.

use ringback_delivery::{AccountId, MessageState, Sequence, Standing, Timestamp, Turn};

use super::fault::Fault;
use super::link::{Link, args};
use super::message::{self, MessageRow};
use super::replay::{Queue, lock_mover};
use super::{rows, standing};
use crate::replaying::COUNT_STEP;
use crate::{Fresh, Movements, ReplayCount, ReplayFilter, ReplayJob, Swept, stored};

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

/// How many a replay would send again, of those up to `standing`'s last one, as far as so many steps tell. Each step is a
/// read of its own.
pub(super) async fn count(
    link: &Link,
    account: AccountId,
    filter: &ReplayFilter,
    standing: &Standing,
    steps: usize,
) -> Result<ReplayCount, Fault> {
    let (mut messages, mut after) = (0, Sequence(0));
    for _ in 0..steps {
        let found = message::walk_up(link, account, after, standing.last_sequence, COUNT_STEP).await?;
        let rows = found.iter().filter_map(|(_, row)| row.as_ref());
        messages += rows.filter(|row| is_wanted(filter, row, standing)).count() as u64;
        match found.last() {
            Some((last, _)) if found.len() == COUNT_STEP => after = *last,
            _ => return Ok(ReplayCount::exactly(messages)),
        }
    }
    Ok(ReplayCount { messages, at_least: true })
}

/// Keeps a job for the messages up to the last one, of which there are `count`; gives the account's standing, its lane released.
pub(super) async fn begin(
    tx: &Link,
    now: Timestamp,
    account: AccountId,
    filter: &ReplayFilter,
    count: ReplayCount,
) -> Result<(ReplayJob, Option<Standing>), Fault> {
    standing::lock(tx, account, false).await?;
    let known = standing::read(tx, account).await?;
    let Some(mut standing) = known.filter(|standing| standing.registered) else {
        return Ok((ReplayJob::NotRegistered, None));
    };
    let (shard, number) = rows::key(account);
    let state: Option<i16> = filter.state.map(|state| stored::state_number(state).into());
    let kept = tx
        .run(
            "INSERT INTO ringback.replay_job (shard, account, state, since, until, next_sequence, last_sequence,
                 began_at, acknowledged_through, acknowledged_turn)
             VALUES ($1, $2, $3, $4, $5, 1, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
            args![
                INT2 shard, INT8 number, INT2 state, INT8 filter.since.map(Timestamp::as_millis),
                INT8 filter.until.map(Timestamp::as_millis), INT8 rows::number_column(standing.last_sequence.0),
                INT8 now.as_millis(), INT8 rows::number_column(standing.acknowledged_through.0),
                INT8 rows::number_column(standing.acknowledged_turn.0)
            ],
        )
        .await?;
    if kept == 0 {
        return Ok((ReplayJob::Busy, None));
    }
    standing.releases += 1;
    standing::write(tx, account, &standing).await?;
    Ok((ReplayJob::Kept(count), Some(standing)))
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

/// What a step came to.
pub(super) struct Step {
    pub(super) swept: Swept,
    /// What waits again, of this account.
    pub(super) fresh: Option<(AccountId, Vec<Fresh>)>,
    pub(super) moved: Movements,
}

/// Does a step of the job that has had the fewest. On another node that is at it the work waits.
pub(super) async fn step(tx: &Link, now: Timestamp) -> Result<Step, Fault> {
    let done = |swept| Step { swept, fresh: None, moved: Movements::default() };
    if next(tx).await?.is_none() {
        return Ok(done(Swept::Done));
    }
    lock_mover(tx).await?;
    let Some(job) = next(tx).await? else { return Ok(done(Swept::Done)) };
    standing::lock(tx, job.account, false).await?;
    let standing = standing::read(tx, job.account).await?.unwrap_or_default();
    let after = Sequence(job.next.0.saturating_sub(1));
    let found = message::walk_up(tx, job.account, after, job.last, STEP).await?;
    let mut walked = 0;
    let (mut fresh, mut moved) = (Vec::new(), Movements::default());
    if standing.registered {
        let mut queue = Queue::new(tx, job.account, standing).await?;
        let mut bytes = 0;
        for (sequence, row) in &found {
            if bytes >= STEP_BYTES {
                break;
            }
            walked += 1;
            let Some(row) = row.filter(|row| job.asks_for(row, &standing)) else { continue };
            let content = message::contents(tx, &[row], usize::MAX).await?.pop().flatten();
            let Some(content) = content else {
                let sequence = sequence.0;
                tracing::error!(account = %job.account, sequence, "a message has no body to send again");
                continue;
            };
            bytes += content.body.len();
            if !queue.put(tx, now, &row, content.clone()).await?
                && let Some(ended) = message::find(tx, job.account, *sequence).await?
                && job.asks_for(&ended, &standing)
            {
                queue.put_ended(tx, now, &ended, content).await?;
            }
        }
        (fresh, moved) = queue.finish(tx).await?;
    }
    let is_whole = walked == found.len();
    match found.get(walked.wrapping_sub(1)) {
        Some((sequence, _)) if !is_whole || walked == STEP => {
            go_on_behind(tx, job.account, *sequence).await?
        }
        _ => end(tx, job.account).await?,
    }
    let swept = if next(tx).await?.is_some() { Swept::More } else { Swept::Done };
    Ok(Step { swept, fresh: Some((job.account, fresh)), moved })
}

async fn end(tx: &Link, account: AccountId) -> Result<(), Fault> {
    let (shard, number) = rows::key(account);
    tx.run(
        "DELETE FROM ringback.replay_job WHERE shard = $1 AND account = $2",
        args![INT2 shard, INT8 number],
    )
    .await?;
    Ok(())
}

async fn go_on_behind(tx: &Link, account: AccountId, sequence: Sequence) -> Result<(), Fault> {
    let (shard, number) = rows::key(account);
    tx.run(
        "UPDATE ringback.replay_job SET next_sequence = $3, steps = steps + 1 WHERE shard = $1 AND account = $2",
        args![INT2 shard, INT8 number, INT8 rows::number_column(sequence.0 + 1)],
    )
    .await?;
    Ok(())
}

async fn next(link: &Link) -> Result<Option<Kept>, Fault> {
    let found = link
        .maybe(
            "SELECT account, state, since, until, next_sequence, last_sequence, began_at,
                    acknowledged_through, acknowledged_turn
             FROM ringback.replay_job ORDER BY steps, began_at, account LIMIT 1",
            args![],
        )
        .await?;
    let Some(row) = found else { return Ok(None) };
    let state = row.try_get::<_, Option<i16>>(1)?.and_then(|number| stored::state_of(number.into()));
    Ok(Some(Kept {
        account: rows::account(&row, 0)?,
        filter: ReplayFilter {
            state,
            since: rows::optional_moment(&row, 2)?,
            until: rows::optional_moment(&row, 3)?,
        },
        next: Sequence(rows::number(&row, 4)?),
        last: Sequence(rows::number(&row, 5)?),
        began_at: rows::moment(&row, 6)?,
        acknowledged_through: Sequence(rows::number(&row, 7)?),
        acknowledged_turn: Turn(rows::number(&row, 8)?),
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
