//! A message's rows, and the message that a caller sees.
//!
//! A message is an `arrival` with its `ending`, where its position is above the retention's cut, and else a row of `kept`.
//! While it is pending it has a row of `pending`, at its first place in the queue, or at a later one after a replay.

use std::collections::HashMap;

use ringback_delivery::{
    AccountId, Death, MessageId, MessageKind, MessageState, OrderingKey, Sequence, Standing, Timestamp, Turn,
};
use tokio_postgres::Row;

use super::fault::Fault;
use super::link::{Link, args};
use super::{lane, load, rows};
use crate::{Closed, Content, Message, stored};

/// From the tape: the columns that [`MessageRow::read`] reads, in its order, of the messages that the condition names.
///
/// `LIMIT 1` has each message's end looked up by its key. Without it the planner may join the two, and while it takes the
/// tables for small ones (today's are new) that compares each with each.
macro_rules! on_tape {
    ($condition:literal) => {
        $crate::postgres::message::on_tape!(@ "r.position", $condition)
    };
    // Where the key is given, the index of positions is not to be thought of: while the planner takes a partition for an empty
    // one, all indexes are the same to it, and its plan is kept.
    (by_key $condition:literal) => {
        $crate::postgres::message::on_tape!(@ "r.position + 0", $condition)
    };
    (@ $position:literal, $condition:literal) => {
        concat!(
            "SELECT r.account, r.sequence, r.position, r.accepted_at, r.kind, r.key, e.state, e.turn, e.finished_at,
                 e.attempts, e.death, p.turn, p.attempts, p.due
             FROM ringback.arrival r
             LEFT JOIN LATERAL (SELECT * FROM ringback.ending e WHERE e.shard = r.shard
                 AND e.account = r.account AND e.sequence = r.sequence AND e.position = r.position LIMIT 1) e ON true
             LEFT JOIN LATERAL (
                 SELECT p.turn, p.attempts, p.due FROM ringback.pending p
                 WHERE p.shard = r.shard AND p.account = r.account AND p.turn = coalesce(r.turn, r.sequence)
                     AND p.sequence = r.sequence
                 UNION ALL
                 SELECT p.turn, p.attempts, p.due FROM ringback.pending p
                 WHERE p.shard = r.shard AND p.account = r.account AND p.replay AND p.sequence = r.sequence
                 LIMIT 1) p ON e.state IS NULL
             WHERE ",
            $position,
            " > (SELECT cut FROM ringback.tape) AND ",
            $condition
        )
    };
}
pub(super) use on_tape;

/// From those that were set aside: the same columns.
macro_rules! set_aside {
    ($condition:literal) => {
        concat!(
            "SELECT r.account, r.sequence, r.position, r.accepted_at, r.kind, r.key, r.state, r.turn, r.finished_at,
                 r.attempts, r.death, p.turn, p.attempts, p.due
             FROM ringback.kept r
             LEFT JOIN LATERAL (
                 SELECT p.turn, p.attempts, p.due FROM ringback.pending p
                 WHERE p.shard = r.shard AND p.account = r.account AND p.turn = coalesce(r.first_turn, r.sequence)
                     AND p.sequence = r.sequence
                 UNION ALL
                 SELECT p.turn, p.attempts, p.due FROM ringback.pending p
                 WHERE p.shard = r.shard AND p.account = r.account AND p.replay AND p.sequence = r.sequence
                 LIMIT 1) p ON r.state IS NULL
             WHERE ",
            $condition
        )
    };
}
pub(super) use set_aside;

/// Messages with one key that are looked through for the first that really waits: those before it are overtaken, and
/// soon gone.
const OVERTAKEN: i64 = 200;

/// What a message's own rows say.
#[derive(Debug, Clone, Copy)]
pub(super) struct MessageRow {
    pub(super) account: AccountId,
    pub(super) sequence: Sequence,
    pub(super) position: i64,
    pub(super) accepted_at: Timestamp,
    pub(super) kind: MessageKind,
    pub(super) key: Option<OrderingKey>,
    /// As the rows have it: see [`MessageRow::state`].
    pub(super) row_state: MessageState,
    pub(super) turn: Turn,
    pub(super) finished_at: Option<Timestamp>,
    pub(super) attempts: u32,
    pub(super) death: Option<Death>,
    due: Option<Timestamp>,
}

