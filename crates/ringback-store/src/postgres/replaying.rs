//! [`Replaying`] for PostgreSQL.

use std::time::Instant;

use async_trait::async_trait;
use ringback_delivery::{AccountId, MessageId, Timestamp};

use super::fault::Fault;
use super::{PostgresStore, fence, lane, replay, replay_job, retrying, standing};
use crate::replaying::COUNT_STEPS;
use crate::{Commit, ReplayCount, ReplayFilter, ReplayJob, Replayed, Replaying, StoreError, Swept};

#[async_trait]
impl Replaying for PostgresStore {
    async fn replay(&self, now: Timestamp, id: MessageId) -> Result<Replayed, StoreError> {
        retrying!(async {
            let tx = self.begin_act().await?;
            let began = Instant::now();
            let replay = replay::replay(&tx, now, id).await?;
            match replay.standing {
                None => tx.commit().await?,
                Some(standing) => {
                    let told = fence::tell_owner(&tx, &self.tenure, id.account, true).await?;
                    self.commit(tx, id.account).await?;
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
        retrying!(async {
            let tx = self.begin_act().await?;
            let (job, standing) = replay_job::begin(&tx, now, account, &filter, count).await?;
            match standing {
                None => tx.commit().await?,
                Some(standing) => drop(self.changed(tx, account, standing).await?),
            }
            Ok(job)
        })
    }

    async fn replay_step(&self, now: Timestamp) -> Result<Swept, StoreError> {
        retrying!(async {
            let tx = self.begin_act().await?;
            let began = Instant::now();
            let step = replay_job::step(&tx, now).await?;
            let Some((account, fresh)) = step.fresh else {
                tx.commit().await?;
                return Ok(step.swept);
            };
            let told = fence::tell_owner(&tx, &self.tenure, account, false).await?;
            self.commit(tx, account).await?;
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
    /// How many a replay would send again, as far as so many steps tell.
    async fn count(
        &self,
        account: AccountId,
        filter: ReplayFilter,
        steps: usize,
    ) -> Result<ReplayCount, StoreError> {
        let read = async {
            let tx = self.pool.begin_reading().await?;
            let count = if filter.is_all_that_is_dead() {
                ReplayCount::exactly(lane::read(&tx, account).await?.1.dead)
            } else {
                let standing = standing::read(&tx, account).await?.unwrap_or_default();
                replay_job::count(&tx, account, &filter, &standing, steps).await?
            };
            tx.commit().await?;
            Ok(count)
        };
        read.await.map_err(Fault::into_error)
    }
}
