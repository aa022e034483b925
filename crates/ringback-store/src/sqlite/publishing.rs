//! [`Publishing`] for SQLite.

use async_trait::async_trait;
use ringback_delivery::Timestamp;
use tokio::sync::oneshot;

use super::SqliteStore;
use super::job::{Accept, Job, Slot};
use crate::{Admission, NewMessage, Publishing, StoreError};

#[async_trait]
impl Publishing for SqliteStore {
    async fn accept(&self, now: Timestamp, messages: Vec<NewMessage>) -> Result<Vec<Admission>, StoreError> {
        if messages.is_empty() {
            return Ok(Vec::new());
        }
        let (answer, answered) = oneshot::channel();
        self.ask(Job::Accept(Accept { now, messages, slot: Slot::new(answer) }), answered).await
    }
}
