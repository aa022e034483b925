//! A message's attempts, as they are kept: the rows of `attempt`, and a success at the first one in the message's own row.

use std::time::Duration;

use ringback_delivery::{AccountId, Outcome, Sequence};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::fault::Fault;
use super::rows;
use crate::{Attempt, stored};

/// All of them, the first one first.
pub(super) fn attempts(
    connection: &Connection,
    account: AccountId,
    sequence: Sequence,
) -> Result<Vec<Attempt>, Fault> {
    let mut attempts = Vec::from_iter(first_success(connection, account, sequence)?);
    let mut statement = connection.prepare_cached(
        "SELECT number, started_at, duration, outcome, error, excerpt FROM attempt
         WHERE account = ?1 AND sequence = ?2 ORDER BY number",
    )?;
    let mut found = statement.query(params![account.number(), sequence.0])?;
    while let Some(row) = found.next()? {
        attempts.push(attempt(row)?);
    }
    Ok(attempts)
}

/// The last of them.
pub(super) fn last(
    connection: &Connection,
    account: AccountId,
    sequence: Sequence,
) -> Result<Option<Attempt>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT number, started_at, duration, outcome, error, excerpt FROM attempt
         WHERE account = ?1 AND sequence = ?2 ORDER BY number DESC LIMIT 1",
    )?;
    let mut found = statement.query(params![account.number(), sequence.0])?;
    match found.next()? {
        Some(row) => attempt(row).map(Some),
        None => first_success(connection, account, sequence),
    }
}

fn attempt(row: &Row<'_>) -> Result<Attempt, Fault> {
    let outcome =
        stored::outcome_of(row.get(3)?).ok_or_else(|| Fault::damaged("an attempt ended in no known way"))?;
    Ok(Attempt {
        number: row.get(0)?,
        started_at: rows::moment(row, 1)?,
        duration: Duration::from_millis(row.get(2)?),
        outcome,
        error: row.get(4)?,
        excerpt: row.get(5)?,
    })
}

fn first_success(
    connection: &Connection,
    account: AccountId,
    sequence: Sequence,
) -> Result<Option<Attempt>, Fault> {
    let found = connection
        .prepare_cached(
            "SELECT status, started_at, duration FROM message
             WHERE account = ?1 AND sequence = ?2 AND status IS NOT NULL",
        )?
        .query_row(params![account.number(), sequence.0], |row| {
            Ok(Attempt {
                number: 1,
                started_at: rows::moment(row, 1)?,
                duration: Duration::from_millis(row.get(2)?),
                outcome: Outcome::Answered { status: row.get(0)?, retry_after: None },
                error: None,
                excerpt: None,
            })
        })
        .optional()?;
    Ok(found)
}
