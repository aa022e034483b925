//! [`Replaying`] for PostgreSQL.

use std::time::Instant;

use async_trait::async_trait;
use ringback_delivery::{AccountId, MessageId, Sequence, Timestamp};

use super::fault::Fault;
use super::{PostgresStore, fence, replay, replay_job, retrying, standing};
use crate::{Commit, ReplayFilter, ReplayJob, Replayed, Replaying, StoreError, Swept};

#[async_trait]
impl Replaying for PostgresStore {
    async fn replay(&self, now: Timestamp, id: MessageId) -> Result<Replayed, StoreError> {
        retrying!(async {
            let tx = self.pool.begin().await?;
            let began = Instant::now();
            let replay = replay::replay(&tx, now, id).await?;
            match replay.standing {
                None => tx.commit().await?,
                Some(standing) => {
                    let told = fence::tell_owner(&tx, &self.tenure, id.account, true).await?;
                    tx.commit().await?;
                    self.ear.accepted(replay.fresh);
                    self.ear.standing_changed(id.account, standing);
                    self.ear.committed(Commit { took: began.elapsed(), moved: replay.moved });
                    if told {
                        self.hints.give();
                    }
                }
            }
            Ok(replay.replayed)
        })
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
        let read = async {
            let link = self.pool.link().await?;
            replay_job::exists(&link, account).await
        };
        if read.await.map_err(Fault::into_error)? {
            return Ok(ReplayJob::Busy);
        }
        let (count, last) = self.count(account, filter).await?;
        retrying!(async {
            let tx = self.pool.begin().await?;
            let (job, standing) = replay_job::begin(&tx, now, account, &filter, last, count).await?;
            match standing {
                None => tx.commit().await?,
                Some(standing) => drop(self.changed(tx, account, standing).await?),
            }
            Ok(job)
        })
    }

    async fn replay_step(&self, now: Timestamp) -> Result<Swept, StoreError> {
        retrying!(async {
            let tx = self.pool.begin().await?;
            let began = Instant::now();
            let step = replay_job::step(&tx, now).await?;
            let Some((account, fresh)) = step.fresh else {
                tx.commit().await?;
                return Ok(step.swept);
            };
            let told = fence::tell_owner(&tx, &self.tenure, account, false).await?;
            tx.commit().await?;
            self.ear.accepted(fresh);
            self.ear.committed(Commit { took: began.elapsed(), moved: step.moved });
            if told {
                self.hints.give();
            }
            Ok(step.swept)
        })
    }
}

impl PostgresStore {
    /// How many a replay would send again, and the last sequence number that this holds for.
    async fn count(&self, account: AccountId, filter: ReplayFilter) -> Result<(u64, Sequence), StoreError> {
        let read = async {
            let link = self.pool.link().await?;
            let standing = standing::read(&link, account).await?.unwrap_or_default();
            let count = replay_job::count(&link, account, &filter, &standing).await?;
            Ok((count, standing.last_sequence))
        };
        read.await.map_err(Fault::into_error)
    }
}
