//! Judges callback URLs at registration by the policy that every connection is checked against later.

use std::sync::Arc;

use async_trait::async_trait;

use crate::api::UrlGuard;
use crate::send::{CallbackUrl, EgressPolicy, RESOLVE_TIMEOUT, Resolve, SenderSettings, resolve_and_check};

pub(super) struct PolicyGuard {
    policy: Arc<EgressPolicy>,
    resolver: Arc<dyn Resolve>,
}

impl PolicyGuard {
    pub(super) fn of(settings: &SenderSettings) -> Self {
        Self { policy: settings.policy.clone(), resolver: settings.resolver.clone() }
    }
}

#[async_trait]
impl UrlGuard for PolicyGuard {
    async fn check(&self, url: &str) -> Result<(), String> {
        let url = CallbackUrl::parse(url).map_err(|invalid| invalid.to_string())?;
        resolve_and_check(&url, &self.policy, self.resolver.as_ref(), RESOLVE_TIMEOUT)
            .await
            .map_err(|refusal| refusal.to_string())
    }
}
