//! [`Resealing`] for SQLite.
//!
//! What is replaced and removed is overwritten in the file (`secure_delete`), and at the end the log is cut: so that
//! nothing which the old key opens stays behind in what SQLite calls free.

use std::sync::Arc;

use async_trait::async_trait;
use ringback_delivery::AccountId;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::fault::Fault;
use super::{SqliteStore, keys, rows};
use crate::vault::Purpose;
use crate::{Resealed, Resealing, Rotation, SealingKey, StoreError, Vault};

/// Accounts that one step goes through.
const STEP: usize = 200;

#[async_trait]
impl Resealing for SqliteStore {
    async fn follow_keys(&self) -> Result<bool, StoreError> {
        let vault = Arc::clone(&self.vault);
        self.read(move |connection| keys::catch_up(connection, &vault)).await
    }

    async fn begin_key_rotation(&self, new: SealingKey) -> Result<Rotation, StoreError> {
        let vault = Arc::clone(&self.vault);
        let begun = self
            .write(move |work| {
                let connection = work.connection;
                keys::follow(connection, &vault)?;
                let (_, keys) = vault.keys_known();
                if vault.present_key() == new {
                    return Ok(if keys > 1 { Rotation::UnderWay } else { Rotation::Present });
                }
                if keys > 1 {
                    return Ok(Rotation::UnderWay);
                }
                for record in vault.begin_rotation(&new)? {
                    keys::keep(connection, &record)?;
                }
                Ok(Rotation::Begun)
            })
            .await?;
        // After the commit, since the vault can't be rolled back.
        self.follow_keys().await?;
        Ok(begun)
    }

    async fn reseal_step(&self, after: Option<AccountId>) -> Result<Resealed, StoreError> {
        let vault = Arc::clone(&self.vault);
        let after = after.map_or(-1, |account| i64::try_from(account.number()).unwrap_or(i64::MAX));
        self.write(move |work| {
            overwrite_what_goes(work.connection)?;
            keys::follow(work.connection, &vault)?;
            let accounts = accounts(work.connection, after)?;
            let mut values = 0;
            for account in &accounts {
                values += reseal(work.connection, &vault, *account)?;
            }
            let next = if accounts.len() < STEP { None } else { accounts.last().copied() };
            Ok(Resealed { values, next })
        })
        .await
    }

    async fn end_key_rotation(&self) -> Result<bool, StoreError> {
        let vault = Arc::clone(&self.vault);
        let ended = self
            .write(move |work| {
                let connection = work.connection;
                overwrite_what_goes(connection)?;
                keys::follow(connection, &vault)?;
                let (present, keys) = vault.keys_known();
                if keys < 2 {
                    return Ok(false);
                }
                connection.execute("DELETE FROM sealing_key WHERE number <> ?1", [present])?;
                connection.execute("UPDATE sealing_key SET other = NULL", [])?;
                Ok(true)
            })
            .await?;
        self.follow_keys().await?;
        if ended {
            self.cut_log().await;
        }
        Ok(ended)
    }
}

impl SqliteStore {
    /// Moves all of the log into the database and empties it, if nobody reads just now; else it happens by and by.
    async fn cut_log(&self) {
        let database = self.readers.database().to_owned();
        let cut = tokio::task::spawn_blocking(move || -> rusqlite::Result<()> {
            let connection = super::connection::writer(&database)?;
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        });
        if let Ok(Err(error)) = cut.await {
            tracing::debug!(%error, "the log could not be cut; it is when there is a pause");
        }
    }
}

fn overwrite_what_goes(connection: &Connection) -> Result<(), Fault> {
    connection.pragma_update_and_check(None, "secure_delete", true, |_| Ok(()))?;
    Ok(())
}

/// The next accounts that have something sealed.
fn accounts(connection: &Connection, after: i64) -> Result<Vec<AccountId>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT account FROM registration WHERE account > ?1
         UNION SELECT account FROM signing_secret WHERE account > ?1
         ORDER BY account LIMIT ?2",
    )?;
    let mut found = statement.query(params![after, STEP])?;
    let mut accounts = Vec::new();
    while let Some(row) = found.next()? {
        accounts.push(rows::account(row.get(0)?)?);
    }
    Ok(accounts)
}

/// Seals anew what an account has; says how many values that were.
fn reseal(connection: &Connection, vault: &Vault, account: AccountId) -> Result<usize, Fault> {
    let damaged = |_| Fault::damaged("a sealed value does not open");
    let mut values = 0;
    let (sealed, replaced) = connection
        .prepare_cached("SELECT sealed, replaced FROM registration WHERE account = ?1")?
        .query_row([account.number()], |row| {
            Ok((row.get::<_, Option<Vec<u8>>>(0)?, row.get::<_, Option<Vec<u8>>>(1)?))
        })
        .optional()?
        .unwrap_or_default();
    let updates = [
        (sealed, "UPDATE registration SET sealed = ?2 WHERE account = ?1"),
        (replaced, "UPDATE registration SET replaced = ?2 WHERE account = ?1"),
    ];
    for (sealed, update) in updates {
        let Some(sealed) = sealed else { continue };
        if let Some(anew) = vault.reseal(Purpose::Registration(account.number()), &sealed).map_err(damaged)? {
            values += connection.prepare_cached(update)?.execute(params![account.number(), anew])?;
        }
    }
    let secrets: Vec<(i64, Vec<u8>)> = connection
        .prepare_cached("SELECT number, sealed FROM signing_secret WHERE account = ?1")?
        .query_map([account.number()], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    for (number, sealed) in secrets {
        if let Some(anew) = vault.reseal(Purpose::Signing(account.number()), &sealed).map_err(damaged)? {
            values += connection
                .prepare_cached("UPDATE signing_secret SET sealed = ?3 WHERE account = ?1 AND number = ?2")?
                .execute(params![account.number(), number, anew])?;
        }
    }
    Ok(values)
}
