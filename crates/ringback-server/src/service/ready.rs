//! Whether the service can do its work: whether its store answers, and callbacks are sent.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ringback_store::Store;

use crate::api::Readiness;
use crate::dispatch::End;

/// How long the store may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) struct ServiceReadiness {
    store: Arc<dyn Store>,
    dispatcher: End,
}

impl ServiceReadiness {
    pub(super) fn new(store: Arc<dyn Store>, dispatcher: End) -> Self {
        Self { store, dispatcher }
    }
}

#[async_trait]
impl Readiness for ServiceReadiness {
    async fn reasons_against(&self) -> Vec<String> {
        if self.dispatcher.has_come() {
            return vec!["the dispatcher has ended".to_owned()];
        }
        match tokio::time::timeout(PATIENCE, self.store.credentials_version()).await {
            Ok(Ok(_)) => Vec::new(),
            Ok(Err(error)) => {
                tracing::debug!(%error, "not ready");
                vec!["the store can't be read".to_owned()]
            }
            Err(_) => vec!["the store does not answer".to_owned()],
        }
    }

    async fn synchronous_standbys(&self) -> Option<u64> {
        tokio::time::timeout(PATIENCE, self.store.synchronous_standbys()).await.ok()?.ok().flatten()
    }
}
