//! What accounts add up to, a part at a time.

use ringback_delivery::AccountId;
use rusqlite::{Connection, params};

use super::fault::Fault;
use super::{rows, summary};
use crate::Reach;
use crate::overseeing::Tally;

/// Accounts in one part, whatever was asked for.
const MOST: usize = 10_000;

/// Counts the next accounts within reach, by number, behind `after`.
pub(super) fn tally(
    connection: &Connection,
    reach: &Reach,
    after: Option<AccountId>,
    limit: usize,
) -> Result<Tally, Fault> {
    let limit = limit.clamp(1, MOST);
    let part = match reach {
        Reach::Every => next_of_all(connection, after, limit)?,
        Reach::Accounts(named) => {
            let mut named: Vec<AccountId> =
                named.iter().copied().filter(|account| after.is_none_or(|after| *account > after)).collect();
            named.sort_unstable();
            named.dedup();
            named.truncate(limit);
            named
        }
    };
    let mut tally = Tally::default();
    for account in &part {
        if let Some(glance) = summary::glance(connection, *account)? {
            tally.count(&glance);
        }
    }
    tally.keep_the_longest();
    tally.next = part.last().copied().filter(|_| part.len() == limit);
    Ok(tally)
}

fn next_of_all(
    connection: &Connection,
    after: Option<AccountId>,
    limit: usize,
) -> Result<Vec<AccountId>, Fault> {
    let after = after.map_or(-1, |account| i64::try_from(account.number()).unwrap_or(i64::MAX));
    let mut statement = connection
        .prepare_cached("SELECT account FROM account WHERE account > ?1 ORDER BY account LIMIT ?2")?;
    let mut found = statement.query(params![after, limit])?;
    let mut accounts = Vec::new();
    while let Some(row) = found.next()? {
        accounts.push(rows::account(row.get(0)?)?);
    }
    Ok(accounts)
}
