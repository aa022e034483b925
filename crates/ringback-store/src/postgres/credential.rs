//! A credential's rows.

use ringback_delivery::{AccountId, Timestamp};
use tokio_postgres::Row;

use super::credentials::USERNAME;
use super::fault::Fault;
use super::link::{Arg, Link, args};
use super::{logins, rows, sessions};
use crate::credentials::Digest;
use crate::{Credential, CredentialChange, CredentialOutcome, PasswordHash, Reach, Scopes, Vault};

/// The columns that [`credential`] reads, in its order.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, name, client_id, client_secret, previous_secret, previous_secret_until,
                    username, password, password_digest,
                    previous_password, previous_password_digest, previous_password_until,
                    callbacks, publish, operate, every_account, created_at, revoked_at
             FROM ringback.credential ",
            $rest
        )
    };
}

/// Keeps a new credential, unless one of its names is taken.
pub(super) async fn create(tx: &Link, credential: &Credential) -> Result<CredentialOutcome, Fault> {
    let (password, password_digest) = password_columns(Some(&credential.password));
    let previous_password = credential.previous_password.as_ref();
    let (previous, previous_digest) = password_columns(previous_password.map(|(hash, _)| hash));
    let made = tx
        .maybe(
            "INSERT INTO ringback.credential (name, client_id, client_secret, previous_secret,
                 previous_secret_until, username, password, password_digest, previous_password,
                 previous_password_digest, previous_password_until, callbacks, publish, operate, every_account,
                 created_at, revoked_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
             ON CONFLICT DO NOTHING RETURNING id",
            args![
                TEXT credential.name, TEXT credential.client_id, BYTEA credential.client_secret.as_slice(),
                BYTEA credential.previous_secret.as_ref().map(|(digest, _)| digest.as_slice()),
                INT8 credential.previous_secret.map(|(_, until)| until.as_millis()),
                TEXT credential.username, TEXT password, BYTEA password_digest, TEXT previous,
                BYTEA previous_digest, INT8 previous_password.map(|(_, until)| until.as_millis()),
                BOOL credential.scopes.callbacks, BOOL credential.scopes.publish,
                BOOL credential.scopes.operate, BOOL (credential.reach == Reach::Every),
                INT8 credential.created_at.as_millis(), INT8 credential.revoked_at.map(Timestamp::as_millis)
            ],
        )
        .await?;
    let Some(made) = made else { return Ok(CredentialOutcome::Taken) };
    add_accounts(tx, made.try_get(0)?, &credential.reach).await?;
    raise_version(tx).await?;
    Ok(CredentialOutcome::Done)
}

/// Changes the credential of this name, unless it is revoked.
pub(super) async fn change(
    tx: &Link,
    now: Timestamp,
    name: &str,
    change: &CredentialChange,
) -> Result<CredentialOutcome, Fault> {
    let found = tx
        .maybe(
            "SELECT id FROM ringback.credential WHERE name = $1 AND revoked_at IS NULL FOR UPDATE",
            args![TEXT name],
        )
        .await?;
    let Some(found) = found else { return Ok(CredentialOutcome::Unknown) };
    let id: i64 = found.try_get(0)?;
    match change {
        CredentialChange::Rotate { client_secret, password, overlap_until } => {
            let until = overlap_until.as_millis();
            tx.run(
                "UPDATE ringback.credential SET previous_secret = client_secret, previous_secret_until = $3,
                     client_secret = $2 WHERE id = $1",
                args![INT8 id, BYTEA client_secret.as_slice(), INT8 until],
            )
            .await?;
            if let Some(password) = password {
                let (password, digest) = password_columns(Some(password));
                tx.run(
                    "UPDATE ringback.credential SET previous_password = password,
                         previous_password_digest = password_digest, previous_password_until = $4,
                         password = $2, password_digest = $3 WHERE id = $1",
                    args![INT8 id, TEXT password, BYTEA digest, INT8 until],
                )
                .await?;
            }
        }
        CredentialChange::Grant { reach, scopes } => {
            tx.run(
                "UPDATE ringback.credential SET callbacks = callbacks OR $2, publish = publish OR $3,
                     operate = operate OR $4, every_account = every_account OR $5 WHERE id = $1",
                args![
                    INT8 id, BOOL scopes.callbacks, BOOL scopes.publish, BOOL scopes.operate,
                    BOOL (*reach == Reach::Every)
                ],
            )
            .await?;
            add_accounts(tx, id, reach).await?;
        }
        CredentialChange::Unlock => logins::forget_all(tx, id).await?,
        CredentialChange::Revoke => {
            tx.run(
                "UPDATE ringback.credential SET revoked_at = $2 WHERE id = $1",
                args![INT8 id, INT8 now.as_millis()],
            )
            .await?;
            sessions::end_all(tx, id).await?;
            logins::forget_all(tx, id).await?;
        }
    }
    raise_version(tx).await?;
    Ok(CredentialOutcome::Done)
}

