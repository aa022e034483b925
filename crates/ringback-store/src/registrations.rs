//! Where an account's messages go: its registration, its pause, its release, its signing secrets.

use std::fmt;

use async_trait::async_trait;
use ringback_delivery::{AccountId, Standing, Timestamp, Turn};
use zeroize::Zeroize as _;

use crate::{Secret, StoreError};

/// Where an account wants its messages, in the clear. A store seals URL, user name and password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// The URL as it was given.
    pub url: Secret,
    /// The user name that each message bears; empty where none was given.
    pub username: Option<Secret>,
    /// The password that each message bears; empty where none was given.
    pub password: Option<Secret>,
}

/// The secret that an account's callbacks are signed with: 32 bytes for HMAC and the 32-byte seed of an Ed25519 key.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningSecret {
    /// Key of the `v1` signature.
    pub hmac: [u8; 32],
    /// Seed of the key of the `v1a` signature.
    pub ed25519_seed: [u8; 32],
    /// Until when it still signs beside its successor; `None` for the present one.
    pub retires_at: Option<Timestamp>,
}

impl fmt::Debug for SigningSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningSecret").field("retires_at", &self.retires_at).finish_non_exhaustive()
    }
}

impl Drop for SigningSecret {
    fn drop(&mut self) {
        self.hmac.zeroize();
        self.ed25519_seed.zeroize();
    }
}

/// All that an attempt needs to know of where it goes, as of one commit.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// Nothing up to this place in the queue goes there: it was cancelled, which its lane may not have heard of.
    pub cancelled_through: Turn,
    /// Where to.
    pub registration: Registration,
    /// What to sign with; the present secret first, then those that have not retired.
    pub signing: Vec<SigningSecret>,
}

/// Whether there is a present one among these secrets.
pub(crate) fn has_present(secrets: &[SigningSecret]) -> bool {
    secrets.first().is_some_and(|secret| secret.retires_at.is_none())
}

/// The accounts that are registered and have no present secret, by what was found of them.
pub(crate) fn unsigned(accounts: &[AccountId], found: &[Option<Endpoint>]) -> Vec<AccountId> {
    let found = accounts.iter().zip(found).filter_map(|(account, found)| Some((account, found.as_ref()?)));
    found.filter(|(_, endpoint)| !has_present(&endpoint.signing)).map(|(account, _)| *account).collect()
}

/// What became of an attempt to bring the replaced registration back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Restored {
    /// It is in force again.
    Restored,
    /// There is no replaced registration, or something was registered or deregistered since.
    NothingToRestore,
}

/// Registering, and all that changes an account's standing. Each is one small commit; each answers after it, with the
/// standing that it made, and tells the store's listener before it answers.
#[async_trait]
pub trait Registrations {
    /// Registers, in place of what was registered. Releases the lane.
    async fn register(
        &self,
        now: Timestamp,
        account: AccountId,
        registration: Registration,
    ) -> Result<Standing, StoreError>;

    /// Ends the registration and cancels what is pending; `None` when nothing was registered.
    async fn deregister(&self, now: Timestamp, account: AccountId) -> Result<Option<Standing>, StoreError>;

    /// Brings the replaced registration back, if nothing changed since.
    async fn restore_registration(&self, now: Timestamp, account: AccountId) -> Result<Restored, StoreError>;

    /// What is registered, with its secrets.
    async fn registration(&self, account: AccountId) -> Result<Option<Registration>, StoreError>;

    /// What attempts for these accounts need, all in one snapshot; `None` where nothing is registered.
    async fn endpoints(
        &self,
        now: Timestamp,
        accounts: Vec<AccountId>,
    ) -> Result<Vec<Option<Endpoint>>, StoreError>;

    /// What an attempt for this account needs; `None` when nothing is registered.
    async fn endpoint(&self, now: Timestamp, account: AccountId) -> Result<Option<Endpoint>, StoreError> {
        Ok(self.endpoints(now, vec![account]).await?.pop().flatten())
    }

    /// The account's standing; the default one for an account that never was touched.
    async fn standing(&self, account: AccountId) -> Result<Standing, StoreError>;

    /// Holds the lane until it is resumed.
    async fn pause(&self, now: Timestamp, account: AccountId) -> Result<Standing, StoreError>;

    /// Ends a pause, a hold and a suspension, and makes everything due now.
    async fn resume(&self, now: Timestamp, account: AccountId) -> Result<Standing, StoreError>;

    /// Ends a hold and makes everything due now, pause and suspension aside.
    async fn release(&self, now: Timestamp, account: AccountId) -> Result<Standing, StoreError>;

    /// Keeps messages even when nothing is registered, or ends that.
    async fn set_pull(
        &self,
        now: Timestamp,
        account: AccountId,
        enabled: bool,
    ) -> Result<Standing, StoreError>;

    /// Marks everything through this sequence number as delivered, and stops its pending pushes.
    async fn acknowledge(
        &self,
        now: Timestamp,
        account: AccountId,
        through: u64,
    ) -> Result<Standing, StoreError>;

    /// The account's signing secrets, the present one first; makes one where there is none.
    async fn signing_secrets(
        &self,
        now: Timestamp,
        account: AccountId,
    ) -> Result<Vec<SigningSecret>, StoreError>;

    /// Makes a new signing secret; the one before signs beside it until `overlap_until`.
    async fn rotate_signing_secret(
        &self,
        now: Timestamp,
        account: AccountId,
        overlap_until: Timestamp,
    ) -> Result<Vec<SigningSecret>, StoreError>;
}
