//! [`Dispatching`] for PostgreSQL.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use async_trait::async_trait;
use ringback_delivery::{AccountId, LaneRead, LaneRows, LaneUpdate, Standing, Timestamp, Turn};

use super::fault::Fault;
use super::link::args;
use super::pool::READING;
use super::{PostgresStore, fence, load, record, retrying, rows, sweep};
use crate::{Commit, CommitListener, Content, Dispatching, Lease, Settled, StoreError, Swept};

#[async_trait]
impl Dispatching for PostgresStore {
    fn listen(&self, listener: Arc<dyn CommitListener>) {
        self.ear.listen(listener);
    }

    async fn lanes_waiting(
        &self,
        after: Option<AccountId>,
        limit: usize,
    ) -> Result<Vec<AccountId>, StoreError> {
        let read = async {
            let link = self.pool.link().await?;
            let after = after.map_or(-1, |account| rows::number_column(account.number()));
            let found = link
                .rows_in(
                    READING,
                    "SELECT a.account FROM ringback.account a WHERE a.account > $1
                         AND EXISTS (SELECT FROM ringback.pending p
                                     WHERE p.shard = a.shard AND p.account = a.account)
                     ORDER BY a.account LIMIT $2",
                    args![INT8 after, INT8 i64::try_from(limit).unwrap_or(i64::MAX)],
                )
                .await?;
            found.iter().map(|row| rows::account(row, 0)).collect::<Result<Vec<_>, Fault>>()
        };
        read.await.map_err(Fault::into_error)
    }

    async fn load(&self, reads: Vec<LaneRead>) -> Result<Vec<LaneRows>, StoreError> {
        load::load(&self.pool, &reads).await.map_err(Fault::into_error)
    }

    async fn contents(&self, positions: Vec<i64>) -> Result<Vec<Option<Content>>, StoreError> {
        load::contents_alone(&self.pool, &positions).await.map_err(Fault::into_error)
    }

    async fn record(
        &self,
        now: Timestamp,
        settled: Vec<Settled>,
        lanes: Vec<LaneUpdate>,
    ) -> Result<(), StoreError> {
        self.record_with(now, |shard| self.tenure.token(shard), &settled, &lanes).await
    }

    async fn record_under(
        &self,
        now: Timestamp,
        leases: Vec<Lease>,
        settled: Vec<Settled>,
        lanes: Vec<LaneUpdate>,
    ) -> Result<(), StoreError> {
        let leases: HashMap<u16, Lease> = leases.into_iter().map(|lease| (lease.shard, lease)).collect();
        let token_of = |shard| leases.get(&shard).map_or(0, |lease| self.tenure.token_under(*lease));
        self.record_with(now, token_of, &settled, &lanes).await
    }

    async fn sweep(
        &self,
        now: Timestamp,
        account: AccountId,
        standing: Standing,
        under_way: Vec<Turn>,
    ) -> Result<Swept, StoreError> {
        let under_way: HashSet<Turn> = under_way.into_iter().collect();
        retrying!(async {
            let tx = self.pool.begin().await?;
            fence::as_owner(&tx, &self.tenure, self.cursor.server(), account).await?;
            let began = Instant::now();
            let (swept, moved) = sweep::sweep(&tx, now, account, &standing, &under_way).await?;
            tx.commit().await?;
            self.ear.committed(Commit { took: began.elapsed(), moved });
            Ok(swept)
        })
    }

    async fn hasten(&self, now: Timestamp, account: AccountId) -> Result<Swept, StoreError> {
        retrying!(async {
            let tx = self.pool.begin().await?;
            fence::as_owner(&tx, &self.tenure, self.cursor.server(), account).await?;
            let hastened = sweep::hasten(&tx, now, account).await?;
            tx.commit().await?;
            Ok(hastened)
        })
    }
}

impl PostgresStore {
    async fn record_with(
        &self,
        now: Timestamp,
        token_of: impl Fn(u16) -> i64 + Send + Sync,
        settled: &[Settled],
        lanes: &[LaneUpdate],
    ) -> Result<(), StoreError> {
        if settled.is_empty() && lanes.is_empty() {
            return Ok(());
        }
        retrying!(async {
            let link = self.pool.link().await?;
            let began = Instant::now();
            let moved = record::record(
                &link,
                self.tenure.node(),
                self.cursor.server(),
                &token_of,
                now,
                settled,
                lanes,
            )
            .await?;
            self.commits.fetch_add(1, Ordering::Relaxed);
            self.ear.committed(Commit { took: began.elapsed(), moved });
            Ok(())
        })
    }
}
