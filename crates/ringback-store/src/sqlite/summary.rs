//! Accounts at a glance.

use ringback_delivery::{AccountId, Sequence, Standing, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use super::fault::Fault;
use super::{history, lane, ledger, rows, standing};
use crate::credentials::next_of;
use crate::{AccountSummary, Reach};

/// Accounts that one call gives, whatever was asked for.
const MOST: usize = 1000;
/// How much of the queue's head is looked through for what is not overtaken.
const OVERTAKEN: u32 = 1000;

/// One account.
pub(super) fn account(connection: &Connection, account: AccountId) -> Result<AccountSummary, Fault> {
    let (glance, head) = look(connection, account)?;
    let last_attempt = match head {
        Some(sequence) => history::last(connection, account, sequence)?,
        None => None,
    };
    Ok(AccountSummary { last_attempt, registered_at: registered_at(connection, account)?, ..glance })
}

/// One account without its last attempt and the time of its registration: what is cheap.
pub(super) fn glance(connection: &Connection, account: AccountId) -> Result<AccountSummary, Fault> {
    Ok(look(connection, account)?.0)
}

/// A glance, and the message that has waited the longest.
fn look(connection: &Connection, account: AccountId) -> Result<(AccountSummary, Option<Sequence>), Fault> {
    let untouched = AccountSummary::untouched(account);
    let Some(standing) = standing::read(connection, account)? else { return Ok((untouched, None)) };
    let counts = ledger::counts(connection, account, standing.last_sequence)?;
    let head = if counts.pending > 0 { head(connection, account, &standing)? } else { None };
    let glance = AccountSummary {
        standing,
        lane: lane::read(connection, account)?,
        counts,
        oldest_pending: head.map(|(_, accepted_at)| accepted_at),
        ..untouched
    };
    Ok((glance, head.map(|(sequence, _)| sequence)))
}

/// Accounts within reach, by number, behind `after`.
pub(super) fn accounts(
    connection: &Connection,
    reach: &Reach,
    after: Option<AccountId>,
    limit: usize,
) -> Result<Vec<AccountSummary>, Fault> {
    let wanted = numbered(connection, reach, after, limit.min(MOST))?;
    wanted.into_iter().map(|wanted| account(connection, wanted)).collect()
}

/// The numbers of accounts within reach, in order, behind `after`: of all, those that have a row or that a credential names.
pub(super) fn numbered(
    connection: &Connection,
    reach: &Reach,
    after: Option<AccountId>,
    limit: usize,
) -> Result<Vec<AccountId>, Fault> {
    if let Reach::Accounts(named) = reach {
        return Ok(next_of(named, after, limit));
    }
    let after = after.map_or(-1, |account| i64::try_from(account.number()).unwrap_or(i64::MAX));
    let mut statement = connection.prepare_cached(
        "SELECT account FROM
             (SELECT account FROM account WHERE account > ?1 ORDER BY account LIMIT ?2)
         UNION
         SELECT account FROM
             (SELECT DISTINCT account FROM credential_account WHERE account > ?1 ORDER BY account LIMIT ?2)
         ORDER BY account LIMIT ?2",
    )?;
    let mut found = statement.query(params![after, limit])?;
    let mut accounts = Vec::new();
    while let Some(row) = found.next()? {
        accounts.push(rows::account(row.get(0)?)?);
    }
    Ok(accounts)
}

/// The first in the queue that is not overtaken, and when it was accepted.
fn head(
    connection: &Connection,
    account: AccountId,
    standing: &Standing,
) -> Result<Option<(Sequence, Timestamp)>, Fault> {
    let head = connection
        .prepare_cached(
            "SELECT sequence, accepted_at FROM
                 (SELECT turn, sequence, accepted_at FROM pending
                  WHERE account = ?1 AND turn > ?2 ORDER BY turn LIMIT ?3)
             WHERE NOT (sequence <= ?4 AND turn <= ?5) LIMIT 1",
        )?
        .query_row(
            params![
                account.number(),
                standing.cancelled_through.0,
                OVERTAKEN,
                standing.acknowledged_through.0,
                standing.acknowledged_turn.0,
            ],
            |row| Ok((Sequence(row.get(0)?), rows::moment(row, 1)?)),
        )
        .optional()?;
    Ok(head)
}

fn registered_at(connection: &Connection, account: AccountId) -> Result<Option<Timestamp>, Fault> {
    let found = connection
        .prepare_cached("SELECT registered_at FROM registration WHERE account = ?1 AND sealed IS NOT NULL")?
        .query_row([account.number()], |row| rows::optional_moment(row, 0))
        .optional()?;
    Ok(found.flatten())
}
