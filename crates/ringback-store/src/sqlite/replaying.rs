//! [`Replaying`] for SQLite.

use async_trait::async_trait;
use ringback_delivery::{AccountId, MessageId, Sequence, Timestamp};

use super::{SqliteStore, ledger, replay, replay_job, standing};
use crate::replaying::COUNT_STEPS;
use crate::{ReplayCount, ReplayFilter, ReplayJob, Replayed, Replaying, StoreError, Swept};

#[async_trait]
impl Replaying for SqliteStore {
    async fn replay(&self, now: Timestamp, id: MessageId) -> Result<Replayed, StoreError> {
        self.write(move |work| replay::replay(work, now, id)).await
    }

    async fn count_replay(
        &self,
        account: AccountId,
        filter: ReplayFilter,
    ) -> Result<ReplayCount, StoreError> {
        self.count(account, filter, COUNT_STEPS).await
    }

    async fn begin_replay(
        &self,
        now: Timestamp,
        account: AccountId,
        filter: ReplayFilter,
    ) -> Result<ReplayJob, StoreError> {
        let count = self.count(account, filter, 1).await?;
        self.write(move |work| replay_job::begin(work, now, account, &filter, count)).await
    }

    async fn replay_step(&self, now: Timestamp) -> Result<Swept, StoreError> {
        self.write(move |work| replay_job::step(work, now)).await
    }
}

impl SqliteStore {
    /// How many a replay would send again, as far as so many steps tell. Each step is a read of its own.
    async fn count(
        &self,
        account: AccountId,
        filter: ReplayFilter,
        steps: usize,
    ) -> Result<ReplayCount, StoreError> {
        let (standing, counts) = self
            .read(move |connection| {
                let standing = standing::read(connection, account)?.unwrap_or_default();
                Ok((standing, ledger::counts(connection, account, standing.last_sequence)?))
            })
            .await?;
        if filter.is_all_that_is_dead() {
            return Ok(ReplayCount::exactly(counts.dead));
        }
        let (mut messages, mut after) = (0, Sequence(0));
        for _ in 0..steps {
            let step = self
                .read(move |connection| replay_job::count(connection, account, &filter, &standing, after))
                .await?;
            messages += step.wanted;
            match step.through {
                Some(through) => after = through,
                None => return Ok(ReplayCount::exactly(messages)),
            }
        }
        Ok(ReplayCount { messages, at_least: true })
    }
}
