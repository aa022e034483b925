//! [`Upkeep`] for SQLite.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ringback_delivery::Timestamp;

use super::{SqliteStore, retire, size, verify};
use crate::{LedgerReport, Retention, StoreError, StoreSize, Swept, Upkeep};

#[async_trait]
impl Upkeep for SqliteStore {
    async fn retire(&self, now: Timestamp, retention: Retention) -> Result<Swept, StoreError> {
        self.write(move |work| retire::step(work, now, retention)).await
    }

    async fn size(&self) -> Result<StoreSize, StoreError> {
        let (readers, commits) = (Arc::clone(&self.readers), self.commits());
        tokio::task::spawn_blocking(move || size::measure(readers.database(), commits))
            .await
            .map_err(|error| StoreError::Unavailable(error.to_string()))
    }

    /// No read of this process lasts for over a second, and nobody else reads.
    async fn oldest_snapshot(&self) -> Result<Option<Duration>, StoreError> {
        Ok(None)
    }

    async fn verify(&self) -> Result<LedgerReport, StoreError> {
        verify::verify(self).await
    }
}
