//! [`Credentials`] for PostgreSQL.

use std::time::Duration;

use async_trait::async_trait;
use ringback_delivery::Timestamp;

use super::fault::Fault;
use super::link::args;
use super::{PostgresStore, credential, logins, retrying, rows, sessions};
use crate::credentials::Digest;
use crate::{Credential, CredentialChange, CredentialOutcome, Credentials, Session, StoreError, Token};

/// The domain under which user names are digested (see [`crate::Vault::digest`]).
pub(super) const USERNAME: &str = "username";

#[async_trait]
impl Credentials for PostgresStore {
    async fn create_credential(&self, credential: Credential) -> Result<CredentialOutcome, StoreError> {
        retrying!(async {
            let tx = self.pool.begin().await?;
            let outcome = credential::create(&tx, &credential).await?;
            tx.commit().await?;
            Ok(outcome)
        })
    }

    async fn credentials(&self) -> Result<Vec<Credential>, StoreError> {
        let read = async {
            let tx = self.pool.begin_reading().await?;
            let credentials = credential::list(&tx, &self.vault).await?;
            tx.commit().await?;
            Ok(credentials)
        };
        read.await.map_err(Fault::into_error)
    }

    async fn credential_of_client(&self, client_id: &str) -> Result<Option<Credential>, StoreError> {
        let read = async {
            let link = self.pool.soon().await?;
            credential::of_client(&link, &self.vault, client_id).await
        };
        read.await.map_err(Fault::into_error)
    }

    async fn credential_of_user(&self, username: &str) -> Result<Option<Credential>, StoreError> {
        let read = async {
            let link = self.pool.soon().await?;
            credential::of_user(&link, &self.vault, username).await
        };
        read.await.map_err(Fault::into_error)
    }

    async fn credential(&self, id: i64) -> Result<Option<Credential>, StoreError> {
        let read = async {
            let link = self.pool.soon().await?;
            credential::with_id(&link, &self.vault, id).await
        };
        read.await.map_err(Fault::into_error)
    }

    async fn change_credential(
        &self,
        now: Timestamp,
        name: &str,
        change: CredentialChange,
    ) -> Result<CredentialOutcome, StoreError> {
        retrying!(async {
            let tx = self.pool.begin().await?;
            let outcome = credential::change(&tx, now, name, &change).await?;
            tx.commit().await?;
            Ok(outcome)
        })
    }

    async fn credentials_version(&self) -> Result<u64, StoreError> {
        let read = async {
            let link = self.pool.soon().await?;
            rows::number(&link.row("SELECT credentials_version FROM ringback.store", args![]).await?, 0)
        };
        read.await.map_err(Fault::into_error)
    }

    async fn issue_token(&self, digest: Digest, token: Token) -> Result<(), StoreError> {
        retrying!(async {
            let tx = self.pool.begin().await?;
            sessions::issue_token(&tx, digest, token).await?;
            tx.commit().await
        })
    }

    async fn token(&self, digest: Digest) -> Result<Option<Token>, StoreError> {
        let read = async {
            let link = self.pool.soon().await?;
            sessions::token(&link, digest).await
        };
        read.await.map_err(Fault::into_error)
    }

    async fn revoke_token(&self, digest: Digest, credential: i64) -> Result<(), StoreError> {
        let sql = "DELETE FROM ringback.token WHERE digest = $1 AND credential = $2";
        self.run(sql, args![BYTEA digest.as_slice(), INT8 credential]).await
    }

    async fn open_session(&self, digest: Digest, session: Session) -> Result<(), StoreError> {
        retrying!(async {
            let tx = self.pool.begin().await?;
            sessions::open_session(&tx, digest, session).await?;
            tx.commit().await
        })
    }

    async fn session(&self, digest: Digest) -> Result<Option<Session>, StoreError> {
        let read = async {
            let link = self.pool.soon().await?;
            sessions::session(&link, digest).await
        };
        read.await.map_err(Fault::into_error)
    }

    async fn touch_session(&self, now: Timestamp, digest: Digest) -> Result<(), StoreError> {
        // Most uses come within a minute of the last, and are no write at all.
        let is_stale = move |session: Session| sessions::is_stale(session, now);
        if !self.session(digest).await?.is_some_and(is_stale) {
            return Ok(());
        }
        let sql = "UPDATE ringback.session SET last_used_at = greatest(last_used_at, $2) WHERE digest = $1";
        self.run(sql, args![BYTEA digest.as_slice(), INT8 now.as_millis()]).await
    }

    async fn end_session(&self, digest: Digest, credential: i64) -> Result<(), StoreError> {
        let sql = "DELETE FROM ringback.session WHERE digest = $1 AND credential = $2";
        self.run(sql, args![BYTEA digest.as_slice(), INT8 credential]).await
    }

    async fn login_locked(
        &self,
        now: Timestamp,
        credential: i64,
        username: Digest,
    ) -> Result<Option<Timestamp>, StoreError> {
        let read = async {
            let link = self.pool.soon().await?;
            let until = logins::locked_until(&link, credential, username).await?;
            Ok(until.filter(|until| *until > now))
        };
        read.await.map_err(Fault::into_error)
    }

    async fn login_failed(
        &self,
        now: Timestamp,
        credential: i64,
        username: Digest,
        limit: u32,
        lock_for: Duration,
    ) -> Result<(), StoreError> {
        let failure = logins::Failure { now, credential, username, limit, lock_for };
        retrying!(async {
            let tx = self.pool.begin().await?;
            logins::failed(&tx, &self.vault, failure).await?;
            tx.commit().await
        })
    }

    async fn login_succeeded(&self, credential: i64, username: Digest) -> Result<(), StoreError> {
        let sql = "DELETE FROM ringback.failed_login WHERE credential = $1 AND username = $2";
        self.run(sql, args![INT8 credential, BYTEA username.as_slice()]).await
    }
}