/// All of them, by name.
pub(super) async fn list(link: &Link, vault: &Vault) -> Result<Vec<Credential>, Fault> {
    find(link, vault, select!("ORDER BY name COLLATE \"C\""), args![]).await
}

/// The one with this OAuth client id.
pub(super) async fn of_client(
    link: &Link,
    vault: &Vault,
    client_id: &str,
) -> Result<Option<Credential>, Fault> {
    Ok(find(link, vault, select!("WHERE client_id = $1"), args![TEXT client_id]).await?.pop())
}

/// The one with this user name.
pub(super) async fn of_user(link: &Link, vault: &Vault, username: &str) -> Result<Option<Credential>, Fault> {
    Ok(find(link, vault, select!("WHERE username = $1"), args![TEXT username]).await?.pop())
}

/// The one with this number.
pub(super) async fn with_id(link: &Link, vault: &Vault, id: i64) -> Result<Option<Credential>, Fault> {
    Ok(find(link, vault, select!("WHERE id = $1"), args![INT8 id]).await?.pop())
}

async fn find(
    link: &Link,
    vault: &Vault,
    query: &'static str,
    wanted: &[Arg<'_>],
) -> Result<Vec<Credential>, Fault> {
    let mut credentials = Vec::new();
    for row in link.rows(query, wanted).await? {
        let mut credential = credential(&row)?;
        if credential.reach != Reach::Every {
            credential.reach = Reach::Accounts(accounts(link, credential.id).await?);
        }
        let username = vault.digest(USERNAME, &credential.username);
        credential.locked_until = logins::locked_until(link, credential.id, username).await?;
        credentials.push(credential);
    }
    Ok(credentials)
}

fn credential(row: &Row) -> Result<Credential, Fault> {
    let previous_secret = match row.try_get::<_, Option<Vec<u8>>>(4)? {
        Some(bytes) => Some((digest(&bytes)?, rows::moment(row, 5)?)),
        None => None,
    };
    let previous_password = match password(row.try_get(9)?, row.try_get(10)?)? {
        Some(hash) => Some((hash, rows::moment(row, 11)?)),
        None => None,
    };
    Ok(Credential {
        id: row.try_get(0)?,
        name: row.try_get(1)?,
        client_id: row.try_get(2)?,
        client_secret: digest(row.try_get(3)?)?,
        previous_secret,
        username: row.try_get(6)?,
        password: password(row.try_get(7)?, row.try_get(8)?)?
            .ok_or_else(|| Fault::damaged("a credential has no password"))?,
        previous_password,
        scopes: Scopes { callbacks: row.try_get(12)?, publish: row.try_get(13)?, operate: row.try_get(14)? },
        reach: if row.try_get(15)? { Reach::Every } else { Reach::Accounts(Vec::new()) },
        created_at: rows::moment(row, 16)?,
        revoked_at: rows::optional_moment(row, 17)?,
        locked_until: None,
    })
}

fn digest(bytes: &[u8]) -> Result<Digest, Fault> {
    bytes.try_into().map_err(|_| Fault::damaged("a digest is of another length"))
}

fn password(argon2: Option<String>, keyed: Option<&[u8]>) -> Result<Option<PasswordHash>, Fault> {
    Ok(match (argon2, keyed) {
        (Some(text), _) => Some(PasswordHash::Argon2(text)),
        (None, Some(bytes)) => Some(PasswordHash::Keyed(digest(bytes)?)),
        (None, None) => None,
    })
}

fn password_columns(hash: Option<&PasswordHash>) -> (Option<&str>, Option<&[u8]>) {
    match hash {
        Some(PasswordHash::Argon2(text)) => (Some(text), None),
        Some(PasswordHash::Keyed(digest)) => (None, Some(digest)),
        None => (None, None),
    }
}

async fn accounts(link: &Link, id: i64) -> Result<Vec<AccountId>, Fault> {
    let found = link
        .rows(
            "SELECT account FROM ringback.credential_account WHERE credential = $1 ORDER BY account",
            args![INT8 id],
        )
        .await?;
    found.iter().map(|row| rows::account(row, 0)).collect()
}

async fn add_accounts(tx: &Link, id: i64, reach: &Reach) -> Result<(), Fault> {
    let Reach::Accounts(accounts) = reach else { return Ok(()) };
    let numbers: Vec<i64> = accounts.iter().map(|account| rows::number_column(account.number())).collect();
    tx.run(
        "INSERT INTO ringback.credential_account (credential, account)
         SELECT $1, i FROM unnest($2) AS i ON CONFLICT DO NOTHING",
        args![INT8 id, INT8_ARRAY numbers],
    )
    .await?;
    Ok(())
}

async fn raise_version(tx: &Link) -> Result<(), Fault> {
    tx.run("UPDATE ringback.store SET credentials_version = credentials_version + 1", args![]).await?;
    Ok(())
}
