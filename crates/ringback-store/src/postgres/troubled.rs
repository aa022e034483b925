//! Accounts in trouble.

use ringback_delivery::AccountId;

use super::fault::Fault;
use super::link::{Link, args};
use super::{rows, summary};
use crate::AccountSummary;
use crate::overseeing::{Ailment, worst_first};

/// Rows that are walked for each ailment of all accounts.
const WALKED: i64 = 1000;
/// Named accounts that are looked at.
const LOOKED_AT: usize = 10_000;
/// Accounts that are looked at together.
const PORTION: usize = 200;

/// For each ailment, the accounts that may have it, the worst first, by the index that holds only them.
const CANDIDATES: [(Ailment, &str); 5] = [
    (
        Ailment::Suspended,
        "SELECT account FROM ringback.lane WHERE health > 0 AND health = 2 ORDER BY since LIMIT $1",
    ),
    (
        Ailment::OnHold,
        "SELECT account FROM ringback.lane WHERE health > 0 AND health = 1 ORDER BY since LIMIT $1",
    ),
    (
        Ailment::Failing,
        "SELECT account FROM ringback.lane WHERE health = 0 AND failures > 0 ORDER BY failures DESC LIMIT $1",
    ),
    (
        Ailment::Paused,
        "SELECT account FROM ringback.account WHERE paused_since IS NOT NULL ORDER BY paused_since LIMIT $1",
    ),
    (Ailment::Dead, "SELECT account FROM ringback.lane WHERE dead > 0 ORDER BY dead DESC LIMIT $1"),
];

/// Those of all accounts. A row of an index may be out of date (a lane that was released and not tried since), or be
/// there for what is not the account's worst ailment: such ones are passed over.
pub(super) async fn of_all(link: &Link, limit: usize) -> Result<Vec<AccountSummary>, Fault> {
    let mut troubled = Vec::new();
    for (ailment, query) in CANDIDATES {
        let found = link.rows(query, args![INT8 WALKED]).await?;
        let found = found.iter().map(|row| rows::account(row, 0)).collect::<Result<Vec<_>, _>>()?;
        for portion in found.chunks(PORTION) {
            if troubled.len() >= limit {
                break;
            }
            for account in whole(link, portion, |summary| Ailment::of(summary) == Some(ailment)).await? {
                if troubled.len() < limit {
                    troubled.push(account);
                }
            }
        }
    }
    troubled.sort_by(worst_first);
    Ok(troubled)
}

/// Those of named accounts.
pub(super) async fn of(link: &Link, named: &[AccountId], limit: usize) -> Result<Vec<AccountSummary>, Fault> {
    let mut named = named.to_vec();
    named.sort_unstable();
    named.dedup();
    named.truncate(LOOKED_AT);
    let mut troubled = Vec::new();
    for portion in named.chunks(PORTION) {
        troubled.extend(whole(link, portion, |summary| Ailment::of(summary).is_some()).await?);
        troubled.sort_by(worst_first);
        troubled.truncate(limit);
    }
    Ok(troubled)
}

/// The whole summaries of those that a glance picks.
async fn whole(
    link: &Link,
    accounts: &[AccountId],
    pick: impl Fn(&AccountSummary) -> bool,
) -> Result<Vec<AccountSummary>, Fault> {
    let mut picked = Vec::new();
    for (glance, _) in summary::glances(link, accounts).await? {
        if pick(&glance) {
            picked.push(summary::account(link, glance.account).await?);
        }
    }
    Ok(picked)
}
