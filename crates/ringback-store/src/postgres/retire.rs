//! The retention, in bounded steps.
//!
//! Messages lie in the order of their positions, as on a *tape*: `arrival` and `ending`, a partition for each day. A step
//! cuts the oldest off: a finished message that has outlived the retention goes with the cut; any other is set aside (`kept`),
//! once. Nothing on the tape is deleted for that: what lies before the cut is not there any more for anyone, and a partition
//! that lies before it as a whole is dropped ([`super::drop_days`]). What was set aside, and the dead, are found later by
//! indexes of their own.
//!
//! One node at a time is at it. A step ends after so many rows.

use std::collections::{BTreeMap, BTreeSet};

use ringback_delivery::{AccountId, MessageState, Timestamp};
use tokio_postgres::Row;

use super::days;
use super::fault::Fault;
use super::lane::{self, Change, Ended};
use super::link::{Link, args};
use super::{rows, size, stale};
use crate::{Retention, Swept, stored};

/// Rows that a step looks at.
const STEP: usize = 1000;
/// Rows that are read at once.
const PORTION: usize = 64;
/// The same, where it is looked after each portion whether there is room enough.
const PORTION_FOR_ROOM: i64 = 16;

/// What a step may still do.
pub(super) struct Budget(usize);

impl Budget {
    pub(super) fn take(&mut self, rows: usize) {
        self.0 = self.0.saturating_sub(rows);
    }

    pub(super) fn is_spent(&self) -> bool {
        self.0 == 0
    }

    pub(super) fn portion(&self) -> i64 {
        i64::try_from(self.0.min(PORTION)).unwrap_or(0)
    }
}

/// Who came to an end at or before these moments goes.
#[derive(Debug, Clone, Copy)]
struct Cuts {
    finished: Timestamp,
    dead: Timestamp,
}

impl Cuts {
    fn outlived(&self, state: MessageState, finished_at: Option<Timestamp>) -> bool {
        let cut = match state {
            MessageState::Pending => return false,
            MessageState::Dead => self.dead,
            MessageState::Delivered | MessageState::Cancelled => self.finished,
        };
        finished_at.is_some_and(|at| at <= cut)
    }
}

/// What goes in a step, for the ledger.
#[derive(Default)]
struct Gone(BTreeMap<AccountId, Ended>);

impl Gone {
    fn add(&mut self, account: AccountId, state: MessageState) {
        self.0.entry(account).or_default().tally(state);
    }

    /// Takes attempts along, and moves the lanes' counters.
    async fn finish(self, tx: &Link) -> Result<(), Fault> {
        let changes: Vec<Change> = self
            .0
            .into_iter()
            .map(|(account, gone)| {
                let here = Ended { delivered: -gone.delivered, dead: -gone.dead, cancelled: -gone.cancelled };
                Change { account, here, dropped: gone }
            })
            .collect();
        lane::count(tx, &changes).await
    }
}

/// Does a step. None where another node is at it.
pub(super) async fn step(tx: &Link, now: Timestamp, retention: Retention) -> Result<Option<Swept>, Fault> {
    let mine = tx.maybe("SELECT 1 FROM ringback.mover FOR UPDATE SKIP LOCKED", args![]).await?;
    if mine.is_none() {
        return Ok(None);
    }
    let cuts = Cuts { finished: now.before(retention.finished), dead: now.before(retention.dead) };
    let mut budget = Budget(STEP);
    let mut gone = Gone::default();
    while !budget.is_spent() {
        let portion = budget.portion();
        if !cut(tx, days::last_position(cuts.finished), portion, &cuts, false, &mut gone, &mut budget).await?
        {
            break;
        }
    }
    the_dead_on_the_tape(tx, &cuts, &mut gone, &mut budget).await?;
    for (state, by) in [
        (MessageState::Dead, cuts.dead),
        (MessageState::Delivered, cuts.finished),
        (MessageState::Cancelled, cuts.finished),
    ] {
        while !budget.is_spent() && set_aside_before(tx, state, by, &mut gone, &mut budget).await? {}
    }
    if let Some(bytes) = retention.bytes {
        for_room(tx, bytes, &cuts, &mut gone, &mut budget).await?;
    }
    gone.finish(tx).await?;
    stale::forget(tx, now, &mut budget).await?;
    Ok(Some(if budget.is_spent() { Swept::More } else { Swept::Done }))
}

