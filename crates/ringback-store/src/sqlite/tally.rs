//! What accounts add up to, a part at a time.

use ringback_delivery::AccountId;
use rusqlite::Connection;

use super::fault::Fault;
use super::summary;
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
        tally.count(&summary::glance(connection, *account)?);
    }
    tally.keep_the_longest();
    tally.next = part.last().copied().filter(|_| part.len() == limit);
    Ok(tally)
}
