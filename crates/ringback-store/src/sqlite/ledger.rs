//! The ledger's counters, where they are read, and where a replay or the retention moves them.
//!
//! Neither ever takes a counter below nothing: damage must stop neither of them, and `verify` sees it all the same.

use ringback_delivery::{AccountId, MessageState, Sequence};
use rusqlite::{Connection, OptionalExtension, params};

use super::fault::Fault;
use super::lane::Ended;
use crate::Counts;

/// An account's ledger. What is pending is what was accepted, less what came to an end.
pub(super) fn counts(
    connection: &Connection,
    account: AccountId,
    last_sequence: Sequence,
) -> Result<Counts, Fault> {
    let ended = connection
        .prepare_cached(
            "SELECT delivered, dead, cancelled, dropped_delivered, dropped_dead, dropped_cancelled
             FROM lane WHERE account = ?1",
        )?
        .query_row([account.number()], |row| {
            Ok(Counts {
                delivered: row.get(0)?,
                dead: row.get(1)?,
                cancelled: row.get(2)?,
                dropped_delivered: row.get(3)?,
                dropped_dead: row.get(4)?,
                dropped_cancelled: row.get(5)?,
                ..Counts::default()
            })
        })
        .optional()?
        .unwrap_or_default();
    let accepted = last_sequence.0;
    Ok(Counts { accepted, pending: accepted.saturating_sub(finished(&ended)), ..ended })
}

/// All that are not pending any more.
pub(super) fn finished(counts: &Counts) -> u64 {
    counts.delivered
        + counts.dead
        + counts.cancelled
        + counts.dropped_delivered
        + counts.dropped_dead
        + counts.dropped_cancelled
}

/// Adds up messages by the state that they are in.
pub(super) fn tally(ended: &mut Ended, state: MessageState) {
    match state {
        MessageState::Delivered => ended.delivered += 1,
        MessageState::Dead => ended.dead += 1,
        MessageState::Cancelled => ended.cancelled += 1,
        MessageState::Pending => {}
    }
}

/// Takes off what waits again.
pub(super) fn take_back(connection: &Connection, account: AccountId, ended: Ended) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "UPDATE lane SET delivered = max(delivered - ?2, 0), dead = max(dead - ?3, 0),
                 cancelled = max(cancelled - ?4, 0)
             WHERE account = ?1",
        )?
        .execute(params![account.number(), ended.delivered, ended.dead, ended.cancelled])?;
    Ok(())
}

/// Moves what the retention took to the counters of what is dropped.
pub(super) fn drop(connection: &Connection, account: AccountId, ended: Ended) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "INSERT INTO lane (account, dropped_delivered, dropped_dead, dropped_cancelled)
             VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (account) DO UPDATE SET
                 delivered = max(delivered - ?2, 0), dropped_delivered = dropped_delivered + ?2,
                 dead = max(dead - ?3, 0), dropped_dead = dropped_dead + ?3,
                 cancelled = max(cancelled - ?4, 0), dropped_cancelled = dropped_cancelled + ?4",
        )?
        .execute(params![account.number(), ended.delivered, ended.dead, ended.cancelled])?;
    Ok(())
}