/// From here on messages get positions behind this moment, and those that had got others are committed.
pub(super) async fn raise_floor(tx: &Link, now: Timestamp) -> Result<(), Fault> {
    tx.run("UPDATE ringback.tape SET floor = $1 WHERE floor < $1", args![INT8 days::last_position(now)])
        .await?;
    Ok(())
}

/// Waits until every accept that began before has ended.
pub(super) async fn let_accepts_end(tx: &Link) -> Result<(), Fault> {
    tx.run("SELECT pg_advisory_xact_lock($1, -1)", args![INT4 super::lease::LOCK_CLASS]).await?;
    Ok(())
}

/// A message on the tape.
struct Entry {
    account: AccountId,
    sequence: i64,
    position: i64,
    state: MessageState,
    finished_at: Option<Timestamp>,
    turn: Option<i64>,
}

/// Cuts off one portion, up to this position at most; false when there was none.
async fn cut(
    tx: &Link,
    up_to: i64,
    portion: i64,
    cuts: &Cuts,
    for_room: bool,
    gone: &mut Gone,
    budget: &mut Budget,
) -> Result<bool, Fault> {
    let entries = oldest(tx, up_to, portion).await?;
    let Some(through) = entries.last().map(|entry| entry.position) else { return Ok(false) };
    budget.take(entries.len());
    let goes = |entry: &&Entry| {
        (for_room && entry.state == MessageState::Delivered) || cuts.outlived(entry.state, entry.finished_at)
    };
    let (going, staying): (Vec<&Entry>, Vec<&Entry>) = entries.iter().partition(goes);
    for entry in &going {
        gone.add(entry.account, entry.state);
    }
    forget_attempts(tx, going.iter().map(|entry| (entry.account, entry.sequence))).await?;
    set_aside(tx, &staying).await?;
    tx.run("UPDATE ringback.tape SET cut = $1, floor = greatest(floor, $1)", args![INT8 through]).await?;
    Ok(true)
}

async fn oldest(tx: &Link, up_to: i64, limit: i64) -> Result<Vec<Entry>, Fault> {
    let found = tx
        .rows(
            "SELECT r.account, r.sequence, r.position, e.state, e.finished_at, p.turn
             FROM ringback.arrival r
             LEFT JOIN LATERAL (SELECT * FROM ringback.ending e WHERE e.shard = r.shard
                 AND e.account = r.account AND e.sequence = r.sequence AND e.position = r.position LIMIT 1) e ON true
             LEFT JOIN LATERAL (
                 SELECT p.turn FROM ringback.pending p
                 WHERE p.shard = r.shard AND p.account = r.account AND p.turn = coalesce(r.turn, r.sequence)
                     AND p.sequence = r.sequence
                 UNION ALL
                 SELECT p.turn FROM ringback.pending p
                 WHERE p.shard = r.shard AND p.account = r.account AND p.replay AND p.sequence = r.sequence
                 LIMIT 1) p ON e.state IS NULL
             WHERE r.position > (SELECT cut FROM ringback.tape) AND r.position <= $1
             ORDER BY r.position LIMIT $2",
            args![INT8 up_to, INT8 limit],
        )
        .await?;
    found.iter().map(entry).collect()
}

fn entry(row: &Row) -> Result<Entry, Fault> {
    // What is in no known state is damage, for `verify` to find. It holds up nothing: it is set aside.
    let state = row.try_get::<_, Option<i16>>(3)?.and_then(|number| stored::state_of(number.into()));
    Ok(Entry {
        account: rows::account(row, 0)?,
        sequence: row.try_get(1)?,
        position: row.try_get(2)?,
        state: state.unwrap_or(MessageState::Pending),
        finished_at: rows::optional_moment(row, 4)?,
        turn: row.try_get(5)?,
    })
}

