//! Credentials through a server's API. People say a name; the API wants the client id.

use std::time::Duration;

use ringback_client::{Client, CredentialAdmin};
use ringback_wire::api::{CredentialCreateRequest, CredentialCreated, CredentialView, Scope};

use crate::exit_code::ExitCode;
use crate::failure::{Failure, Outcome};

/// Credentials through a server's API.
pub(super) struct Api {
    credentials: CredentialAdmin,
}

impl Api {
    pub(super) fn new(client: &Client) -> Self {
        Self { credentials: client.credentials() }
    }

    pub(super) async fn create(&self, request: CredentialCreateRequest) -> Outcome<CredentialCreated> {
        Ok(self.credentials.create(&request).await?.into_result())
    }

    pub(super) async fn list(&self) -> Outcome<Vec<CredentialView>> {
        Ok(self.credentials.list().await?.into_result().credentials)
    }

    pub(super) async fn rotate(&self, name: &str, overlap: Duration) -> Outcome<CredentialCreated> {
        Ok(self.credentials.rotate(&self.client_id(name).await?, overlap).await?.into_result())
    }

    pub(super) async fn grant(&self, name: &str, accounts: &[String], scopes: &[Scope]) -> Outcome {
        let accounts: Vec<&str> = accounts.iter().map(String::as_str).collect();
        self.credentials.grant(&self.client_id(name).await?, &accounts, scopes).await?;
        Ok(())
    }

    pub(super) async fn unlock(&self, name: &str) -> Outcome {
        self.credentials.unlock(&self.client_id(name).await?).await?;
        Ok(())
    }

    pub(super) async fn revoke(&self, name: &str) -> Outcome {
        self.credentials.revoke(&self.client_id(name).await?).await?;
        Ok(())
    }

    /// The client id of the credential with this name.
    async fn client_id(&self, name: &str) -> Outcome<String> {
        let found =
            self.list().await?.into_iter().find(|known| known.name == name && known.revoked_at.is_none());
        let found = found.ok_or_else(|| {
            Failure::new(
                ExitCode::Refused,
                anyhow::anyhow!("there is no credential of that name, or it is revoked"),
            )
        })?;
        Ok(found.client_id)
    }
}
