//! [`Reading`] for SQLite.

use async_trait::async_trait;
use ringback_delivery::{AccountId, MessageId, Sequence};

use super::{SqliteStore, history, message, reel, search, standing, summary};
use crate::{
    AccountSummary, Attempt, Cursor, Message, MessageFilter, Page, Reach, Reading, Reel, StoreError,
};

#[async_trait]
impl Reading for SqliteStore {
    async fn message(&self, id: MessageId) -> Result<Option<(Message, Vec<Attempt>)>, StoreError> {
        self.read(move |connection| {
            let Some(row) = message::find(connection, id.account, id.sequence)? else { return Ok(None) };
            if row.id() != id {
                return Ok(None);
            }
            let standing = standing::read(connection, id.account)?.unwrap_or_default();
            let message = row.message(connection, &standing)?.with(row.content(connection)?);
            Ok(Some((message, history::attempts(connection, id.account, id.sequence)?)))
        })
        .await
    }

    async fn search(
        &self,
        filter: MessageFilter,
        before: Option<Cursor>,
        limit: usize,
    ) -> Result<Page<Message>, StoreError> {
        self.read(move |connection| search::search(connection, &filter, before, limit)).await
    }

    async fn reel(
        &self,
        account: AccountId,
        after: Sequence,
        limit: usize,
        bytes: usize,
    ) -> Result<Reel, StoreError> {
        self.read(move |connection| reel::reel(connection, account, after, limit, bytes)).await
    }

    async fn account(&self, account: AccountId) -> Result<AccountSummary, StoreError> {
        self.read(move |connection| summary::account(connection, account)).await
    }

    async fn accounts(
        &self,
        reach: Reach,
        after: Option<AccountId>,
        limit: usize,
    ) -> Result<Vec<AccountSummary>, StoreError> {
        self.read(move |connection| summary::accounts(connection, &reach, after, limit)).await
    }
}
