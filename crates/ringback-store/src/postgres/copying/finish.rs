//! What comes when all rows are there. Each part may be done again, should the copy break off in the middle of them.

use std::sync::{Arc, OnceLock};

use super::source::Source;
use super::{CopyError, commit};
use crate::postgres::connector::Connector;
use crate::postgres::fault::Fault;
use crate::postgres::link::{Link, Patience};
use crate::postgres::opening::Openings;
use crate::postgres::pool::{LONG, Maker, Pool};
use crate::postgres::verify;
use crate::{LedgerReport, PostgresOptions, SqliteStore, Upkeep as _};

/// What nodes go by: new messages come behind all that was copied, new credentials too; and what plans are made by.
pub(super) async fn settle(link: &mut Link) -> Result<(), CopyError> {
    link.hurry(Patience::Each(LONG));
    link.script(
        "BEGIN;
         UPDATE ringback.tape SET cut = greatest(cut, k.last), floor = greatest(floor, k.last)
             FROM (SELECT coalesce(max(position), -1) AS last FROM ringback.kept) k;
         UPDATE ringback.store SET credentials_version = credentials_version + 1;
         SELECT setval(pg_get_serial_sequence('ringback.credential', 'id'), greatest(max(id), 1)) FROM ringback.credential;
         SELECT setval(pg_get_serial_sequence('ringback.act', 'number'), greatest(max(number), 1)) FROM ringback.act",
    )
    .await?;
    commit(link).await?;
    for table in ["account", "kept", "pending", "lane", "idempotency"] {
        link.script(&format!("ANALYZE ringback.{table}")).await?;
    }
    Ok(())
}

/// Checks both, and whether they say the same. A source in which something is wrong is copied as it is.
pub(super) async fn compare(
    held: &SqliteStore,
    connector: Arc<Connector>,
    source: &Source,
    to: &PostgresOptions,
) -> Result<(LedgerReport, LedgerReport), CopyError> {
    let mark = OnceLock::from(source.mark.clone());
    let pool = Pool::new(
        Arc::new(Maker { connector, mark, openings: Openings::here() }),
        to.connections,
        Arc::default(),
    )
    .map_err(|reason| CopyError::from(Fault::unavailable(reason)))?;
    let target = verify::verify(&pool).await?;
    let checked = held.verify().await.map_err(|error| CopyError::Read(error.to_string()))?;
    source.must_be_as_it_was().await?;
    match difference(&checked, &target) {
        Some(what) if checked.discrepancies.is_empty() => Err(CopyError::Differs(what)),
        _ => Ok((checked, target)),
    }
}

fn difference(source: &LedgerReport, target: &LedgerReport) -> Option<String> {
    if let Some(one) = target.discrepancies.first() {
        let whose = one.account.map(|account| format!("of account {account} ")).unwrap_or_default();
        return Some(format!("{whose}{}", one.what));
    }
    ((source.accounts, &source.counts) != (target.accounts, &target.counts)).then(|| {
        let count = |report: &LedgerReport| format!("{} accounts and {:?}", report.accounts, report.counts);
        format!("the source has {}, the target {}", count(source), count(target))
    })
}
