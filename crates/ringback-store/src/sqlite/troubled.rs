//! Accounts in trouble.

use ringback_delivery::AccountId;
use rusqlite::Connection;

use super::fault::Fault;
use super::{rows, summary};
use crate::AccountSummary;
use crate::overseeing::{Ailment, worst_first};

/// Rows that are walked for each ailment of all accounts.
const WALKED: usize = 1000;
/// Named accounts that are looked at.
const LOOKED_AT: usize = 10_000;

/// For each ailment, the accounts that may have it, the worst first, by the index that holds only them.
const CANDIDATES: [(Ailment, &str); 5] = [
    (
        Ailment::Suspended,
        "SELECT account FROM lane INDEXED BY lane_closed WHERE health > 0 AND health = 2 ORDER BY since LIMIT ?1",
    ),
    (
        Ailment::OnHold,
        "SELECT account FROM lane INDEXED BY lane_closed WHERE health > 0 AND health = 1 ORDER BY since LIMIT ?1",
    ),
    (
        Ailment::Failing,
        "SELECT account FROM lane INDEXED BY lane_failing WHERE health = 0 AND failures > 0
         ORDER BY failures DESC LIMIT ?1",
    ),
    (
        Ailment::Paused,
        "SELECT account FROM account INDEXED BY account_paused WHERE paused_since IS NOT NULL
         ORDER BY paused_since LIMIT ?1",
    ),
    (
        Ailment::Dead,
        "SELECT account FROM lane INDEXED BY lane_dead WHERE dead > 0 ORDER BY dead DESC LIMIT ?1",
    ),
];

/// Those of all accounts. A row of an index may be out of date (a lane that was released and not tried since), or be
/// there for what is not the account's worst ailment: such ones are passed over.
pub(super) fn of_all(connection: &Connection, limit: usize) -> Result<Vec<AccountSummary>, Fault> {
    let mut troubled = Vec::new();
    for (ailment, query) in CANDIDATES {
        let mut statement = connection.prepare_cached(query)?;
        let mut found = statement.query([WALKED])?;
        while troubled.len() < limit
            && let Some(row) = found.next()?
        {
            let summary = summary::account(connection, rows::account(row.get(0)?)?)?;
            troubled.extend(Some(summary).filter(|account| Ailment::of(account) == Some(ailment)));
        }
    }
    troubled.sort_by(worst_first);
    Ok(troubled)
}

/// Those of named accounts.
pub(super) fn of(
    connection: &Connection,
    named: &[AccountId],
    limit: usize,
) -> Result<Vec<AccountSummary>, Fault> {
    let mut named = named.to_vec();
    named.sort_unstable();
    named.dedup();
    let mut troubled = Vec::new();
    for account in named.into_iter().take(LOOKED_AT) {
        let summary = summary::account(connection, account)?;
        troubled.extend(Some(summary).filter(|account| Ailment::of(account).is_some()));
        if troubled.len() >= 2 * limit.max(1) {
            keep_the_worst(&mut troubled, limit);
        }
    }
    keep_the_worst(&mut troubled, limit);
    Ok(troubled)
}

fn keep_the_worst(troubled: &mut Vec<AccountSummary>, limit: usize) {
    troubled.sort_by(worst_first);
    troubled.truncate(limit);
}
