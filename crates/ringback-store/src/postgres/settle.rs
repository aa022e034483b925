//! Ending what waits without an attempt: the same as the function that records, for one account's messages at a time.

use std::collections::BTreeMap;

use ringback_delivery::{AccountId, MessageState, Sequence, Timestamp, Turn};

use super::fault::Fault;
use super::lane::{self, Change, Ended};
use super::link::{Link, args};
use super::rows;
use crate::{Movements, stored};

/// How a message ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Delivered,
    Cancelled,
}

impl End {
    pub(super) fn state(self) -> MessageState {
        match self {
            Self::Delivered => MessageState::Delivered,
            Self::Cancelled => MessageState::Cancelled,
        }
    }
}

/// A message that ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ending {
    pub(super) turn: Turn,
    pub(super) sequence: Sequence,
    pub(super) end: End,
}

/// Ends those that wait at these places, and counts them. One that does not wait there was settled before.
pub(super) async fn end(
    tx: &Link,
    now: Timestamp,
    account: AccountId,
    endings: &[Ending],
) -> Result<Movements, Fault> {
    if endings.is_empty() {
        return Ok(Movements::default());
    }
    let (shard, number) = rows::key(account);
    // Each once, in the order of the queue.
    let endings: BTreeMap<Turn, &Ending> = endings.iter().map(|one| (one.turn, one)).collect();
    let turns: Vec<i64> = endings.keys().map(|turn| rows::number_column(turn.0)).collect();
    let sequences: Vec<i64> = endings.values().map(|one| rows::number_column(one.sequence.0)).collect();
    let states: Vec<i16> = endings.values().map(|one| stored::state_number(one.end.state()).into()).collect();
    let taken = tx
        .rows(
            "SELECT i.turn, i.sequence, i.state, p.position, p.attempts
             FROM unnest($3, $4, $5) AS i (turn, sequence, state)
             CROSS JOIN LATERAL (SELECT p.position, p.attempts FROM ringback.pending p
                 WHERE p.shard = $1 AND p.account = $2 AND p.turn = i.turn AND p.sequence = i.sequence FOR UPDATE) p",
            args![INT2 shard, INT8 number, INT8_ARRAY turns, INT8_ARRAY sequences, INT2_ARRAY states],
        )
        .await?;
    let mut here = Ended::default();
    let (mut turns, mut sequences, mut states) = (Vec::new(), Vec::new(), Vec::new());
    let (mut positions, mut attempts) = (Vec::new(), Vec::new());
    for row in &taken {
        turns.push(row.try_get::<_, i64>(0)?);
        sequences.push(row.try_get::<_, i64>(1)?);
        let state: i16 = row.try_get(2)?;
        here.tally(stored::state_of(state.into()).unwrap_or(MessageState::Pending));
        states.push(state);
        positions.push(row.try_get::<_, i64>(3)?);
        attempts.push(row.try_get::<_, i32>(4)?);
    }
    // A new statement: by now it is known where the retention has put them.
    tx.run(
        "WITH taken AS MATERIALIZED (
             SELECT i.*, i.position > t.cut AS on_tape, p.tid AS place, k.tid AS place_aside
             FROM unnest($3, $4, $5, $6, $7) AS i (turn, sequence, state, position, attempts)
             CROSS JOIN ringback.tape t
             CROSS JOIN LATERAL (SELECT p.ctid AS tid FROM ringback.pending p
                 WHERE p.shard = $1 AND p.account = $2 AND p.turn = i.turn LIMIT 1) p
             LEFT JOIN LATERAL (SELECT k.ctid AS tid FROM ringback.kept k WHERE i.position <= t.cut
                 AND k.shard = $1 AND k.account = $2 AND k.sequence = i.sequence LIMIT 1) k ON true),
         gone AS (
             DELETE FROM ringback.pending WHERE ctid = ANY (ARRAY(SELECT i.place FROM taken i))),
         ended AS (
             INSERT INTO ringback.ending (shard, account, sequence, position, turn, state, finished_at, attempts)
             SELECT $1, $2, i.sequence, i.position, i.turn, i.state, $8, i.attempts FROM taken i WHERE i.on_tape)
         UPDATE ringback.kept k SET turn = i.turn, state = i.state, finished_at = $8, attempts = i.attempts
         FROM taken i WHERE k.ctid = i.place_aside",
        args![
            INT2 shard, INT8 number, INT8_ARRAY turns, INT8_ARRAY sequences, INT2_ARRAY states,
            INT8_ARRAY positions, INT4_ARRAY attempts, INT8 now.as_millis()
        ],
    )
    .await?;
    lane::count(tx, &[Change { account, here, dropped: Ended::default() }]).await?;
    Ok(Movements {
        delivered: here.delivered.unsigned_abs(),
        cancelled: here.cancelled.unsigned_abs(),
        ..Movements::default()
    })
}
