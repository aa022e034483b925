//! Ending what waits: the one place where a message leaves `pending`, so that rows and counters always agree.

use std::collections::BTreeMap;

use ringback_delivery::{AccountId, Death, MessageState, Sequence, Timestamp, Turn};
use rusqlite::{CachedStatement, Connection, params};

use super::fault::Fault;
use super::lane::{self, Ended};
use super::rows;
use super::work::Work;

/// How a message ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Delivered,
    Dead(Death),
    Cancelled,
}

impl End {
    fn state(self) -> MessageState {
        match self {
            Self::Delivered => MessageState::Delivered,
            Self::Dead(_) => MessageState::Dead,
            Self::Cancelled => MessageState::Cancelled,
        }
    }

    fn death(self) -> Option<u8> {
        match self {
            Self::Dead(death) => Some(rows::death_column(death)),
            Self::Delivered | Self::Cancelled => None,
        }
    }
}

/// A success at the first attempt, which the message's own row keeps.
#[derive(Debug, Clone, Copy)]
pub(super) struct FirstSuccess {
    pub(super) status: u16,
    pub(super) started_at: Timestamp,
    pub(super) millis: i64,
}

/// Ends messages, and counts them for [`Settling::finish`].
pub(super) struct Settling<'c> {
    ended: BTreeMap<AccountId, Ended>,
    take: CachedStatement<'c>,
    end: CachedStatement<'c>,
    end_at_first: CachedStatement<'c>,
}

impl<'c> Settling<'c> {
    pub(super) fn new(connection: &'c Connection) -> Result<Self, Fault> {
        Ok(Self {
            ended: BTreeMap::new(),
            take: connection
                .prepare_cached("DELETE FROM pending WHERE account = ?1 AND turn = ?2 AND sequence = ?3")?,
            end: connection.prepare_cached(
                "UPDATE message SET state = ?3, finished_at = ?4, attempts = coalesce(?5, attempts), death = ?6
                 WHERE account = ?1 AND sequence = ?2",
            )?,
            end_at_first: connection.prepare_cached(
                "UPDATE message SET state = 1, finished_at = ?3, attempts = 1,
                     status = ?4, started_at = ?5, duration = ?6
                 WHERE account = ?1 AND sequence = ?2",
            )?,
        })
    }

    /// Ends a message that waits at this place. False when it does not wait there: it was settled before.
    /// `attempts` is the new count, where there is one.
    pub(super) fn end(
        &mut self,
        now: Timestamp,
        account: AccountId,
        turn: Turn,
        sequence: Sequence,
        end: End,
        attempts: Option<u32>,
    ) -> Result<bool, Fault> {
        if !self.take(account, turn, sequence)? {
            return Ok(false);
        }
        let changed = self.end.execute(params![
            account.number(),
            sequence.0,
            rows::state_column(end.state()),
            now.as_millis(),
            attempts,
            end.death(),
        ])?;
        self.count(account, end, changed)?;
        Ok(true)
    }

    /// Ends a message that its first attempt delivered; as [`Settling::end`] otherwise.
    pub(super) fn deliver_at_first(
        &mut self,
        now: Timestamp,
        account: AccountId,
        turn: Turn,
        sequence: Sequence,
        success: FirstSuccess,
    ) -> Result<bool, Fault> {
        if !self.take(account, turn, sequence)? {
            return Ok(false);
        }
        let changed = self.end_at_first.execute(params![
            account.number(),
            sequence.0,
            now.as_millis(),
            success.status,
            success.started_at.as_millis(),
            success.millis,
        ])?;
        self.count(account, End::Delivered, changed)?;
        Ok(true)
    }

    fn take(&mut self, account: AccountId, turn: Turn, sequence: Sequence) -> Result<bool, Fault> {
        Ok(self.take.execute(params![account.number(), turn.0, sequence.0])? == 1)
    }

    fn count(&mut self, account: AccountId, end: End, changed: usize) -> Result<(), Fault> {
        if changed != 1 {
            return Err(Fault::damaged("a message waits that has no row"));
        }
        let ended = self.ended.entry(account).or_default();
        match end {
            End::Delivered => ended.delivered += 1,
            End::Dead(_) => ended.dead += 1,
            End::Cancelled => ended.cancelled += 1,
        }
        Ok(())
    }

    /// Takes what ended off the writer's counter. The caller adds it to the lanes' counters.
    pub(super) fn ended(self, work: &mut Work<'_>) -> BTreeMap<AccountId, Ended> {
        let moved = &mut work.counters.moved;
        let mut sum = 0;
        for ended in self.ended.values() {
            moved.delivered += ended.delivered;
            moved.dead += ended.dead;
            moved.cancelled += ended.cancelled;
            sum += ended.sum();
        }
        work.counters.pending = work.counters.pending.saturating_sub(sum);
        self.ended
    }

    /// Adds what ended to the lanes' counters and takes it off the writer's.
    pub(super) fn finish(self, work: &mut Work<'_>) -> Result<(), Fault> {
        for (account, ended) in self.ended(work) {
            lane::count(work.connection, account, ended)?;
        }
        Ok(())
    }
}
