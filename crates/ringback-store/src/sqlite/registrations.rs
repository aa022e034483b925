//! [`Registrations`] for SQLite.
//!
//! Sealing happens in the writer's transaction, which knows which key is the present one.

use std::sync::Arc;

use async_trait::async_trait;
use ringback_delivery::{AccountId, Sequence, Standing, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use super::fault::Fault;
use super::work::{News, Work};
use super::{SqliteStore, keys, replay_job, signing, standing};
use crate::registrations::{has_present, unsigned};
use crate::sealed;
use crate::vault::Purpose;
use crate::{Endpoint, Registration, Registrations, Restored, SigningSecret, StoreError, Vault};

#[async_trait]
impl Registrations for SqliteStore {
    async fn register(
        &self,
        now: Timestamp,
        account: AccountId,
        registration: Registration,
    ) -> Result<Standing, StoreError> {
        let vault = Arc::clone(&self.vault);
        self.write(move |work| {
            keys::follow(work.connection, &vault)?;
            let sealed =
                vault.seal(Purpose::Registration(account.number()), &sealed::encode(&registration))?;
            // Here, so that no first message waits for it.
            signing::keep_first(work, &vault, account)?;
            put_in_force(work, account, &sealed, now)
        })
        .await
    }

    async fn deregister(&self, _now: Timestamp, account: AccountId) -> Result<Option<Standing>, StoreError> {
        self.write(move |work| {
            let Some(standing) = standing::read(work.connection, account)? else { return Ok(None) };
            if !standing.registered {
                // Whoever asks again may not have heard the first answer, and then nobody here has heard of it.
                work.news.push(News::Standing(account, standing));
                return Ok(None);
            }
            work.connection
                .prepare_cached(
                    "UPDATE registration SET sealed = NULL, registered_at = NULL,
                         replaced = NULL, replaced_registered_at = NULL, replaced_generation = NULL
                     WHERE account = ?1",
                )?
                .execute([account.number()])?;
            replay_job::end(work, account)?;
            let standing = standing::change(work, account, |standing| {
                standing.generation += 1;
                standing.registered = false;
                standing.cancelled_through = standing.last_turn;
            })?;
            Ok(Some(standing))
        })
        .await
    }

    async fn restore_registration(
        &self,
        _now: Timestamp,
        account: AccountId,
    ) -> Result<Restored, StoreError> {
        self.write(move |work| {
            let replaced: Option<(Vec<u8>, i64)> = work
                .connection
                .prepare_cached(
                    "SELECT r.replaced, r.replaced_registered_at
                     FROM registration r JOIN account a ON a.account = r.account
                     WHERE r.account = ?1 AND r.replaced IS NOT NULL
                       AND a.registered = 1 AND a.generation = r.replaced_generation",
                )?
                .query_row([account.number()], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            let Some((replaced, since)) = replaced else { return Ok(Restored::NothingToRestore) };
            put_in_force(work, account, &replaced, Timestamp::from_millis(since))?;
            Ok(Restored::Restored)
        })
        .await
    }

    async fn registration(&self, account: AccountId) -> Result<Option<Registration>, StoreError> {
        let vault = Arc::clone(&self.vault);
        self.read(move |connection| registration(connection, &vault, account)).await
    }

    async fn endpoints(
        &self,
        now: Timestamp,
        accounts: Vec<AccountId>,
    ) -> Result<Vec<Option<Endpoint>>, StoreError> {
        let found = self.read_endpoints(now, accounts.clone()).await?;
        let unsigned = unsigned(&accounts, &found);
        if unsigned.is_empty() {
            return Ok(found);
        }
        self.make_signing_secrets(unsigned).await?;
        self.read_endpoints(now, accounts).await
    }

    async fn standing(&self, account: AccountId) -> Result<Standing, StoreError> {
        self.read(move |connection| Ok(standing::read(connection, account)?.unwrap_or_default())).await
    }

    async fn pause(&self, now: Timestamp, account: AccountId) -> Result<Standing, StoreError> {
        self.change(account, move |standing| standing.pause.pause(now)).await
    }

    async fn resume(&self, now: Timestamp, account: AccountId) -> Result<Standing, StoreError> {
        self.change(account, move |standing| {
            standing.pause.resume(now);
            standing.releases += 1;
            standing.reinstatements += 1;
        })
        .await
    }

    async fn release(&self, _now: Timestamp, account: AccountId) -> Result<Standing, StoreError> {
        self.change(account, |standing| standing.releases += 1).await
    }

    async fn set_pull(
        &self,
        _now: Timestamp,
        account: AccountId,
        enabled: bool,
    ) -> Result<Standing, StoreError> {
        self.change(account, move |standing| standing.pull = enabled).await
    }

    async fn acknowledge(
        &self,
        _now: Timestamp,
        account: AccountId,
        through: u64,
    ) -> Result<Standing, StoreError> {
        self.change(account, move |standing| {
            // Nobody has what is not there yet.
            let through = Sequence(through).min(standing.last_sequence);
            if through >= standing.acknowledged_through {
                standing.acknowledged_through = through;
                standing.acknowledged_turn = standing.last_turn;
            }
        })
        .await
    }

    async fn signing_secrets(
        &self,
        now: Timestamp,
        account: AccountId,
    ) -> Result<Vec<SigningSecret>, StoreError> {
        let secrets = self.read_signing_secrets(now, account).await?;
        if has_present(&secrets) {
            return Ok(secrets);
        }
        self.make_signing_secrets(vec![account]).await?;
        self.read_signing_secrets(now, account).await
    }

    async fn rotate_signing_secret(
        &self,
        now: Timestamp,
        account: AccountId,
        overlap_until: Timestamp,
    ) -> Result<Vec<SigningSecret>, StoreError> {
        let vault = Arc::clone(&self.vault);
        self.write(move |work| {
            signing::replace(work, &vault, now, account, overlap_until)?;
            // The standing is what it was. That it is told again says: what you know of the endpoint is stale.
            if let Some(standing) = standing::read(work.connection, account)? {
                work.news.push(News::Standing(account, standing));
            }
            Ok(())
        })
        .await?;
        self.read_signing_secrets(now, account).await
    }
}

impl SqliteStore {
    async fn change(
        &self,
        account: AccountId,
        mut change: impl FnMut(&mut Standing) + Send + 'static,
    ) -> Result<Standing, StoreError> {
        self.write(move |work| standing::change(work, account, &mut change)).await
    }

    async fn read_signing_secrets(
        &self,
        now: Timestamp,
        account: AccountId,
    ) -> Result<Vec<SigningSecret>, StoreError> {
        let vault = Arc::clone(&self.vault);
        self.read(move |connection| signing::read(connection, &vault, now, account)).await
    }

    async fn make_signing_secrets(&self, accounts: Vec<AccountId>) -> Result<(), StoreError> {
        let vault = Arc::clone(&self.vault);
        self.write(move |work| {
            accounts.iter().try_for_each(|account| signing::keep_first(work, &vault, *account))
        })
        .await
    }

    async fn read_endpoints(
        &self,
        now: Timestamp,
        accounts: Vec<AccountId>,
    ) -> Result<Vec<Option<Endpoint>>, StoreError> {
        let vault = Arc::clone(&self.vault);
        self.read(move |connection| {
            accounts.iter().map(|account| endpoint(connection, &vault, now, *account)).collect()
        })
        .await
    }
}

fn endpoint(
    connection: &Connection,
    vault: &Vault,
    now: Timestamp,
    account: AccountId,
) -> Result<Option<Endpoint>, Fault> {
    let Some(standing) = standing::read(connection, account)? else { return Ok(None) };
    let Some(registration) = registration(connection, vault, account)? else { return Ok(None) };
    let signing = signing::read(connection, vault, now, account)?;
    Ok(Some(Endpoint { cancelled_through: standing.cancelled_through, registration, signing }))
}

/// Puts a sealed registration of this moment in force, keeps the one that it replaces, and releases the lane.
fn put_in_force(
    work: &mut Work<'_>,
    account: AccountId,
    sealed: &[u8],
    registered_at: Timestamp,
) -> Result<Standing, Fault> {
    let standing = standing::change(work, account, |standing| {
        standing.generation += 1;
        standing.registered = true;
        standing.releases += 1;
        standing.reinstatements += 1;
    })?;
    // On the right of the update, `registration` still is the one that is replaced.
    work.connection
        .prepare_cached(
            "INSERT INTO registration (account, sealed, registered_at, replaced_generation)
             VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (account) DO UPDATE SET
                 sealed = excluded.sealed, registered_at = excluded.registered_at,
                 replaced = registration.sealed, replaced_registered_at = registration.registered_at,
                 replaced_generation = excluded.replaced_generation",
        )?
        .execute(params![account.number(), sealed, registered_at.as_millis(), standing.generation])?;
    Ok(standing)
}

fn registration(
    connection: &Connection,
    vault: &Vault,
    account: AccountId,
) -> Result<Option<Registration>, Fault> {
    keys::catch_up(connection, vault)?;
    let sealed: Option<Vec<u8>> = connection
        .prepare_cached("SELECT sealed FROM registration WHERE account = ?1 AND sealed IS NOT NULL")?
        .query_row([account.number()], |row| row.get(0))
        .optional()?;
    sealed
        .map(|sealed| {
            let plain = vault
                .unseal(Purpose::Registration(account.number()), &sealed)
                .map_err(|_| Fault::damaged("a registration does not open"))?;
            sealed::decode(&plain).ok_or_else(|| Fault::damaged("a sealed registration can't be read"))
        })
        .transpose()
}