/// Copies messages to where they outlive the tape's start. Those that wait can't end meanwhile.
async fn set_aside(tx: &Link, entries: &[&Entry]) -> Result<(), Fault> {
    let waiting = entries.iter().filter_map(|entry| entry.turn.map(|turn| (rows::key(entry.account), turn)));
    // In the order of their keys. Recording locks in another: where the two meet crosswise, one of them begins again.
    let waiting: BTreeSet<((i16, i64), i64)> = waiting.collect();
    let (keys, turns): (Vec<(i16, i64)>, Vec<i64>) = waiting.into_iter().unzip();
    let (shards, accounts): (Vec<i16>, Vec<i64>) = keys.into_iter().unzip();
    tx.run(
        "SELECT 1 FROM unnest($1, $2, $3) AS i (shard, account, turn)
         CROSS JOIN LATERAL (SELECT FROM ringback.pending p
             WHERE p.shard = i.shard AND p.account = i.account AND p.turn = i.turn FOR UPDATE) p",
        args![INT2_ARRAY shards, INT8_ARRAY accounts, INT8_ARRAY turns],
    )
    .await?;
    let (shards, accounts): (Vec<i16>, Vec<i64>) =
        entries.iter().map(|entry| rows::key(entry.account)).unzip();
    let sequences: Vec<i64> = entries.iter().map(|entry| entry.sequence).collect();
    let positions: Vec<i64> = entries.iter().map(|entry| entry.position).collect();
    // A new statement: what ended before its row could be locked has its end here.
    tx.run(
        "INSERT INTO ringback.kept (shard, account, sequence, position, accepted_at, kind, key, first_turn, body,
             trace, turn, state, finished_at, attempts, status, started_at, duration, death)
         SELECT r.shard, r.account, r.sequence, r.position, r.accepted_at, r.kind, r.key, r.turn, r.body,
             r.trace, e.turn, e.state, e.finished_at, e.attempts, e.status, e.started_at, e.duration, e.death
         FROM unnest($1, $2, $3, $4) AS i (shard, account, sequence, position)
         CROSS JOIN LATERAL (SELECT * FROM ringback.arrival r WHERE r.shard = i.shard AND r.account = i.account
             AND r.sequence = i.sequence AND r.position = i.position LIMIT 1) r
         LEFT JOIN LATERAL (SELECT * FROM ringback.ending e WHERE e.shard = i.shard AND e.account = i.account
             AND e.sequence = i.sequence AND e.position = i.position LIMIT 1) e ON true
         ON CONFLICT (shard, account, sequence) DO NOTHING",
        args![INT2_ARRAY shards, INT8_ARRAY accounts, INT8_ARRAY sequences, INT8_ARRAY positions],
    )
    .await?;
    Ok(())
}

async fn forget_attempts(tx: &Link, messages: impl Iterator<Item = (AccountId, i64)>) -> Result<(), Fault> {
    let (keys, sequences): (Vec<(i16, i64)>, Vec<i64>) =
        messages.map(|(account, sequence)| (rows::key(account), sequence)).unzip();
    let (shards, accounts): (Vec<i16>, Vec<i64>) = keys.into_iter().unzip();
    tx.run(
        // The offset keeps the planner from joining the two.
        "DELETE FROM ringback.attempt WHERE ctid = ANY (ARRAY(
             SELECT a.tid FROM unnest($1, $2, $3) AS i (shard, account, sequence)
             CROSS JOIN LATERAL (SELECT a.ctid AS tid FROM ringback.attempt a
                 WHERE a.shard = i.shard AND a.account = i.account AND a.sequence = i.sequence OFFSET 0) a))",
        args![INT2_ARRAY shards, INT8_ARRAY accounts, INT8_ARRAY sequences],
    )
    .await?;
    Ok(())
}

