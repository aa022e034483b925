//! Who may do what: credentials, and the tokens and sessions that they obtain.
//!
//! No secret is here in the clear, only digests: what we generate is kept as a keyed hash ([`crate::Vault::digest`]),
//! what a person chose as an argon2 string. Which is which is the caller's affair: a store compares nothing.

use async_trait::async_trait;
use ringback_delivery::{AccountId, Timestamp};

use crate::StoreError;

/// A keyed hash of something that we generated.
pub type Digest = [u8; 32];

/// What a credential may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scopes {
    /// The contract's operations, and reading one's own messages.
    pub callbacks: bool,
    /// Publishing messages.
    pub publish: bool,
    /// Looking after accounts; on `'*'`, after credentials too.
    pub operate: bool,
}

/// The accounts that a credential reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// All, present and future.
    Every,
    /// These.
    Accounts(Vec<AccountId>),
}

/// Of named accounts the next ones, by number, behind `after`; each once, and at most `limit`.
pub(crate) fn next_of(named: &[AccountId], after: Option<AccountId>, limit: usize) -> Vec<AccountId> {
    let behind = named.iter().copied().filter(|account| after.is_none_or(|after| *account > after));
    let mut next: Vec<AccountId> = behind.collect();
    next.sort_unstable();
    next.dedup();
    next.truncate(limit);
    next
}

/// How a user's password is kept.
#[derive(Clone, PartialEq, Eq)]
pub enum PasswordHash {
    /// We generated it.
    Keyed(Digest),
    /// A person chose it: an argon2 string in the PHC format.
    Argon2(String),
}

/// A credential as it is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    /// Its number in this store; 0 before it is created.
    pub id: i64,
    /// What its operator calls it; unique.
    pub name: String,
    /// The OAuth client id; unique.
    pub client_id: String,
    /// Of the OAuth client secret.
    pub client_secret: Digest,
    /// The secret before the last rotation, and until when it still counts.
    pub previous_secret: Option<(Digest, Timestamp)>,
    /// The user name that logs in to a session, under this client only.
    pub username: String,
    /// Of that user's password.
    pub password: PasswordHash,
    /// The password before the last rotation, and until when it still counts.
    pub previous_password: Option<(PasswordHash, Timestamp)>,
    /// What it may be used for.
    pub scopes: Scopes,
    /// Where.
    pub reach: Reach,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Timestamp>,
    /// Until when its user is locked out, if it is.
    pub locked_until: Option<Timestamp>,
}

/// What to change about a credential.
#[derive(Clone)]
pub enum CredentialChange {
    /// New secrets; those before count until `overlap_until`.
    Rotate {
        /// Of the new client secret.
        client_secret: Digest,
        /// Of the new password, where that is to change.
        password: Option<PasswordHash>,
        /// Until when those before still count.
        overlap_until: Timestamp,
    },
    /// More accounts and scopes.
    Grant {
        /// The accounts to add.
        reach: Reach,
        /// The scopes to add.
        scopes: Scopes,
    },
    /// Ends the lock-out of its users.
    Unlock,
    /// Ends the credential, its tokens and its sessions, for good.
    Revoke,
}

/// What became of a credential's creation or change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialOutcome {
    /// Done.
    Done,
    /// There is one of that name, or with that user name or client id, already.
    Taken,
    /// There is none of that name, or it is revoked.
    Unknown,
}

/// An access token as it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    /// Whose.
    pub credential: i64,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// A session as it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    /// Whose.
    pub credential: i64,
    /// When it was last used; written at most once a minute.
    pub last_used_at: Timestamp,
}

/// Credentials, tokens, sessions and failed log-ins.
#[async_trait]
pub trait Credentials {
    /// Keeps a new credential.
    async fn create_credential(&self, credential: Credential) -> Result<CredentialOutcome, StoreError>;

    /// Every credential, by name, the revoked ones too.
    async fn credentials(&self) -> Result<Vec<Credential>, StoreError>;

    /// The credential with this OAuth client id, revoked or not.
    async fn credential_of_client(&self, client_id: &str) -> Result<Option<Credential>, StoreError>;

    /// The credential with this user name, revoked or not.
    async fn credential_of_user(&self, username: &str) -> Result<Option<Credential>, StoreError>;

    /// The credential with this number, revoked or not.
    async fn credential(&self, id: i64) -> Result<Option<Credential>, StoreError>;

    /// Changes the credential of this name.
    async fn change_credential(
        &self,
        now: Timestamp,
        name: &str,
        change: CredentialChange,
    ) -> Result<CredentialOutcome, StoreError>;

    /// A number that grows with each change of a credential, whoever made it. What was read at another number is stale.
    async fn credentials_version(&self) -> Result<u64, StoreError>;

    /// Keeps a token.
    async fn issue_token(&self, digest: Digest, token: Token) -> Result<(), StoreError>;

    /// The token with this digest; expired ones may be gone.
    async fn token(&self, digest: Digest) -> Result<Option<Token>, StoreError>;

    /// Ends a token of this credential; without effect when there is none.
    async fn revoke_token(&self, digest: Digest, credential: i64) -> Result<(), StoreError>;

    /// Keeps a session.
    async fn open_session(&self, digest: Digest, session: Session) -> Result<(), StoreError>;

    /// The session with this digest, ended by time or not; gone a day after its last use.
    async fn session(&self, digest: Digest) -> Result<Option<Session>, StoreError>;

    /// Notes a session's use.
    async fn touch_session(&self, now: Timestamp, digest: Digest) -> Result<(), StoreError>;

    /// Ends a session of this credential; without effect when there is none.
    async fn end_session(&self, digest: Digest, credential: i64) -> Result<(), StoreError>;

    /// Until when this user name is locked out under this credential, if it is.
    async fn login_locked(
        &self,
        now: Timestamp,
        credential: i64,
        username: Digest,
    ) -> Result<Option<Timestamp>, StoreError>;

    /// Counts a failed log-in, and locks the user name for `lock_for` at the `limit`th in a row.
    async fn login_failed(
        &self,
        now: Timestamp,
        credential: i64,
        username: Digest,
        limit: u32,
        lock_for: std::time::Duration,
    ) -> Result<(), StoreError>;

    /// Forgets the failed log-ins of a user name.
    async fn login_succeeded(&self, credential: i64, username: Digest) -> Result<(), StoreError>;
}

impl Reach {
    /// Whether the account is among those reached.
    pub fn includes(&self, account: AccountId) -> bool {
        match self {
            Self::Every => true,
            Self::Accounts(accounts) => accounts.contains(&account),
        }
    }
}