impl MessageRow {
    /// Reads a row of those columns.
    pub(super) fn read(row: &Row) -> Result<Self, Fault> {
        let state: Option<i16> = row.try_get(6)?;
        let sequence = Sequence(rows::number(row, 1)?);
        let turn: Option<i64> = row.try_get(if state.is_some() { 7 } else { 11 })?;
        let attempts: Option<i32> = row.try_get(if state.is_some() { 9 } else { 12 })?;
        Ok(Self {
            account: rows::account(row, 0)?,
            sequence,
            position: row.try_get(2)?,
            accepted_at: rows::moment(row, 3)?,
            kind: u8::try_from(row.try_get::<_, i16>(4)?)
                .ok()
                .and_then(MessageKind::from_number)
                .ok_or_else(|| Fault::damaged("a message is of no known kind"))?,
            key: row.try_get::<_, Option<i64>>(5)?.map(OrderingKey),
            row_state: stored::state_of(state.unwrap_or(0).into())
                .ok_or_else(|| Fault::damaged("a message is in no known state"))?,
            turn: turn.and_then(|turn| u64::try_from(turn).ok()).map_or(Turn(sequence.0), Turn),
            finished_at: rows::optional_moment(row, 8)?,
            attempts: attempts.and_then(|attempts| u32::try_from(attempts).ok()).unwrap_or(0),
            death: row.try_get::<_, Option<i16>>(10)?.and_then(|number| stored::death_of(number.into())),
            due: rows::optional_moment(row, 13)?,
        })
    }

    /// Its public name.
    pub(super) fn id(&self) -> MessageId {
        MessageId::new(self.account, self.sequence, self.accepted_at)
    }

    /// Its state, by its account's standing: one that is overtaken is done with, though its row still waits.
    pub(super) fn state(&self, standing: &Standing) -> MessageState {
        if self.row_state != MessageState::Pending {
            self.row_state
        } else if standing.acknowledges(self.turn, self.sequence) {
            MessageState::Delivered
        } else if standing.overtakes(self.turn, self.sequence) {
            MessageState::Cancelled
        } else {
            MessageState::Pending
        }
    }
}

/// The messages as a caller sees them, with their accounts' standings; without their bodies.
pub(super) async fn messages(link: &Link, found: &[(MessageRow, Standing)]) -> Result<Vec<Message>, Fault> {
    let behind = who_goes_before(link, found).await?;
    let closed = what_closes(link, found).await?;
    let message = |(at, (row, standing)): (usize, &(MessageRow, Standing))| {
        let state = row.state(standing);
        let waits = state == MessageState::Pending;
        Message {
            id: row.id(),
            kind: row.kind,
            state,
            accepted_at: row.accepted_at,
            finished_at: row.finished_at,
            attempts: row.attempts,
            death: row.death,
            due: row.due.filter(|_| waits),
            behind: behind.get(&at).copied(),
            closed: closed.get(&row.account).copied().filter(|_| waits),
            body: None,
            trace: None,
        }
    };
    Ok(found.iter().enumerate().map(message).collect())
}

/// What closes the accounts of those that wait.
async fn what_closes(
    link: &Link,
    found: &[(MessageRow, Standing)],
) -> Result<HashMap<AccountId, Closed>, Fault> {
    let waits = found.iter().filter(|(row, standing)| row.state(standing) == MessageState::Pending);
    let standings: HashMap<AccountId, Standing> =
        waits.map(|(row, standing)| (row.account, *standing)).collect();
    let accounts: Vec<AccountId> = standings.keys().copied().collect();
    let lanes = lane::read_all(link, &accounts).await?;
    let closed = standings.into_iter().filter_map(|(account, standing)| {
        let (record, _) = lanes.get(&account).copied().unwrap_or_default();
        Some((account, Closed::of(&standing, &record)?))
    });
    Ok(closed.collect())
}

