//! [`Overseeing`] for SQLite.

use async_trait::async_trait;
use ringback_delivery::AccountId;

use super::{SqliteStore, acts, tally, troubled};
use crate::overseeing::{Act, KeptAct, Overseeing, Tally};
use crate::{AccountSummary, Reach, StoreError};

#[async_trait]
impl Overseeing for SqliteStore {
    async fn troubled(&self, reach: Reach, limit: usize) -> Result<Vec<AccountSummary>, StoreError> {
        self.read(move |connection| match &reach {
            Reach::Every => troubled::of_all(connection, limit),
            Reach::Accounts(named) => troubled::of(connection, named, limit),
        })
        .await
    }

    async fn tally(&self, reach: Reach, after: Option<AccountId>, limit: usize) -> Result<Tally, StoreError> {
        self.read(move |connection| tally::tally(connection, &reach, after, limit)).await
    }

    async fn note(&self, act: Act) -> Result<(), StoreError> {
        self.write(move |work| acts::note(work, &act)).await
    }

    async fn acts(
        &self,
        account: Option<AccountId>,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<KeptAct>, StoreError> {
        self.read(move |connection| acts::list(connection, account, before, limit)).await
    }
}
