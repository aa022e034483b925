//! Accounts at a glance.

use ringback_delivery::{AccountId, Sequence, Standing, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use super::fault::Fault;
use super::{history, lane, ledger, rows, standing};
use crate::{AccountSummary, Reach};

/// Accounts that one call gives, whatever was asked for.
const MOST: usize = 1000;
/// How much of the queue's head is looked through for what is not overtaken.
const OVERTAKEN: u32 = 1000;

/// One account, if it has a row.
pub(super) fn account(connection: &Connection, account: AccountId) -> Result<Option<AccountSummary>, Fault> {
    let Some((glance, head)) = look(connection, account)? else { return Ok(None) };
    let last_attempt = match head {
        Some(sequence) => history::last(connection, account, sequence)?,
        None => None,
    };
    Ok(Some(AccountSummary { last_attempt, registered_at: registered_at(connection, account)?, ..glance }))
}

/// One account, if it has a row, without its last attempt and the time of its registration: what is cheap.
pub(super) fn glance(connection: &Connection, account: AccountId) -> Result<Option<AccountSummary>, Fault> {
    Ok(look(connection, account)?.map(|(glance, _)| glance))
}

/// A glance, and the message that has waited the longest.
fn look(
    connection: &Connection,
    account: AccountId,
) -> Result<Option<(AccountSummary, Option<Sequence>)>, Fault> {
    let Some(standing) = standing::read(connection, account)? else { return Ok(None) };
    let counts = ledger::counts(connection, account, standing.last_sequence)?;
    let head = if counts.pending > 0 { head(connection, account, &standing)? } else { None };
    let glance = AccountSummary {
        account,
        standing,
        lane: lane::read(connection, account)?,
        counts,
        oldest_pending: head.map(|(_, accepted_at)| accepted_at),
        last_attempt: None,
        registered_at: None,
    };
    Ok(Some((glance, head.map(|(sequence, _)| sequence))))
}

/// Accounts within reach, by number, behind `after`.
pub(super) fn accounts(
    connection: &Connection,
    reach: &Reach,
    after: Option<AccountId>,
    limit: usize,
) -> Result<Vec<AccountSummary>, Fault> {
    let limit = limit.min(MOST);
    let mut summaries = Vec::new();
    match reach {
        Reach::Every => {
            let mut next = connection
                .prepare_cached("SELECT account FROM account WHERE account > ?1 ORDER BY account LIMIT ?2")?;
            let after = after.map_or(-1, |account| i64::try_from(account.number()).unwrap_or(i64::MAX));
            let mut found = next.query(params![after, limit])?;
            while let Some(row) = found.next()? {
                summaries.extend(account(connection, rows::account(row.get(0)?)?)?);
            }
        }
        Reach::Accounts(reached) => {
            let mut reached = reached.clone();
            reached.sort_unstable();
            reached.dedup();
            for wanted in reached.into_iter().filter(|wanted| after.is_none_or(|after| *wanted > after)) {
                if summaries.len() == limit {
                    break;
                }
                summaries.extend(account(connection, wanted)?);
            }
        }
    }
    Ok(summaries)
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
