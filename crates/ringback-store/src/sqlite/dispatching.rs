//! [`Dispatching`] for SQLite.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use ringback_delivery::{AccountId, LaneRead, LaneRows, LaneUpdate, Standing, Timestamp, Turn};
use tokio::sync::oneshot;

use super::SqliteStore;
use super::job::{Job, Record, Slot};
use super::{load, sweep};
use crate::{CommitListener, Content, Dispatching, Settled, StoreError, Swept};

#[async_trait]
impl Dispatching for SqliteStore {
    fn listen(&self, listener: Arc<dyn CommitListener>) {
        self.writer.listen(listener);
    }

    async fn lanes_waiting(
        &self,
        after: Option<AccountId>,
        limit: usize,
    ) -> Result<Vec<AccountId>, StoreError> {
        self.read(move |connection| load::lanes_waiting(connection, after, limit)).await
    }

    async fn load(&self, reads: Vec<LaneRead>) -> Result<Vec<LaneRows>, StoreError> {
        self.read(move |connection| reads.iter().map(|read| load::load(connection, read)).collect()).await
    }

    async fn contents(&self, positions: Vec<i64>) -> Result<Vec<Option<Content>>, StoreError> {
        self.read(move |connection| load::contents(connection, &positions)).await
    }

    async fn record(
        &self,
        now: Timestamp,
        settled: Vec<Settled>,
        lanes: Vec<LaneUpdate>,
    ) -> Result<(), StoreError> {
        if settled.is_empty() && lanes.is_empty() {
            return Ok(());
        }
        let (answer, answered) = oneshot::channel();
        let record = Record { now, settled, lanes, slot: Slot::new(answer) };
        self.ask(Job::Record(record), answered).await
    }

    async fn sweep(
        &self,
        now: Timestamp,
        account: AccountId,
        standing: Standing,
        under_way: Vec<Turn>,
    ) -> Result<Swept, StoreError> {
        let under_way: HashSet<Turn> = under_way.into_iter().collect();
        self.write(move |work| sweep::sweep(work, now, account, &standing, &under_way)).await
    }

    async fn hasten(&self, now: Timestamp, account: AccountId) -> Result<Swept, StoreError> {
        self.write(move |work| sweep::hasten(work, now, account)).await
    }
}
