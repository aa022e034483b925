//! Sending messages again: back to pending, at the end of their account's queue, with fresh attempts and age.
//!
//! Whoever moves finished messages locks the mover's row first, and then the account's.

use ringback_delivery::{AccountId, MessageId, MessageState, Standing, Timestamp, Turn, Waiting};

use super::fault::Fault;
use super::lane::{self, Change, Ended};
use super::link::{Link, args};
use super::message::{self, MessageRow};
use super::settle::{self, End, Ending};
use super::{rows, standing};
use crate::{Content, Fresh, Movements, Replayed};

/// Nobody else moves finished messages until the transaction ends.
pub(super) async fn lock_mover(tx: &Link) -> Result<(), Fault> {
    tx.run("SELECT 1 FROM ringback.mover FOR UPDATE", args![]).await?;
    Ok(())
}

/// What a replay came to, and what is to be told of it.
pub(super) struct Replay {
    pub(super) replayed: Replayed,
    pub(super) fresh: Vec<Fresh>,
    /// What was settled on the way.
    pub(super) moved: Movements,
    /// The account's standing now, if that changed.
    pub(super) standing: Option<Standing>,
}

/// Sends one message again.
pub(super) async fn replay(tx: &Link, now: Timestamp, id: MessageId) -> Result<Replay, Fault> {
    let account = id.account;
    let nothing =
        |replayed| Replay { replayed, fresh: Vec::new(), moved: Movements::default(), standing: None };
    lock_mover(tx).await?;
    standing::lock(tx, account, false).await?;
    let Some(standing) = standing::read(tx, account).await? else { return Ok(nothing(Replayed::Unknown)) };
    let find =
        async || Ok::<_, Fault>(message::find(tx, account, id.sequence).await?.filter(|row| row.id() == id));
    let Some(row) = find().await? else { return Ok(nothing(Replayed::Unknown)) };
    if !standing.registered {
        return Ok(nothing(Replayed::NotRegistered));
    }
    let (mut fresh, mut moved) = (Vec::new(), Movements::default());
    let replayed = if row.state(&standing) == MessageState::Pending {
        Replayed::Pending
    } else {
        let content = message::contents(tx, &[row], usize::MAX).await?.pop().flatten();
        let content = content.ok_or_else(|| Fault::damaged("a message that is kept has no body"))?;
        let mut queue = Queue::new(tx, account, standing).await?;
        if !queue.put(tx, now, &row, content.clone()).await? {
            let Some(ended) = find().await? else { return Ok(nothing(Replayed::Unknown)) };
            queue.put_ended(tx, now, &ended, content).await?;
        }
        (fresh, moved) = queue.finish(tx).await?;
        Replayed::Queued
    };
    let mut standing = standing::read(tx, account).await?.unwrap_or_default();
    standing.releases += 1;
    standing::write(tx, account, &standing).await?;
    Ok(Replay { replayed, fresh, moved, standing: Some(standing) })
}

/// The end of an account's queue, where messages are put again. The mover's and the account's rows are locked.
pub(super) struct Queue {
    account: AccountId,
    standing: Standing,
    /// The lane's successes so far.
    successes: u64,
    taken_back: Ended,
    put: Vec<Waiting>,
    fresh: Vec<Fresh>,
    moved: Movements,
}

impl Queue {
    /// By the account's present standing.
    pub(super) async fn new(tx: &Link, account: AccountId, standing: Standing) -> Result<Self, Fault> {
        let (record, _) = lane::read(tx, account).await?;
        Ok(Self {
            account,
            standing,
            successes: record.successes,
            taken_back: Ended::default(),
            put: Vec::new(),
            fresh: Vec::new(),
            moved: Movements::default(),
        })
    }

