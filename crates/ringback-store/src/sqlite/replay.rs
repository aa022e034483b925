//! Sending messages again: back to pending, at the end of their account's queue, with fresh attempts and age.

use ringback_delivery::{AccountId, MessageId, MessageState, Standing, Timestamp, Turn, Waiting};
use rusqlite::params;

use super::fault::Fault;
use super::lane::Ended;
use super::message::MessageRow;
use super::runs::{self, run_of};
use super::settle::{End, Settling};
use super::work::{News, Work};
use super::{lane, ledger, message, standing};
use crate::{Content, Fresh, Replayed};

/// Sends one message again.
pub(super) fn replay(work: &mut Work<'_>, now: Timestamp, id: MessageId) -> Result<Replayed, Fault> {
    let account = id.account;
    let Some(standing) = standing::read(work.connection, account)? else { return Ok(Replayed::Unknown) };
    let row = message::find(work.connection, account, id.sequence)?.filter(|row| row.id() == id);
    let Some(row) = row else { return Ok(Replayed::Unknown) };
    if !standing.registered {
        return Ok(Replayed::NotRegistered);
    }
    let replayed = if row.state(&standing) == MessageState::Pending {
        Replayed::Pending
    } else {
        let content = row
            .content(work.connection)?
            .ok_or_else(|| Fault::damaged("a message that is kept has no body"))?;
        let mut queue = Queue::new(work, account, standing)?;
        queue.put(work, now, &row, content)?;
        queue.finish(work)?;
        Replayed::Queued
    };
    standing::change(work, account, |standing| standing.releases += 1)?;
    Ok(replayed)
}

/// The end of an account's queue, where messages are put again.
pub(super) struct Queue {
    account: AccountId,
    standing: Standing,
    /// The lane's successes so far.
    successes: u64,
    taken_back: Ended,
    /// The last turn before.
    before: Turn,
}

impl Queue {
    /// By the account's present standing.
    pub(super) fn new(work: &Work<'_>, account: AccountId, standing: Standing) -> Result<Self, Fault> {
        let successes = lane::read(work.connection, account)?.successes;
        let before = standing.last_turn;
        Ok(Self { account, standing, successes, taken_back: Ended::default(), before })
    }

    /// Puts a message there that is not pending, or overtaken: then its row is settled first.
    pub(super) fn put(
        &mut self,
        work: &mut Work<'_>,
        now: Timestamp,
        row: &MessageRow,
        content: Content,
    ) -> Result<(), Fault> {
        let state = row.state(&self.standing);
        if row.row_state == MessageState::Pending {
            self.settle(work, now, row, state)?;
        }
        ledger::tally(&mut self.taken_back, state);
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
        self.write(work, &waiting)?;
        work.counters.pending += 1;
        work.counters.moved.replayed += 1;
        work.news.push(News::Fresh(Fresh { account: self.account, waiting, content, lane: None }));
        Ok(())
    }

    fn settle(
        &self,
        work: &mut Work<'_>,
        now: Timestamp,
        row: &MessageRow,
        state: MessageState,
    ) -> Result<(), Fault> {
        let end = if state == MessageState::Delivered { End::Delivered } else { End::Cancelled };
        let mut settling = Settling::new(work.connection)?;
        settling.end(now, self.account, row.turn, row.sequence, end, None)?;
        settling.finish(work)
    }

    fn write(&self, work: &Work<'_>, waiting: &Waiting) -> Result<(), Fault> {
        let account = self.account.number();
        work.connection
            .prepare_cached(
                "INSERT INTO pending (account, turn, sequence, position, key, accepted_at, born,
                     attempts, successes, replay, run)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 1, ?10)",
            )?
            .execute(params![
                account,
                waiting.turn.0,
                waiting.sequence.0,
                waiting.position,
                waiting.key.map(|key| key.0),
                waiting.accepted_at.as_millis(),
                waiting.born.as_millis(),
                waiting.attempts,
                waiting.successes,
                run_of(waiting.turn),
            ])?;
        work.connection
            .prepare_cached(
                "UPDATE message SET state = 0, turn = ?3, finished_at = NULL, death = NULL
                 WHERE account = ?1 AND sequence = ?2",
            )?
            .execute(params![account, waiting.sequence.0, waiting.turn.0])?;
        Ok(())
    }

    /// Writes what was counted and given out.
    pub(super) fn finish(self, work: &mut Work<'_>) -> Result<(), Fault> {
        let Turn(last_turn) = self.standing.last_turn;
        work.connection
            .prepare_cached("UPDATE account SET last_turn = ?2 WHERE account = ?1")?
            .execute(params![self.account.number(), last_turn])?;
        runs::keep_few(work.connection, self.account, self.before, self.standing.last_turn)?;
        ledger::take_back(work.connection, self.account, self.taken_back)
    }
}
