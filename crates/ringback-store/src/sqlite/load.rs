//! Reading what lanes ask for. Each question is answered from an index, and costs what it gives.
//!
//! The indices are named in the questions: left to itself, the planner would walk a whole queue in its order to find
//! the few messages of one key.

use ringback_delivery::{AccountId, LaneRead, LaneRows, Timestamp, Turn, Waiting};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::fault::Fault;
use super::pending::{waiting, waiting_columns};
use super::runs::Runs;
use super::{lane, rows, standing};
use crate::{Content, Trace};

/// How many messages of a key that was asked for are given at once.
const FOLLOWERS: usize = 8;

/// Answers one lane.
pub(super) fn load(connection: &Connection, read: &LaneRead) -> Result<LaneRows, Fault> {
    let account = read.account;
    let opening = if read.opening {
        Some((standing::read(connection, account)?.unwrap_or_default(), lane::read(connection, account)?))
    } else {
        None
    };
    let (queue, end) = queue(connection, account, read.after, read.limit)?;
    let (due, more_due) = match read.due_by {
        Some(by) => due(connection, account, by, read.limit)?,
        None => (Vec::new(), false),
    };
    // Nothing is before the first of all, which is often the only one.
    let alone = usize::from(read.after == Turn(0));
    let has_keys = queue.iter().skip(alone).any(|waiting| waiting.key.is_some());
    let runs = match has_keys || !read.followers.is_empty() {
        true => Runs::of(connection, account)?,
        false => Runs::default(),
    };
    let queue = with_those_before(connection, account, &runs, queue)?;
    let mut followers = Vec::new();
    for &(key, after) in &read.followers {
        let columns = waiting_columns!();
        followers.extend(runs.behind(connection, columns, (account, key), after, FOLLOWERS, waiting)?);
    }
    followers.sort_unstable_by_key(|waiting| waiting.turn);
    Ok(LaneRows {
        account,
        opening,
        queue,
        end,
        due,
        more_due,
        next_due: next_due(connection, account, read.due_by)?,
        followers,
    })
}

fn queue(
    connection: &Connection,
    account: AccountId,
    after: Turn,
    limit: u32,
) -> Result<(Vec<Waiting>, bool), Fault> {
    let mut statement = connection.prepare_cached(concat!(
        "SELECT ",
        waiting_columns!(),
        " FROM pending WHERE account = ?1 AND turn > ?2 ORDER BY turn LIMIT ?3",
    ))?;
    let found = statement.query_map(params![account.number(), after.0, u64::from(limit) + 1], waiting)?;
    let mut queue = found.collect::<Result<Vec<_>, _>>()?;
    let end = !cut(&mut queue, limit);
    Ok((queue, end))
}

/// Each with the last before it that waits with its key.
fn with_those_before(
    connection: &Connection,
    account: AccountId,
    runs: &Runs,
    queue: Vec<Waiting>,
) -> Result<Vec<(Waiting, Option<Turn>)>, Fault> {
    let mut before = runs.before(connection, account)?;
    let with = |waiting: Waiting| {
        let last = waiting.key.map(|key| before.last(key, waiting.turn)).transpose()?;
        Ok((waiting, last.flatten()))
    };
    queue.into_iter().map(with).collect()
}

fn due(
    connection: &Connection,
    account: AccountId,
    by: Timestamp,
    limit: u32,
) -> Result<(Vec<Waiting>, bool), Fault> {
    let mut statement = connection.prepare_cached(concat!(
        "SELECT ",
        waiting_columns!(),
        " FROM pending INDEXED BY pending_due WHERE account = ?1 AND due <= ?2 ORDER BY due, turn LIMIT ?3",
    ))?;
    let found =
        statement.query_map(params![account.number(), by.as_millis(), u64::from(limit) + 1], waiting)?;
    let mut due = found.collect::<Result<Vec<_>, _>>()?;
    let more = cut(&mut due, limit);
    Ok((due, more))
}

/// Cuts the one off that was read to see whether there are more; whether there are.
fn cut<T>(found: &mut Vec<T>, limit: u32) -> bool {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = found.len() > limit;
    found.truncate(limit);
    more
}

fn next_due(
    connection: &Connection,
    account: AccountId,
    after: Option<Timestamp>,
) -> Result<Option<Timestamp>, Fault> {
    let after = after.map_or(i64::MIN, Timestamp::as_millis);
    let next = connection
        .prepare_cached("SELECT due FROM pending INDEXED BY pending_due WHERE account = ?1 AND due > ?2 ORDER BY due LIMIT 1")?
        .query_row(params![account.number(), after], |row| rows::moment(row, 0))
        .optional()?;
    Ok(next)
}

/// Accounts with something pending behind `after`: from one account's first row to the next's, whatever lies between.
pub(super) fn lanes_waiting(
    connection: &Connection,
    after: Option<AccountId>,
    limit: usize,
) -> Result<Vec<AccountId>, Fault> {
    let mut next = connection
        .prepare_cached("SELECT account FROM pending WHERE account > ?1 ORDER BY account LIMIT 1")?;
    let mut last = after.map_or(-1, |account| i64::try_from(account.number()).unwrap_or(i64::MAX));
    let mut lanes = Vec::new();
    while lanes.len() < limit
        && let Some(found) = next.query_row([last], |row| row.get::<_, i64>(0)).optional()?
    {
        last = found;
        let number = u64::try_from(found).map_err(|_| Fault::damaged("an account's number is negative"))?;
        lanes.push(rows::account(number)?);
    }
    Ok(lanes)
}

/// What is sent of the messages at these positions, in their own place or where the retention has put them.
pub(super) fn contents(connection: &Connection, positions: &[i64]) -> Result<Vec<Option<Content>>, Fault> {
    let mut at = connection.prepare_cached("SELECT body, trace FROM body WHERE position = ?1")?;
    let mut kept = connection.prepare_cached("SELECT body, trace FROM kept_body WHERE position = ?1")?;
    let mut contents = Vec::with_capacity(positions.len());
    for position in positions {
        let found = match at.query_row([position], content).optional()? {
            Some(found) => Some(found),
            None => kept.query_row([position], content).optional()?,
        };
        contents.push(found);
    }
    Ok(contents)
}

fn content(row: &Row<'_>) -> rusqlite::Result<Content> {
    let trace = row.get_ref(1)?.as_blob_or_null()?.and_then(Trace::from_kept);
    Ok(Content { body: row.get::<_, Vec<u8>>(0)?.into(), trace })
}