/// For those that wait: the first that waits with the same key, if that is another one.
async fn who_goes_before(
    link: &Link,
    found: &[(MessageRow, Standing)],
) -> Result<HashMap<usize, MessageId>, Fault> {
    let (mut at, mut shards, mut accounts, mut keys) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut turns, mut cancelled, mut acknowledged, mut acknowledged_turns) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (place, (row, standing)) in found.iter().enumerate() {
        let Some(key) = row.key.filter(|_| row.state(standing) == MessageState::Pending) else { continue };
        let (shard, account) = rows::key(row.account);
        at.push(i64::try_from(place).unwrap_or(i64::MAX));
        shards.push(shard);
        accounts.push(account);
        keys.push(key.0);
        turns.push(rows::number_column(row.turn.0));
        cancelled.push(rows::number_column(standing.cancelled_through.0));
        acknowledged.push(rows::number_column(standing.acknowledged_through.0));
        acknowledged_turns.push(rows::number_column(standing.acknowledged_turn.0));
    }
    if at.is_empty() {
        return Ok(HashMap::new());
    }
    let first = link
        .rows(
            "SELECT i.at, i.account, p.sequence, p.accepted_at
             FROM unnest($1, $2, $3, $4, $5, $6, $7, $8)
                 AS i (at, shard, account, key, turn, cancelled, acknowledged, acknowledged_turn)
             CROSS JOIN LATERAL (
                 SELECT q.sequence, q.accepted_at FROM (
                     SELECT p.turn, p.sequence, p.accepted_at FROM ringback.pending p
                     WHERE p.shard = i.shard AND p.account = i.account AND p.key <= i.key
                         AND (p.key, p.turn) > (i.key, i.cancelled) AND (p.key, p.turn) < (i.key, i.turn)
                     ORDER BY p.key, p.turn LIMIT $9) q
                 WHERE NOT (q.sequence <= i.acknowledged AND q.turn <= i.acknowledged_turn)
                 ORDER BY q.turn LIMIT 1) p",
            args![
                INT8_ARRAY at, INT2_ARRAY shards, INT8_ARRAY accounts, INT8_ARRAY keys, INT8_ARRAY turns,
                INT8_ARRAY cancelled, INT8_ARRAY acknowledged, INT8_ARRAY acknowledged_turns, INT8 OVERTAKEN
            ],
        )
        .await?;
    first
        .iter()
        .map(|row| {
            let at = usize::try_from(row.try_get::<_, i64>(0)?).unwrap_or(usize::MAX);
            let sequence = Sequence(rows::number(row, 2)?);
            Ok((at, MessageId::new(rows::account(row, 1)?, sequence, rows::moment(row, 3)?)))
        })
        .collect()
}

/// An account's message with this number.
pub(super) async fn find(
    link: &Link,
    account: AccountId,
    sequence: Sequence,
) -> Result<Option<MessageRow>, Fault> {
    let (shard, number) = rows::key(account);
    let found = link
        .maybe(
            concat!(
                on_tape!(by_key "r.shard = $1 AND r.account = $2 AND r.sequence = $3"),
                " UNION ALL ",
                set_aside!("r.shard = $1 AND r.account = $2 AND r.sequence = $3")
            ),
            args![INT2 shard, INT8 number, INT8 rows::number_column(sequence.0)],
        )
        .await?;
    found.as_ref().map(MessageRow::read).transpose()
}

/// An account's messages behind `after` and up to `through`, in order, at most `limit`. One whose rows make no sense is
/// there by its number alone.
pub(super) async fn walk_up(
    link: &Link,
    account: AccountId,
    after: Sequence,
    through: Sequence,
    limit: usize,
) -> Result<Vec<(Sequence, Option<MessageRow>)>, Fault> {
    let (shard, number) = rows::key(account);
    let (after, through) = (rows::number_column(after.0), rows::number_column(through.0));
    let most = i64::try_from(limit).unwrap_or(i64::MAX);
    let wanted = args![INT2 shard, INT8 number, INT8 after, INT8 through, INT8 most];
    let tape = on_tape!(
        "r.shard = $1 AND r.account = $2 AND r.sequence > $3 AND r.sequence <= $4 ORDER BY r.sequence LIMIT $5"
    );
    let aside = set_aside!(
        "r.shard = $1 AND r.account = $2 AND r.sequence > $3 AND r.sequence <= $4 ORDER BY r.sequence LIMIT $5"
    );
    let mut found = Vec::new();
    for row in link.rows(aside, wanted).await?.iter().chain(&link.rows(tape, wanted).await?) {
        found.push((Sequence(rows::number(row, 1)?), MessageRow::read(row).ok()));
    }
    found.sort_by_key(|(sequence, _)| *sequence);
    found.truncate(limit);
    Ok(found)
}

/// What is sent of messages, up to a number of bytes of bodies, but of one at least.
pub(super) async fn contents(
    link: &Link,
    found: &[MessageRow],
    bytes: usize,
) -> Result<Vec<Option<Content>>, Fault> {
    /// Bodies that are read at once.
    const PORTION: usize = 32;
    let mut taken = Vec::new();
    let mut sum = 0;
    for portion in found.chunks(PORTION) {
        let positions: Vec<i64> = portion.iter().map(|row| row.position).collect();
        for content in load::contents(link, &positions).await? {
            sum += content.as_ref().map_or(0, |content| content.body.len());
            if sum > bytes && !taken.is_empty() {
                return Ok(taken);
            }
            taken.push(content);
        }
    }
    Ok(taken)
}
