//! Credentials as their operator sees them: made, listed, rotated, extended, unlocked, revoked.
//!
//! The same acts stand behind `/api/ringback/v1/credentials` and behind `ringback credentials --store`, which works
//! beside a running server. Secrets are made here, given back once, and kept only as what recognises them: a keyed
//! digest for what we generate, argon2 for what a person chose.

mod password;
mod secrets;

use std::time::Duration;

use ringback_delivery::Timestamp;
use ringback_store::{
    Credential, CredentialChange, CredentialOutcome, KeyError, Reach, Scopes, Secret, Store, StoreError,
};

pub use password::matches as password_matches;
pub use secrets::{CLIENT_SECRET_DOMAIN, generate};

/// The longest name, user name or chosen password, in characters.
pub const LONGEST_TEXT: usize = 255;
/// The shortest password that may be chosen, in characters.
pub const SHORTEST_PASSWORD: usize = 8;
/// The longest time that the secrets before a rotation may still count.
pub const MAX_OVERLAP: Duration = Duration::from_secs(30 * 24 * 3600);

/// A credential to be made.
#[derive(Debug, Clone)]
pub struct NewCredential {
    /// What its operator calls it; unique.
    pub name: String,
    /// What it may be used for; at least one.
    pub scopes: Scopes,
    /// Where; at least one account.
    pub reach: Reach,
    /// The user name, if one is chosen.
    pub username: Option<String>,
    /// The password, if one is chosen.
    pub password: Option<Secret>,
}

/// What is told once, when a credential is made or rotated.
#[derive(Debug, Clone)]
pub struct Issued {
    /// What its operator calls it.
    pub name: String,
    /// The OAuth client id.
    pub client_id: String,
    /// The OAuth client secret.
    pub client_secret: Secret,
    /// The user name that logs in.
    pub username: String,
    /// That user's password.
    pub password: Secret,
    /// What it may be used for.
    pub scopes: Scopes,
    /// Where.
    pub reach: Reach,
}

impl Issued {
    fn of(credential: Credential, client_secret: Secret, password: Secret) -> Self {
        let Credential { name, client_id, username, scopes, reach, .. } = credential;
        Self { name, client_id, client_secret, username, password, scopes, reach }
    }
}

/// A credential was not made or changed.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// What was asked for is not possible; the text says what and why.
    #[error("{0}")]
    Invalid(&'static str),
    /// There is one of that name or user name already.
    #[error("there is a credential with that name or user name already")]
    Taken,
    /// There is none of that name, or it is revoked.
    #[error("there is no credential of that name, or it is revoked")]
    Unknown,
    /// The store did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The system gave no randomness.
    #[error(transparent)]
    Random(#[from] KeyError),
    /// The password could not be hashed.
    #[error("the password could not be hashed")]
    Hash,
}

/// Makes a credential: client id and secret always, user name and password where none were chosen.
///
/// # Errors
///
/// [`CredentialError::Invalid`] for a bad name, user name, password, no scope or no account;
/// [`CredentialError::Taken`]; or the store's.
pub async fn create(
    store: &dyn Store,
    now: Timestamp,
    new: NewCredential,
) -> Result<Issued, CredentialError> {
    check_text(&new.name, "a name has 1 to 255 characters and no control characters")?;
    check_reach(&new.reach)?;
    if new.scopes == Scopes::default() {
        return Err(CredentialError::Invalid("at least one scope is needed"));
    }
    if let Some(username) = &new.username {
        check_text(username, "a user name has 1 to 255 characters and no control characters")?;
    }
    let client_id = generate(16)?;
    let client_secret = generate(32)?;
    let username = match new.username {
        Some(chosen) => chosen,
        None => generate(9)?.expose().to_owned(),
    };
    let (password, kept) = password::choose(store.vault(), new.password).await?;
    let credential = Credential {
        id: 0,
        name: new.name,
        client_id: client_id.expose().to_owned(),
        client_secret: store.vault().digest(CLIENT_SECRET_DOMAIN, client_secret.expose()),
        previous_secret: None,
        username,
        password: kept,
        previous_password: None,
        scopes: new.scopes,
        reach: new.reach,
        created_at: now,
        revoked_at: None,
        locked_until: None,
    };
    done(store.create_credential(credential.clone()).await?)?;
    Ok(Issued::of(credential, client_secret, password))
}

/// Every credential, the revoked ones too, by name.
///
/// # Errors
///
/// The store's.
pub async fn list(store: &dyn Store) -> Result<Vec<Credential>, StoreError> {
    store.credentials().await
}

/// Makes a new client secret and a new password, generated where none is chosen; those before still count for `overlap`.
///
/// # Errors
///
/// [`CredentialError::Invalid`] for a bad password or an overlap over [`MAX_OVERLAP`]; [`CredentialError::Unknown`];
/// or the store's.
pub async fn rotate(
    store: &dyn Store,
    now: Timestamp,
    name: &str,
    overlap: Duration,
    new_password: Option<Secret>,
) -> Result<Issued, CredentialError> {
    if overlap > MAX_OVERLAP {
        return Err(CredentialError::Invalid("an overlap is 30 days at most"));
    }
    let credential = store
        .credentials()
        .await?
        .into_iter()
        .find(|known| known.name == name && known.revoked_at.is_none())
        .ok_or(CredentialError::Unknown)?;
    let client_secret = generate(32)?;
    let (password, kept) = password::choose(store.vault(), new_password).await?;
    let change = CredentialChange::Rotate {
        client_secret: store.vault().digest(CLIENT_SECRET_DOMAIN, client_secret.expose()),
        password: Some(kept),
        overlap_until: now.after(overlap),
    };
    done(store.change_credential(now, name, change).await?)?;
    Ok(Issued::of(credential, client_secret, password))
}

/// Adds accounts and scopes to a credential.
///
/// # Errors
///
/// [`CredentialError::Unknown`], or the store's.
pub async fn grant(
    store: &dyn Store,
    now: Timestamp,
    name: &str,
    reach: Reach,
    scopes: Scopes,
) -> Result<(), CredentialError> {
    done(store.change_credential(now, name, CredentialChange::Grant { reach, scopes }).await?)
}

/// Ends the lock-out of a credential's user.
///
/// # Errors
///
/// [`CredentialError::Unknown`], or the store's.
pub async fn unlock(store: &dyn Store, now: Timestamp, name: &str) -> Result<(), CredentialError> {
    done(store.change_credential(now, name, CredentialChange::Unlock).await?)
}

/// Ends a credential, its tokens and its sessions, for good.
///
/// # Errors
///
/// [`CredentialError::Unknown`], or the store's.
pub async fn revoke(store: &dyn Store, now: Timestamp, name: &str) -> Result<(), CredentialError> {
    done(store.change_credential(now, name, CredentialChange::Revoke).await?)
}

fn done(outcome: CredentialOutcome) -> Result<(), CredentialError> {
    match outcome {
        CredentialOutcome::Done => Ok(()),
        CredentialOutcome::Taken => Err(CredentialError::Taken),
        CredentialOutcome::Unknown => Err(CredentialError::Unknown),
    }
}

fn check_text(text: &str, otherwise: &'static str) -> Result<(), CredentialError> {
    let fits = (1..=LONGEST_TEXT).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    if fits { Ok(()) } else { Err(CredentialError::Invalid(otherwise)) }
}

fn check_reach(reach: &Reach) -> Result<(), CredentialError> {
    match reach {
        Reach::Accounts(accounts) if accounts.is_empty() => {
            Err(CredentialError::Invalid("at least one account, or '*', is needed"))
        }
        _ => Ok(()),
    }
}
