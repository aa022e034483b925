//! [`Reading`] for PostgreSQL. Each call reads from one snapshot.

use async_trait::async_trait;
use ringback_delivery::{AccountId, MessageId, Sequence};

use super::fault::Fault;
use super::{PostgresStore, history, message, reel, search, standing, summary};
use crate::{
    AccountSummary, Attempt, Cursor, Message, MessageFilter, Page, Reach, Reading, Reel, StoreError,
};

#[async_trait]
impl Reading for PostgresStore {
    async fn message(&self, id: MessageId) -> Result<Option<(Message, Vec<Attempt>)>, StoreError> {
        let read = async {
            let tx = self.pool.begin_reading().await?;
            let row = message::find(&tx, id.account, id.sequence).await?.filter(|row| row.id() == id);
            let Some(row) = row else {
                tx.commit().await?;
                return Ok(None);
            };
            let standing = standing::read(&tx, id.account).await?.unwrap_or_default();
            let message = message::messages(&tx, &[(row, standing)]).await?.pop();
            let content = message::contents(&tx, &[row], usize::MAX).await?.pop().flatten();
            let attempts = history::attempts(&tx, id.account, id.sequence).await?;
            tx.commit().await?;
            Ok(message.map(|message| (message.with(content), attempts)))
        };
        read.await.map_err(Fault::into_error)
    }

    async fn search(
        &self,
        filter: MessageFilter,
        before: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<Message>, StoreError> {
        let read = async {
            let tx = self.pool.begin_reading().await?;
            let page = search::search(&tx, &filter, before, limit).await?;
            tx.commit().await?;
            Ok(page)
        };
        read.await.map_err(Fault::into_error)
    }

    async fn reel(
        &self,
        account: AccountId,
        after: Sequence,
        limit: usize,
        bytes: usize,
    ) -> Result<Reel, StoreError> {
        let read = async {
            let tx = self.pool.begin_reading().await?;
            let reel = reel::reel(&tx, account, after, limit, bytes).await?;
            tx.commit().await?;
            Ok(reel)
        };
        read.await.map_err(Fault::into_error)
    }

    async fn account(&self, account: AccountId) -> Result<AccountSummary, StoreError> {
        let read = async {
            let tx = self.pool.begin_reading().await?;
            let summary = summary::account(&tx, account).await?;
            tx.commit().await?;
            Ok(summary)
        };
        read.await.map_err(Fault::into_error)
    }

    async fn accounts(
        &self,
        reach: Reach,
        after: Option<AccountId>,
        limit: usize,
    ) -> Result<Vec<AccountSummary>, StoreError> {
        let read = async {
            let tx = self.pool.begin_reading().await?;
            let summaries = summary::accounts(&tx, &reach, after, limit).await?;
            tx.commit().await?;
            Ok(summaries)
        };
        read.await.map_err(Fault::into_error)
    }
}