    /// Puts a message there that is not pending, or overtaken: then its row is settled first. Not if it was answered since it was
    /// read, and so has ended otherwise: then it is to be read again. Nobody else puts it anywhere meanwhile.
    pub(super) async fn put(
        &mut self,
        tx: &Link,
        now: Timestamp,
        row: &MessageRow,
        content: Content,
    ) -> Result<bool, Fault> {
        let state = row.state(&self.standing);
        if row.row_state == MessageState::Pending {
            let end = if state == MessageState::Delivered { End::Delivered } else { End::Cancelled };
            let ending = Ending { turn: row.turn, sequence: row.sequence, end };
            let settled = settle::end(tx, now, self.account, &[ending]).await?;
            if settled.delivered + settled.cancelled == 0 {
                return Ok(false);
            }
            self.moved.delivered += settled.delivered;
            self.moved.cancelled += settled.cancelled;
        }
        self.taken_back.tally(state);
        self.standing.last_turn.0 += 1;
        let waiting = Waiting {
            turn: self.standing.last_turn,
            sequence: row.sequence,
            position: row.position,
            key: row.key,
            accepted_at: row.accepted_at,
            born: self.standing.pause.lane_time(now),
            attempts: row.attempts,
            charged: 0,
            due: None,
            successes: self.successes,
            replay: true,
        };
        self.moved.replayed += 1;
        self.put.push(waiting);
        self.fresh.push(Fresh { account: self.account, waiting, content, lane: None });
        Ok(true)
    }

    /// Puts one there that was answered since it was read, and was read again.
    pub(super) async fn put_ended(
        &mut self,
        tx: &Link,
        now: Timestamp,
        row: &MessageRow,
        content: Content,
    ) -> Result<(), Fault> {
        let put = self.put(tx, now, row, content).await?;
        put.then_some(()).ok_or_else(|| Fault::damaged("a message neither waits nor has ended"))
    }

    /// Writes what was put, counted and given out.
    pub(super) async fn finish(self, tx: &Link) -> Result<(Vec<Fresh>, Movements), Fault> {
        let (shard, account) = rows::key(self.account);
        let column = |of: fn(&Waiting) -> i64| self.put.iter().map(of).collect::<Vec<i64>>();
        let keys: Vec<Option<i64>> = self.put.iter().map(|one| one.key.map(|key| key.0)).collect();
        let attempts: Vec<i32> =
            self.put.iter().map(|one| i32::try_from(one.attempts).unwrap_or(i32::MAX)).collect();
        let sequences = column(|one| rows::number_column(one.sequence.0));
        tx.run(
            "INSERT INTO ringback.pending (shard, account, turn, sequence, position, key, accepted_at, born,
                 attempts, successes, replay)
             SELECT $1, $2, i.turn, i.sequence, i.position, i.key, i.accepted_at, i.born, i.attempts, $10, true
             FROM unnest($3, $4, $5, $6, $7, $8, $9)
                 AS i (turn, sequence, position, key, accepted_at, born, attempts)",
            args![
                INT2 shard, INT8 account, INT8_ARRAY column(|one| rows::number_column(one.turn.0)),
                INT8_ARRAY sequences, INT8_ARRAY column(|one| one.position), INT8_ARRAY keys,
                INT8_ARRAY column(|one| one.accepted_at.as_millis()),
                INT8_ARRAY column(|one| one.born.as_millis()), INT4_ARRAY attempts,
                INT8 rows::number_column(self.successes)
            ],
        )
        .await?;
        tx.run(
            "SELECT ringback.take_back_1($1, $2, $3, $4)",
            args![
                INT2 shard, INT8 account, INT8_ARRAY sequences, INT8_ARRAY column(|one| one.position)
            ],
        )
        .await?;
        let Turn(last_turn) = self.standing.last_turn;
        let replays = last_turn.saturating_sub(self.standing.last_sequence.0);
        tx.run(
            "UPDATE ringback.account SET replays = $3 WHERE shard = $1 AND account = $2",
            args![INT2 shard, INT8 account, INT8 rows::number_column(replays)],
        )
        .await?;
        let back = self.taken_back;
        let here = Ended { delivered: -back.delivered, dead: -back.dead, cancelled: -back.cancelled };
        lane::count(tx, &[Change { account: self.account, here, dropped: Ended::default() }]).await?;
        Ok((self.fresh, self.moved))
    }
}
