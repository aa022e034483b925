//! [`Credentials`] for SQLite.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ringback_delivery::Timestamp;

use super::{SqliteStore, credential, logins, sessions};
use crate::credentials::Digest;
use crate::{Credential, CredentialChange, CredentialOutcome, Credentials, Session, StoreError, Token};

/// The domain under which user names are digested (see [`crate::Vault::digest`]).
pub(super) const USERNAME: &str = "username";

#[async_trait]
impl Credentials for SqliteStore {
    async fn create_credential(&self, credential: Credential) -> Result<CredentialOutcome, StoreError> {
        self.write(move |work| credential::create(work, &credential)).await
    }

    async fn credentials(&self) -> Result<Vec<Credential>, StoreError> {
        let vault = Arc::clone(&self.vault);
        self.read(move |connection| credential::list(connection, &vault)).await
    }

    async fn credential_of_client(&self, client_id: &str) -> Result<Option<Credential>, StoreError> {
        let (vault, client_id) = (Arc::clone(&self.vault), client_id.to_owned());
        self.read(move |connection| credential::of_client(connection, &vault, &client_id)).await
    }

    async fn credential_of_user(&self, username: &str) -> Result<Option<Credential>, StoreError> {
        let (vault, username) = (Arc::clone(&self.vault), username.to_owned());
        self.read(move |connection| credential::of_user(connection, &vault, &username)).await
    }

    async fn credential(&self, id: i64) -> Result<Option<Credential>, StoreError> {
        let vault = Arc::clone(&self.vault);
        self.read(move |connection| credential::with_id(connection, &vault, id)).await
    }

    async fn change_credential(
        &self,
        now: Timestamp,
        name: &str,
        change: CredentialChange,
    ) -> Result<CredentialOutcome, StoreError> {
        let name = name.to_owned();
        self.write(move |work| credential::change(work, now, &name, &change)).await
    }

    async fn credentials_version(&self) -> Result<u64, StoreError> {
        self.read(|connection| {
            let version = connection
                .prepare_cached("SELECT credentials_version FROM store")?
                .query_row([], |row| row.get(0))?;
            Ok(version)
        })
        .await
    }

    async fn issue_token(&self, digest: Digest, token: Token) -> Result<(), StoreError> {
        self.write(move |work| sessions::issue_token(work, digest, token)).await
    }

    async fn token(&self, digest: Digest) -> Result<Option<Token>, StoreError> {
        self.read(move |connection| sessions::token(connection, digest)).await
    }

    async fn revoke_token(&self, digest: Digest, credential: i64) -> Result<(), StoreError> {
        self.write(move |work| sessions::revoke_token(work, digest, credential)).await
    }

    async fn open_session(&self, digest: Digest, session: Session) -> Result<(), StoreError> {
        self.write(move |work| sessions::open_session(work, digest, session)).await
    }

    async fn session(&self, digest: Digest) -> Result<Option<Session>, StoreError> {
        self.read(move |connection| sessions::session(connection, digest)).await
    }

    async fn touch_session(&self, now: Timestamp, digest: Digest) -> Result<(), StoreError> {
        // Most uses come within a minute of the last, and are no write at all.
        let is_stale = move |session: Session| sessions::is_stale(session, now);
        if !self.session(digest).await?.is_some_and(is_stale) {
            return Ok(());
        }
        self.write(move |work| sessions::touch_session(work, now, digest)).await
    }

    async fn end_session(&self, digest: Digest, credential: i64) -> Result<(), StoreError> {
        self.write(move |work| sessions::end_session(work, digest, credential)).await
    }

    async fn login_locked(
        &self,
        now: Timestamp,
        credential: i64,
        username: Digest,
    ) -> Result<Option<Timestamp>, StoreError> {
        self.read(move |connection| {
            let until = logins::locked_until(connection, credential, username)?;
            Ok(until.filter(|until| *until > now))
        })
        .await
    }

    async fn login_failed(
        &self,
        now: Timestamp,
        credential: i64,
        username: Digest,
        limit: u32,
        lock_for: Duration,
    ) -> Result<(), StoreError> {
        let vault = Arc::clone(&self.vault);
        let failure = logins::Failure { now, credential, username, limit, lock_for };
        self.write(move |work| logins::failed(work, &vault, failure)).await
    }

    async fn login_succeeded(&self, credential: i64, username: Digest) -> Result<(), StoreError> {
        self.write(move |work| logins::forget(work, credential, username)).await
    }
}
