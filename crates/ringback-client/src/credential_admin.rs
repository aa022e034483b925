//! Ringback's credentials, as an operator makes and ends them.

use std::time::Duration;

use http::Method;
use ringback_wire::api::{
    CredentialCreateRequest, CredentialCreated, CredentialList, CredentialPatch, CredentialView, Scope,
};
use ringback_wire::routes::{CREDENTIAL_PATH, CREDENTIALS_PATH};

use crate::call::{Call, id_path};
use crate::{ApiResponse, Client, Error, RequestOptions};

/// Ringback's credentials. From [`Client::credentials`]; what a client itself logs in with is [`crate::Credentials`].
///
/// The calls need `operate` on `*`, and no session. Their errors: [`Error::BadRequest`] and [`Error::Status`] with the API's
/// code and message, [`Error::Authentication`], [`Error::Transport`], [`Error::Timeout`], [`Error::UnreadableBody`],
/// [`Error::BodyTooLarge`], and [`Error::InvalidArgument`] for an empty client id, before anything is sent.
#[derive(Debug, Clone)]
pub struct CredentialAdmin {
    client: Client,
    options: RequestOptions,
}

impl CredentialAdmin {
    pub(crate) fn new(client: Client) -> Self {
        Self { client, options: RequestOptions::default() }
    }

    /// The same calls with other options.
    #[must_use]
    pub fn with_options(mut self, options: RequestOptions) -> Self {
        self.options = options;
        self
    }

    /// All credentials, oldest first, the revoked ones too.
    ///
    /// ```no_run
    /// # async fn example(client: ringback_client::Client) -> Result<(), ringback_client::Error> {
    /// for credential in client.credentials().list().await?.result.credentials {
    ///     println!("{} {}", credential.name, credential.client_id);
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As for all calls here; see [`CredentialAdmin`].
    pub async fn list(&self) -> Result<ApiResponse<CredentialList>, Error> {
        self.client.read(&Call::new(Method::GET, CREDENTIALS_PATH.to_owned()), &self.options).await
    }

    /// Makes a credential. The answer has its secrets, which are not shown again; `Debug` does not show them.
    ///
    /// ```no_run
    /// # async fn example(client: ringback_client::Client) -> Result<(), ringback_client::Error> {
    /// use ringback_client::models::{CredentialCreateRequest, Scope};
    ///
    /// let request = CredentialCreateRequest {
    ///     name: "platform".to_owned(),
    ///     accounts: vec!["0242078689-00001".to_owned()],
    ///     scopes: vec![Scope::Publish],
    ///     username: None,
    ///     password: None,
    /// };
    /// let created = client.credentials().create(&request).await?.result;
    /// println!("{} {}", created.client_id, created.client_secret.expose());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As for all calls here; see [`CredentialAdmin`]. [`Error::Status`] with 409 and
    /// [`CREDENTIAL_EXISTS`](ringback_wire::error_code::CREDENTIAL_EXISTS) if the name is taken.
    pub async fn create(
        &self,
        request: &CredentialCreateRequest,
    ) -> Result<ApiResponse<CredentialCreated>, Error> {
        let call = Call::new(Method::POST, CREDENTIALS_PATH.to_owned()).json(request)?;
        self.client.read_secret(&call, &self.options).await
    }

    /// Gives a credential new secrets. The old ones stay good for `overlap`, in whole seconds.
    ///
    /// ```no_run
    /// # async fn example(client: ringback_client::Client) -> Result<(), ringback_client::Error> {
    /// let overlap = std::time::Duration::from_secs(24 * 60 * 60);
    /// let rotated = client.credentials().rotate("client-id", overlap).await?.result;
    /// println!("{}", rotated.client_secret.expose());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As for all calls here; see [`CredentialAdmin`]. [`Error::Status`] with 404 for one that there is not.
    pub async fn rotate(
        &self,
        client_id: &str,
        overlap: Duration,
    ) -> Result<ApiResponse<CredentialCreated>, Error> {
        let patch = CredentialPatch::Rotate { overlap_seconds: overlap.as_secs() };
        self.client.read_secret(&change(client_id, &patch)?, &self.options).await
    }

    /// Gives a credential more accounts or scopes, beside those it has.
    ///
    /// ```no_run
    /// # async fn example(client: ringback_client::Client) -> Result<(), ringback_client::Error> {
    /// use ringback_client::models::Scope;
    ///
    /// client.credentials().grant("client-id", &["0242078689-00002"], &[Scope::Callbacks]).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As for all calls here; see [`CredentialAdmin`]. [`Error::Status`] with 404 for one that there is not.
    pub async fn grant(
        &self,
        client_id: &str,
        accounts: &[&str],
        scopes: &[Scope],
    ) -> Result<ApiResponse<CredentialView>, Error> {
        let accounts = accounts.iter().map(|account| (*account).to_owned()).collect();
        let patch = CredentialPatch::Grant { accounts, scopes: scopes.to_vec() };
        self.client.read(&change(client_id, &patch)?, &self.options).await
    }

    /// Lets a credential's user log in again after failed log-ins.
    ///
    /// ```no_run
    /// # async fn example(client: ringback_client::Client) -> Result<(), ringback_client::Error> {
    /// client.credentials().unlock("client-id").await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As for all calls here; see [`CredentialAdmin`]. [`Error::Status`] with 404 for one that there is not.
    pub async fn unlock(&self, client_id: &str) -> Result<ApiResponse<CredentialView>, Error> {
        self.client.read(&change(client_id, &CredentialPatch::Unlock {})?, &self.options).await
    }

    /// Ends a credential for good, with all its tokens.
    ///
    /// ```no_run
    /// # async fn example(client: ringback_client::Client) -> Result<(), ringback_client::Error> {
    /// client.credentials().revoke("client-id").await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As for all calls here; see [`CredentialAdmin`]. [`Error::Status`] with 404 for one that there is not.
    pub async fn revoke(&self, client_id: &str) -> Result<ApiResponse<()>, Error> {
        let call = Call::new(Method::DELETE, id_path(CREDENTIAL_PATH, "client_id", client_id)?);
        self.client.done(&call, &self.options).await
    }
}

fn change(client_id: &str, patch: &CredentialPatch) -> Result<Call, Error> {
    Ok(Call::new(Method::PATCH, id_path(CREDENTIAL_PATH, "client_id", client_id)?).json(patch)?)
}
