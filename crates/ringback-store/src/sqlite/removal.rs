//! Taking messages out of the store, with all that belongs to them, and out of the ledger's counters of what is here.

use std::collections::BTreeMap;

use ringback_delivery::{AccountId, MessageState};
use rusqlite::{CachedStatement, Connection, Row, params};

use super::fault::Fault;
use super::lane::Ended;
use super::{ledger, rows};

/// A message that is to go, as far as its removal needs to know it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) account: u64,
    pub(super) sequence: u64,
    pub(super) position: i64,
    pub(super) attempts: u32,
    pub(super) kept: bool,
}

impl Place {
    /// Reads `account, sequence, position, attempts, kept`.
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            account: row.get(0)?,
            sequence: row.get(1)?,
            position: row.get(2)?,
            attempts: row.get(3)?,
            kept: row.get(4)?,
        })
    }
}

/// Removes messages, and counts them for [`Removal::finish`].
pub(super) struct Removal<'c> {
    gone: BTreeMap<AccountId, Ended>,
    message: CachedStatement<'c>,
    attempts: CachedStatement<'c>,
    body: CachedStatement<'c>,
    kept_body: CachedStatement<'c>,
}

impl<'c> Removal<'c> {
    pub(super) fn new(connection: &'c Connection) -> Result<Self, Fault> {
        Ok(Self {
            gone: BTreeMap::new(),
            message: connection.prepare_cached("DELETE FROM message WHERE account = ?1 AND sequence = ?2")?,
            attempts: connection
                .prepare_cached("DELETE FROM attempt WHERE account = ?1 AND sequence = ?2")?,
            body: connection.prepare_cached("DELETE FROM body WHERE position = ?1")?,
            kept_body: connection.prepare_cached("DELETE FROM kept_body WHERE position = ?1")?,
        })
    }

    /// Removes a message that is in this state, and its attempts; its body is the caller's affair.
    pub(super) fn message(&mut self, place: &Place, state: MessageState) -> Result<(), Fault> {
        self.message.execute(params![place.account, place.sequence])?;
        if place.attempts > 0 {
            self.attempts.execute(params![place.account, place.sequence])?;
        }
        ledger::tally(self.gone.entry(rows::account(place.account)?).or_default(), state);
        Ok(())
    }

    /// Removes its body.
    pub(super) fn body(&mut self, place: &Place) -> Result<(), Fault> {
        let body = if place.kept { &mut self.kept_body } else { &mut self.body };
        body.execute([place.position])?;
        Ok(())
    }

    /// Moves the lanes' counters.
    pub(super) fn finish(self, connection: &Connection) -> Result<(), Fault> {
        for (account, gone) in self.gone {
            ledger::drop(connection, account, gone)?;
        }
        Ok(())
    }
}
