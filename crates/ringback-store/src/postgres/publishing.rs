//! [`Publishing`] for PostgreSQL.

use async_trait::async_trait;
use ringback_delivery::Timestamp;

use super::PostgresStore;
use crate::{Admission, NewMessage, Publishing, StoreError};

#[async_trait]
impl Publishing for PostgresStore {
    async fn accept(&self, now: Timestamp, messages: Vec<NewMessage>) -> Result<Vec<Admission>, StoreError> {
        if messages.is_empty() {
            return Ok(Vec::new());
        }
        self.writer.accept(now, messages).await
    }
}
