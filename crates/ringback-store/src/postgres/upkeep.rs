//! [`Upkeep`] for PostgreSQL.

use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use ringback_delivery::Timestamp;

use super::fault::Fault;
use super::{PostgresStore, drop_days, retire, retrying, size, verify};
use crate::{LedgerReport, Retention, StoreError, StoreSize, Swept, Upkeep};

#[async_trait]
impl Upkeep for PostgresStore {
    async fn retire(&self, now: Timestamp, retention: Retention) -> Result<Swept, StoreError> {
        let swept = retrying!(async {
            if self.lacks_room(retention).await? {
                let tx = self.pool.begin().await?;
                retire::raise_floor(&tx, now).await?;
                tx.commit().await?;
                let tx = self.pool.begin().await?;
                retire::let_accepts_end(&tx).await?;
                tx.commit().await?;
            }
            let tx = self.pool.begin().await?;
            // A step that begins again must not find itself at it still.
            let step = retire::step(&tx, now, retention).await;
            tx.end(step).await
        })?;
        let Some(swept) = swept else { return Ok(Swept::Done) };
        match drop_days::tidy(&self.pool, &self.days, &self.drops, now).await {
            Ok(true) => Ok(Swept::More),
            Ok(false) => Ok(swept),
            // Another time.
            Err(fault) if fault.is_conflict() => Ok(swept),
            Err(fault) => Err(fault.into_error()),
        }
    }

    /// How much is free on the database's disk it does not say.
    async fn size(&self) -> Result<StoreSize, StoreError> {
        let read = async {
            let link = self.pool.link().await?;
            size::bytes(&link).await
        };
        let bytes = read.await.map_err(Fault::into_error)?;
        Ok(StoreSize { bytes, free_bytes: None, commits: self.commits.load(Ordering::Relaxed) })
    }

    async fn oldest_snapshot(&self) -> Result<Option<Duration>, StoreError> {
        let read = async {
            let link = self.pool.link().await?;
            self.horizon.look(&link).await
        };
        read.await.map(Some).map_err(Fault::into_error)
    }

    async fn verify(&self) -> Result<LedgerReport, StoreError> {
        verify::verify(&self.pool).await.map_err(Fault::into_error)
    }
}

impl PostgresStore {
    /// Whether a step would have to make room on the tape among messages so young that one with an earlier position may be on
    /// its way; then [`retire::raise_floor`] comes first.
    async fn lacks_room(&self, retention: Retention) -> Result<bool, Fault> {
        let Some(bytes) = retention.bytes else { return Ok(false) };
        let tx = self.pool.begin_reading().await?;
        let in_use = size::in_use(&tx).await;
        Ok(tx.end(in_use).await? > bytes)
    }
}
