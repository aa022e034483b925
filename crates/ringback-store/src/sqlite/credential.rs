//! A credential's rows.

use ringback_delivery::{AccountId, Timestamp};
use rusqlite::{Connection, OptionalExtension, Params, Row, params};

use super::credentials::USERNAME;
use super::fault::Fault;
use super::work::Work;
use super::{logins, rows, sessions};
use crate::{Credential, CredentialChange, CredentialOutcome, PasswordHash, Reach, Scopes, Vault};

/// The columns that [`credential`] reads, in its order.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, name, client_id, client_secret, previous_secret, previous_secret_until,
                    username, password, password_digest,
                    previous_password, previous_password_digest, previous_password_until,
                    callbacks, publish, operate, every_account, created_at, revoked_at
             FROM credential ",
            $rest
        )
    };
}

/// Keeps a new credential, unless one of its names is taken.
pub(super) fn create(work: &mut Work<'_>, credential: &Credential) -> Result<CredentialOutcome, Fault> {
    let connection = work.connection;
    let (password, password_digest) = password_columns(Some(&credential.password));
    let previous_password = credential.previous_password.as_ref();
    let (previous, previous_digest) = password_columns(previous_password.map(|(hash, _)| hash));
    let inserted = connection
        .prepare_cached(
            "INSERT INTO credential (name, client_id, client_secret, previous_secret, previous_secret_until,
                 username, password, password_digest,
                 previous_password, previous_password_digest, previous_password_until,
                 callbacks, publish, operate, every_account, created_at, revoked_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)
             ON CONFLICT DO NOTHING",
        )?
        .execute(params![
            credential.name,
            credential.client_id,
            credential.client_secret,
            credential.previous_secret.map(|(digest, _)| digest),
            credential.previous_secret.map(|(_, until)| until.as_millis()),
            credential.username,
            password,
            password_digest,
            previous,
            previous_digest,
            previous_password.map(|(_, until)| until.as_millis()),
            credential.scopes.callbacks,
            credential.scopes.publish,
            credential.scopes.operate,
            credential.reach == Reach::Every,
            credential.created_at.as_millis(),
            credential.revoked_at.map(Timestamp::as_millis),
        ])?;
    if inserted == 0 {
        return Ok(CredentialOutcome::Taken);
    }
    add_accounts(connection, connection.last_insert_rowid(), &credential.reach)?;
    raise_version(connection)?;
    Ok(CredentialOutcome::Done)
}

/// Changes the credential of this name, unless it is revoked.
pub(super) fn change(
    work: &mut Work<'_>,
    now: Timestamp,
    name: &str,
    change: &CredentialChange,
) -> Result<CredentialOutcome, Fault> {
    let connection = work.connection;
    let id: Option<i64> = connection
        .prepare_cached("SELECT id FROM credential WHERE name = ?1 AND revoked_at IS NULL")?
        .query_row([name], |row| row.get(0))
        .optional()?;
    let Some(id) = id else { return Ok(CredentialOutcome::Unknown) };
    match change {
        CredentialChange::Rotate { client_secret, password, overlap_until } => {
            let until = overlap_until.as_millis();
            connection
                .prepare_cached(
                    "UPDATE credential SET previous_secret = client_secret, previous_secret_until = ?3,
                         client_secret = ?2 WHERE id = ?1",
                )?
                .execute(params![id, client_secret, until])?;
            if let Some(password) = password {
                let (password, digest) = password_columns(Some(password));
                connection
                    .prepare_cached(
                        "UPDATE credential SET previous_password = password,
                             previous_password_digest = password_digest, previous_password_until = ?4,
                             password = ?2, password_digest = ?3 WHERE id = ?1",
                    )?
                    .execute(params![id, password, digest, until])?;
            }
        }
        CredentialChange::Grant { reach, scopes } => {
            connection
                .prepare_cached(
                    "UPDATE credential SET callbacks = callbacks OR ?2, publish = publish OR ?3,
                         operate = operate OR ?4, every_account = every_account OR ?5 WHERE id = ?1",
                )?
                .execute(params![
                    id,
                    scopes.callbacks,
                    scopes.publish,
                    scopes.operate,
                    *reach == Reach::Every
                ])?;
            add_accounts(connection, id, reach)?;
        }
        CredentialChange::Unlock => logins::forget_all(connection, id)?,
        CredentialChange::Revoke => {
            connection
                .prepare_cached("UPDATE credential SET revoked_at = ?2 WHERE id = ?1")?
                .execute(params![id, now.as_millis()])?;
            sessions::end_all(connection, id)?;
            logins::forget_all(connection, id)?;
        }
    }
    raise_version(connection)?;
    Ok(CredentialOutcome::Done)
}

