//! The audit log's rows.

use ringback_delivery::AccountId;
use rusqlite::{Connection, params};

use super::fault::Fault;
use super::rows;
use super::work::Work;
use crate::overseeing::{ACTS_KEPT, Act, KeptAct};

/// Acts that one call gives, whatever was asked for.
const MOST: usize = 1000;

/// Keeps an act, and forgets the oldest past the bound.
pub(super) fn note(work: &mut Work<'_>, act: &Act) -> Result<(), Fault> {
    let connection = work.connection;
    connection
        .prepare_cached("INSERT INTO act (at, credential, by, account, what) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![
            act.at.as_millis(),
            act.credential,
            act.by,
            act.account.map(AccountId::number),
            act.what,
        ])?;
    connection
        .prepare_cached("DELETE FROM act WHERE number <= (SELECT max(number) FROM act) - ?1")?
        .execute([ACTS_KEPT])?;
    Ok(())
}

/// Acts below a number, the newest first.
pub(super) fn list(
    connection: &Connection,
    account: Option<AccountId>,
    before: Option<i64>,
    limit: usize,
) -> Result<Vec<KeptAct>, Fault> {
    let (before, limit) = (before.unwrap_or(i64::MAX), limit.min(MOST));
    let mut statement = connection.prepare_cached(match account {
        Some(_) => {
            "SELECT number, at, credential, by, account, what FROM act
             WHERE number < ?1 AND account = ?3 ORDER BY number DESC LIMIT ?2"
        }
        None => {
            "SELECT number, at, credential, by, account, what FROM act
             WHERE number < ?1 AND ?3 IS NULL ORDER BY number DESC LIMIT ?2"
        }
    })?;
    let mut found = statement.query(params![before, limit, account.map(AccountId::number)])?;
    let mut acts = Vec::new();
    while let Some(row) = found.next()? {
        let account: Option<u64> = row.get(4)?;
        let act = Act {
            at: rows::moment(row, 1)?,
            credential: row.get(2)?,
            by: row.get(3)?,
            account: account.map(rows::account).transpose()?,
            what: row.get(5)?,
        };
        acts.push(KeptAct { number: row.get(0)?, act });
    }
    Ok(acts)
}
