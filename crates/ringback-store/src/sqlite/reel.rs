//! An account's own messages by their numbers, for a listener that catches up.

use ringback_delivery::{AccountId, Sequence};
use rusqlite::{Connection, params};

use super::fault::Fault;
use super::message::{MessageRow, message_columns};
use super::standing;
use crate::Reel;

/// Messages that one call gives, whatever was asked for.
const MOST: usize = 2000;

/// The part behind `after`.
pub(super) fn reel(
    connection: &Connection,
    account: AccountId,
    after: Sequence,
    limit: usize,
    bytes: usize,
) -> Result<Reel, Fault> {
    let standing = standing::read(connection, account)?.unwrap_or_default();
    let first: Option<u64> = connection
        .prepare_cached("SELECT min(sequence) FROM message WHERE account = ?1")?
        .query_row([account.number()], |row| row.get(0))?;
    let mut statement = connection.prepare_cached(concat!(
        "SELECT ",
        message_columns!(),
        " FROM message m WHERE m.account = ?1 AND m.sequence > ?2 ORDER BY m.sequence LIMIT ?3"
    ))?;
    let after = i64::try_from(after.0).unwrap_or(i64::MAX);
    let mut rows = statement.query(params![account.number(), after, limit.min(MOST)])?;
    let mut messages = Vec::new();
    let mut taken = 0;
    while let Some(row) = rows.next()? {
        let row = MessageRow::read(row)?;
        let content = row.content(connection)?;
        taken += content.as_ref().map_or(0, |content| content.body.len());
        if taken > bytes && !messages.is_empty() {
            break;
        }
        messages.push(row.message(connection, &standing)?.with(content));
    }
    let last = standing.last_sequence;
    Ok(Reel { first: Sequence(first.unwrap_or(last.0 + 1)), messages, last })
}
