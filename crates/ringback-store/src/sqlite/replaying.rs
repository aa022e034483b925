//! [`Replaying`] for SQLite.

use async_trait::async_trait;
use ringback_delivery::{AccountId, MessageId, Sequence, Timestamp};

use super::{SqliteStore, replay, replay_job, standing};
use crate::{ReplayFilter, ReplayJob, Replayed, Replaying, StoreError, Swept};

#[async_trait]
impl Replaying for SqliteStore {
    async fn replay(&self, now: Timestamp, id: MessageId) -> Result<Replayed, StoreError> {
        self.write(move |work| replay::replay(work, now, id)).await
    }

    async fn count_replay(&self, account: AccountId, filter: ReplayFilter) -> Result<u64, StoreError> {
        Ok(self.count(account, filter).await?.0)
    }

    async fn begin_replay(
        &self,
        now: Timestamp,
        account: AccountId,
        filter: ReplayFilter,
    ) -> Result<ReplayJob, StoreError> {
        // A count that would be in vain is not begun.
        let busy = self.read(move |connection| replay_job::exists(connection, account)).await?;
        if busy {
            return Ok(ReplayJob::Busy);
        }
        let (count, last) = self.count(account, filter).await?;
        self.write(move |work| replay_job::begin(work, now, account, &filter, last, count)).await
    }

    async fn replay_step(&self, now: Timestamp) -> Result<Swept, StoreError> {
        self.write(move |work| replay_job::step(work, now)).await
    }
}

impl SqliteStore {
    /// How many a replay would send again, and the last sequence number that this holds for. Each step is a read of its
    /// own.
    async fn count(&self, account: AccountId, filter: ReplayFilter) -> Result<(u64, Sequence), StoreError> {
        let standing =
            self.read(move |connection| Ok(standing::read(connection, account)?.unwrap_or_default())).await?;
        let last = standing.last_sequence;
        let (mut count, mut after) = (0, Sequence(0));
        loop {
            let step = self
                .read(move |connection| {
                    replay_job::count(connection, account, &filter, &standing, after, last)
                })
                .await?;
            count += step.wanted;
            match step.through {
                Some(through) => after = through,
                None => return Ok((count, last)),
            }
        }
    }
}
