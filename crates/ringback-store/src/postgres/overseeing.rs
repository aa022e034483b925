//! [`Overseeing`] for PostgreSQL.

use async_trait::async_trait;
use ringback_delivery::AccountId;

use super::fault::Fault;
use super::link::args;
use super::{PostgresStore, rows, summary, troubled};
use crate::overseeing::{ACTS_KEPT, Act, KeptAct, Overseeing, Tally};
use crate::{AccountSummary, Reach, StoreError};

/// Accounts in one part, whatever was asked for.
const MOST: usize = 10_000;
/// Acts that one call gives, whatever was asked for.
const MOST_ACTS: usize = 1000;

#[async_trait]
impl Overseeing for PostgresStore {
    async fn troubled(&self, reach: Reach, limit: usize) -> Result<Vec<AccountSummary>, StoreError> {
        let read = async {
            let tx = self.pool.begin_reading().await?;
            let troubled = match &reach {
                Reach::Every => troubled::of_all(&tx, limit).await?,
                Reach::Accounts(named) => troubled::of(&tx, named, limit).await?,
            };
            tx.commit().await?;
            Ok(troubled)
        };
        read.await.map_err(Fault::into_error)
    }

    async fn tally(&self, reach: Reach, after: Option<AccountId>, limit: usize) -> Result<Tally, StoreError> {
        let limit = limit.clamp(1, MOST);
        let read = async {
            let tx = self.pool.begin_reading().await?;
            let part = summary::numbered(&tx, &reach, after, limit).await?;
            let mut tally = Tally::default();
            let mut open = Vec::new();
            for (glance, _) in summary::glances(&tx, &part).await? {
                tally.count(&glance);
                if glance.counts.pending > 0 && glance.closed().is_none() {
                    open.push((glance.account, glance.standing));
                }
            }
            tally.count_due(summary::first_due(&tx, &open).await?);
            tx.commit().await?;
            tally.keep_the_longest();
            tally.next = part.last().copied().filter(|_| part.len() == limit);
            Ok(tally)
        };
        read.await.map_err(Fault::into_error)
    }

    async fn note(&self, act: Act) -> Result<(), StoreError> {
        let account = act.account.map(|account| rows::number_column(account.number()));
        let write = async {
            let tx = self.pool.begin().await?;
            tx.run(
                "INSERT INTO ringback.act (at, credential, by, account, what) VALUES ($1, $2, $3, $4, $5)",
                args![
                    INT8 act.at.as_millis(), INT8 act.credential, TEXT act.by, INT8 account, TEXT act.what
                ],
            )
            .await?;
            tx.run(
                "DELETE FROM ringback.act WHERE number <= (SELECT max(number) FROM ringback.act) - $1",
                args![INT8 rows::number_column(ACTS_KEPT)],
            )
            .await?;
            tx.commit().await
        };
        write.await.map_err(Fault::into_error)
    }

    async fn acts(
        &self,
        account: Option<AccountId>,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<KeptAct>, StoreError> {
        let read = async {
            let link = self.pool.link().await?;
            let number = account.map(|account| rows::number_column(account.number()));
            let limit = i64::try_from(limit.min(MOST_ACTS)).unwrap_or(i64::MAX);
            let found = link
                .rows(
                    "SELECT number, at, credential, by, account, what FROM ringback.act
                     WHERE number < $1 AND ($3::bigint IS NULL OR account = $3) ORDER BY number DESC LIMIT $2",
                    args![INT8 before.unwrap_or(i64::MAX), INT8 limit, INT8 number],
                )
                .await?;
            let act = |row: &tokio_postgres::Row| {
                let is_of_one = row.try_get::<_, Option<i64>>(4)?.is_some();
                let act = Act {
                    at: rows::moment(row, 1)?,
                    credential: row.try_get(2)?,
                    by: row.try_get(3)?,
                    account: if is_of_one { Some(rows::account(row, 4)?) } else { None },
                    what: row.try_get(5)?,
                };
                Ok(KeptAct { number: row.try_get(0)?, act })
            };
            found.iter().map(act).collect::<Result<Vec<_>, Fault>>()
        };
        read.await.map_err(Fault::into_error)
    }
}
