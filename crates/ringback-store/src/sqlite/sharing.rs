//! [`Sharing`] for SQLite: one process owns all.

use async_trait::async_trait;
use ringback_delivery::AccountId;

use super::SqliteStore;
use crate::{Beat, Dispatching, Lease, Node, Sharing, StoreError, Tidings};

#[async_trait]
impl Sharing for SqliteStore {
    fn is_shared(&self) -> bool {
        false
    }

    async fn beat(&self) -> Result<Beat, StoreError> {
        Err(alone())
    }

    async fn claim(&self, _most: usize) -> Result<Vec<Lease>, StoreError> {
        Err(alone())
    }

    async fn give_back(&self, _leases: Vec<Lease>) -> Result<(), StoreError> {
        Ok(())
    }

    fn let_go(&self, _leases: &[Lease]) {}

    fn be_leaving(&self) {}

    async fn leave(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn tidings(&self) -> Result<Tidings, StoreError> {
        Ok(Tidings::default())
    }

    async fn say_behind(&self, _behind: bool) -> Result<(), StoreError> {
        Ok(())
    }

    async fn hint(&self) {
        std::future::pending().await
    }

    async fn lanes_waiting_in(
        &self,
        _shards: &[u16],
        after: Option<AccountId>,
        limit: usize,
    ) -> Result<Vec<AccountId>, StoreError> {
        self.lanes_waiting(after, limit).await
    }

    async fn nodes(&self) -> Result<Vec<Node>, StoreError> {
        Ok(Vec::new())
    }

    async fn synchronous_standbys(&self) -> Result<Option<u64>, StoreError> {
        Ok(None)
    }
}

fn alone() -> StoreError {
    StoreError::Unavailable("an SQLite store is not shared among nodes".to_owned())
}