/// The dead that have outlived theirs though they still lie on the tape: these are deleted.
async fn the_dead_on_the_tape(
    tx: &Link,
    cuts: &Cuts,
    gone: &mut Gone,
    budget: &mut Budget,
) -> Result<(), Fault> {
    while !budget.is_spent() {
        let found = tx
            .rows(
                "SELECT e.account, e.sequence, e.position FROM ringback.ending e
                 WHERE e.state = 2 AND e.finished_at <= $1 AND e.position > (SELECT cut FROM ringback.tape)
                 ORDER BY e.finished_at LIMIT $2",
                args![INT8 cuts.dead.as_millis(), INT8 budget.portion()],
            )
            .await?;
        if found.is_empty() {
            break;
        }
        budget.take(found.len());
        forget(tx, &found).await?;
        gone_with_attempts(tx, &found, MessageState::Dead, gone).await?;
    }
    Ok(())
}

/// Deletes messages, with their ends, from the tape.
async fn forget(tx: &Link, found: &[Row]) -> Result<(), Fault> {
    let (mut shards, mut accounts) = (Vec::new(), Vec::new());
    let (mut sequences, mut positions): (Vec<i64>, Vec<i64>) = (Vec::new(), Vec::new());
    for row in found {
        let (shard, account) = rows::key(rows::account(row, 0)?);
        shards.push(shard);
        accounts.push(account);
        sequences.push(row.try_get(1)?);
        positions.push(row.try_get(2)?);
    }
    tx.run(
        "SELECT ringback.forget_1($1, $2, $3, $4)",
        args![INT2_ARRAY shards, INT8_ARRAY accounts, INT8_ARRAY sequences, INT8_ARRAY positions],
    )
    .await?;
    Ok(())
}

/// A portion of those that were set aside and came to this state by then; whether there were any.
async fn set_aside_before(
    tx: &Link,
    state: MessageState,
    by: Timestamp,
    gone: &mut Gone,
    budget: &mut Budget,
) -> Result<bool, Fault> {
    let number: i16 = stored::state_number(state).into();
    let found = tx
        .rows(
            "DELETE FROM ringback.kept WHERE ctid = ANY (ARRAY(
                 SELECT k.ctid FROM ringback.kept k
                 WHERE k.state = $1 AND k.finished_at <= $2 ORDER BY k.finished_at LIMIT $3))
             RETURNING account, sequence",
            args![INT2 number, INT8 by.as_millis(), INT8 budget.portion()],
        )
        .await?;
    budget.take(found.len());
    gone_with_attempts(tx, &found, state, gone).await?;
    Ok(!found.is_empty())
}

async fn gone_with_attempts(
    tx: &Link,
    found: &[Row],
    state: MessageState,
    gone: &mut Gone,
) -> Result<(), Fault> {
    let mut messages = Vec::with_capacity(found.len());
    for row in found {
        let account = rows::account(row, 0)?;
        gone.add(account, state);
        messages.push((account, row.try_get(1)?));
    }
    forget_attempts(tx, messages.into_iter()).await
}

/// The oldest delivered ones, while more bytes are in use than may be. What the tape's floor is not past yet waits.
async fn for_room(
    tx: &Link,
    bytes: u64,
    cuts: &Cuts,
    gone: &mut Gone,
    budget: &mut Budget,
) -> Result<(), Fault> {
    let floor: i64 = tx.row("SELECT floor FROM ringback.tape", args![]).await?.try_get(0)?;
    while !budget.is_spent() && size::in_use(tx).await? > bytes {
        let kept = set_aside_before(tx, MessageState::Delivered, Timestamp::NEVER, gone, budget).await?;
        let portion = budget.portion().min(PORTION_FOR_ROOM);
        if !kept && !cut(tx, floor, portion, cuts, true, gone, budget).await? {
            break;
        }
    }
    Ok(())
}
