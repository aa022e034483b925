//! Credentials through a server's API. People say a name; the API wants the client id.

use std::time::Duration;

use http::Method;
use ringback_wire::api::{
    CredentialCreateRequest, CredentialCreated, CredentialList, CredentialPatch, CredentialView, Scope,
};
use ringback_wire::routes::{CREDENTIAL_PATH, CREDENTIALS_PATH, fill};

use crate::exit_code::ExitCode;
use crate::failure::{Failure, Outcome};
use crate::http_client::ApiClient;

/// Credentials through a server's API.
pub(super) struct Api {
    client: ApiClient,
}

impl Api {
    pub(super) fn new(client: ApiClient) -> Self {
        Self { client }
    }

    pub(super) async fn create(&self, request: CredentialCreateRequest) -> Outcome<CredentialCreated> {
        Ok(self.client.post(CREDENTIALS_PATH, &request).await?)
    }

    pub(super) async fn list(&self) -> Outcome<Vec<CredentialView>> {
        let list: CredentialList = self.client.get(CREDENTIALS_PATH).await?;
        Ok(list.credentials)
    }

    pub(super) async fn rotate(&self, name: &str, overlap: Duration) -> Outcome<CredentialCreated> {
        let patch = CredentialPatch::Rotate { overlap_seconds: overlap.as_secs() };
        Ok(self.client.send(Method::PATCH, &self.path(name).await?, &patch).await?)
    }

    pub(super) async fn grant(&self, name: &str, accounts: Vec<String>, scopes: Vec<Scope>) -> Outcome {
        self.change(name, CredentialPatch::Grant { accounts, scopes }).await
    }

    pub(super) async fn unlock(&self, name: &str) -> Outcome {
        self.change(name, CredentialPatch::Unlock {}).await
    }

    pub(super) async fn revoke(&self, name: &str) -> Outcome {
        self.client.delete(&self.path(name).await?).await?;
        Ok(())
    }

    async fn change(&self, name: &str, patch: CredentialPatch) -> Outcome {
        let _: CredentialView = self.client.send(Method::PATCH, &self.path(name).await?, &patch).await?;
        Ok(())
    }

    /// The path of the credential with this name.
    async fn path(&self, name: &str) -> Outcome<String> {
        let found =
            self.list().await?.into_iter().find(|known| known.name == name && known.revoked_at.is_none());
        let found = found.ok_or_else(|| {
            Failure::new(
                ExitCode::Refused,
                anyhow::anyhow!("there is no credential of that name, or it is revoked"),
            )
        })?;
        Ok(fill(CREDENTIAL_PATH, &[&found.client_id]))
    }
}
