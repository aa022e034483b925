//! Idempotency keys: the same key and message again is a duplicate, the same key and another message a conflict.
//!
//! Keys are kept by the period of a day in which they came, so that an old period can be dropped as one range. A look-up
//! covers the period before, so a key holds for at least a day, and the one after, in case the clock was
//! set back over a period's end.

use ringback_delivery::{AccountId, MessageId, MessageState, Sequence, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use super::fault::Fault;
use super::{message, rows, standing};
use crate::{Admission, Idempotency};

const PERIOD_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// The periods to look in at one moment, the present one first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Periods(Vec<i64>);

impl Periods {
    /// The present period at `now`, and its neighbours if they hold anything.
    pub(super) fn at(connection: &Connection, now: Timestamp) -> Result<Self, Fault> {
        let present = period(now);
        let mut exists =
            connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM idempotency WHERE period = ?1)")?;
        let mut periods = vec![present];
        for neighbour in [present - 1, present + 1] {
            if exists.query_row([neighbour], |row| row.get(0))? {
                periods.push(neighbour);
            }
        }
        Ok(Self(periods))
    }

    /// Whether these still are the periods to look in, if nothing but the present one was written to since.
    pub(super) fn hold_at(&self, now: Timestamp) -> bool {
        self.0.first() == Some(&period(now))
    }

    /// What was answered to this key before, if it came before.
    pub(super) fn look_up(
        &self,
        connection: &Connection,
        account: AccountId,
        wanted: &Idempotency,
    ) -> Result<Option<Admission>, Fault> {
        let mut find = connection.prepare_cached(
            "SELECT message, sequence, accepted_at FROM idempotency
             WHERE period = ?1 AND key = ?3 AND account = ?2",
        )?;
        for period in &self.0 {
            let found = find
                .query_row(params![period, account.number(), wanted.key], |row| {
                    Ok((row.get::<_, [u8; 32]>(0)?, Sequence(row.get(1)?), rows::moment(row, 2)?))
                })
                .optional()?;
            if let Some((message, sequence, accepted_at)) = found {
                if message != wanted.message {
                    return Ok(Some(Admission::Conflict));
                }
                let state = state(connection, account, sequence)?;
                return Ok(Some(Admission::Duplicate(MessageId::new(account, sequence, accepted_at), state)));
            }
        }
        Ok(None)
    }

    /// Remembers a key.
    pub(super) fn remember(
        &self,
        connection: &Connection,
        id: MessageId,
        accepted_at: Timestamp,
        key: &Idempotency,
    ) -> Result<(), Fault> {
        connection
            .prepare_cached(
                "INSERT INTO idempotency (period, account, key, message, sequence, accepted_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                self.0.first(),
                id.account.number(),
                key.key,
                key.message,
                id.sequence.0,
                accepted_at.as_millis(),
            ])?;
        Ok(())
    }
}

/// The oldest period that is still looked in: what is in those before it counts no more.
pub(super) fn oldest_period(now: Timestamp) -> i64 {
    period(now) - 1
}

fn period(now: Timestamp) -> i64 {
    now.as_millis().div_euclid(PERIOD_MILLIS)
}

fn state(connection: &Connection, account: AccountId, sequence: Sequence) -> Result<MessageState, Fault> {
    // What is younger than a key is only ever dropped for want of room, and then it was delivered: see `Retention::LEAST`.
    let Some(row) = message::find(connection, account, sequence)? else { return Ok(MessageState::Delivered) };
    Ok(row.state(&standing::read(connection, account)?.unwrap_or_default()))
}