/// All of them, by name.
pub(super) fn list(connection: &Connection, vault: &Vault) -> Result<Vec<Credential>, Fault> {
    find(connection, vault, select!("ORDER BY name"), [])
}

/// The one with this OAuth client id.
pub(super) fn of_client(
    connection: &Connection,
    vault: &Vault,
    client_id: &str,
) -> Result<Option<Credential>, Fault> {
    Ok(find(connection, vault, select!("WHERE client_id = ?1"), [client_id])?.pop())
}

/// The one with this user name.
pub(super) fn of_user(
    connection: &Connection,
    vault: &Vault,
    username: &str,
) -> Result<Option<Credential>, Fault> {
    Ok(find(connection, vault, select!("WHERE username = ?1"), [username])?.pop())
}

/// The one with this number.
pub(super) fn with_id(connection: &Connection, vault: &Vault, id: i64) -> Result<Option<Credential>, Fault> {
    Ok(find(connection, vault, select!("WHERE id = ?1"), [id])?.pop())
}

fn find(
    connection: &Connection,
    vault: &Vault,
    query: &str,
    wanted: impl Params,
) -> Result<Vec<Credential>, Fault> {
    let mut statement = connection.prepare_cached(query)?;
    let mut found = statement.query(wanted)?;
    let mut credentials = Vec::new();
    while let Some(row) = found.next()? {
        let mut credential = credential(row)?;
        if credential.reach != Reach::Every {
            credential.reach = Reach::Accounts(accounts(connection, credential.id)?);
        }
        let username = vault.digest(USERNAME, &credential.username);
        credential.locked_until = logins::locked_until(connection, credential.id, username)?;
        credentials.push(credential);
    }
    Ok(credentials)
}

fn credential(row: &Row<'_>) -> Result<Credential, Fault> {
    let previous_secret = match row.get(4)? {
        Some(digest) => Some((digest, rows::moment(row, 5)?)),
        None => None,
    };
    let previous_password = match password(row.get(9)?, row.get(10)?) {
        Some(hash) => Some((hash, rows::moment(row, 11)?)),
        None => None,
    };
    Ok(Credential {
        id: row.get(0)?,
        name: row.get(1)?,
        client_id: row.get(2)?,
        client_secret: row.get(3)?,
        previous_secret,
        username: row.get(6)?,
        password: password(row.get(7)?, row.get(8)?)
            .ok_or_else(|| Fault::damaged("a credential has no password"))?,
        previous_password,
        scopes: Scopes { callbacks: row.get(12)?, publish: row.get(13)?, operate: row.get(14)? },
        reach: if row.get(15)? { Reach::Every } else { Reach::Accounts(Vec::new()) },
        created_at: rows::moment(row, 16)?,
        revoked_at: rows::optional_moment(row, 17)?,
        locked_until: None,
    })
}

fn password(argon2: Option<String>, digest: Option<[u8; 32]>) -> Option<PasswordHash> {
    argon2.map(PasswordHash::Argon2).or(digest.map(PasswordHash::Keyed))
}

fn password_columns(hash: Option<&PasswordHash>) -> (Option<&str>, Option<[u8; 32]>) {
    match hash {
        Some(PasswordHash::Argon2(text)) => (Some(text), None),
        Some(PasswordHash::Keyed(digest)) => (None, Some(*digest)),
        None => (None, None),
    }
}

fn accounts(connection: &Connection, id: i64) -> Result<Vec<AccountId>, Fault> {
    let mut statement = connection
        .prepare_cached("SELECT account FROM credential_account WHERE credential = ?1 ORDER BY account")?;
    let mut found = statement.query([id])?;
    let mut accounts = Vec::new();
    while let Some(row) = found.next()? {
        accounts.push(rows::account(row.get(0)?)?);
    }
    Ok(accounts)
}

fn add_accounts(connection: &Connection, id: i64, reach: &Reach) -> Result<(), Fault> {
    let Reach::Accounts(accounts) = reach else { return Ok(()) };
    let mut insert = connection
        .prepare_cached("INSERT OR IGNORE INTO credential_account (credential, account) VALUES (?1, ?2)")?;
    for account in accounts {
        insert.execute(params![id, account.number()])?;
    }
    Ok(())
}

fn raise_version(connection: &Connection) -> Result<(), Fault> {
    connection
        .prepare_cached("UPDATE store SET credentials_version = credentials_version + 1")?
        .execute([])?;
    Ok(())
}
