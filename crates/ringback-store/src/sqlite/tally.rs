//! What accounts add up to, a part at a time.

use ringback_delivery::{AccountId, Standing, Timestamp};
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
    let part = summary::numbered(connection, reach, after, limit)?;
    let mut tally = Tally::default();
    for account in &part {
        let glance = summary::glance(connection, *account)?;
        tally.count(&glance);
        if glance.counts.pending > 0 && glance.closed().is_none() {
            tally.count_due(first_due(connection, *account, &glance.standing)?);
        }
    }
    tally.keep_the_longest();
    tally.next = part.last().copied().filter(|_| part.len() == limit);
    Ok(tally)
}

/// When the first message of an account that is free to go is due ([`Tally::first_due`]).
fn first_due(
    connection: &Connection,
    account: AccountId,
    standing: &Standing,
) -> Result<Option<Timestamp>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT min(moment) FROM (
             SELECT min(due) AS moment FROM
                 (SELECT due, turn, sequence FROM pending WHERE account = ?1 AND due IS NOT NULL ORDER BY due LIMIT ?3)
                 WHERE turn > ?2 AND NOT (sequence <= ?4 AND turn <= ?5)
             UNION ALL
             SELECT min(accepted_at) FROM
                 (SELECT turn, sequence, key, due, accepted_at FROM pending
                  WHERE account = ?1 AND turn > ?2 ORDER BY turn LIMIT ?3) AS head
                 WHERE due IS NULL AND NOT (sequence <= ?4 AND turn <= ?5)
                     AND (key IS NULL OR NOT EXISTS (SELECT 1 FROM pending AS ahead
                         WHERE ahead.account = ?1 AND ahead.key = head.key
                             AND ahead.turn > ?2 AND ahead.turn < head.turn)))",
    )?;
    let found = statement.query_row(
        params![
            account.number(),
            standing.cancelled_through.0,
            Tally::DUE_LOOKED_AT,
            standing.acknowledged_through.0,
            standing.acknowledged_turn.0,
        ],
        |row| rows::optional_moment(row, 0),
    )?;
    Ok(found)
}
