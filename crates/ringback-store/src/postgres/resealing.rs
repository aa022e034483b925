//! [`Resealing`] for PostgreSQL.
//!
//! What is replaced stays on the database's disk until vacuum has its room used again, and in its log for as long as that is
//! kept: who had the old key and a copy of those could still read it.

use std::collections::BTreeSet;

use async_trait::async_trait;
use ringback_delivery::AccountId;

use super::fault::Fault;
use super::link::{Link, args};
use super::{PostgresStore, keys, retrying, rows};
use crate::vault::Purpose;
use crate::{Resealed, Resealing, Rotation, SealingKey, StoreError, Vault};

/// Accounts that one step goes through.
const STEP: usize = 200;

#[async_trait]
impl Resealing for PostgresStore {
    async fn follow_keys(&self) -> Result<bool, StoreError> {
        let read = async {
            let link = self.pool.soon().await?;
            keys::catch_up(&link, &self.vault).await
        };
        read.await.map_err(Fault::into_error)
    }

    async fn begin_key_rotation(&self, new: SealingKey) -> Result<Rotation, StoreError> {
        let begun = retrying!(async {
            let tx = self.pool.begin().await?;
            keys::follow_alone(&tx, &self.vault).await?;
            let (_, known) = self.vault.keys_known();
            let begun = if known > 1 {
                Rotation::UnderWay
            } else if self.vault.present_key() == new {
                Rotation::Present
            } else {
                for record in self.vault.begin_rotation(&new)? {
                    keys::keep(&tx, &record).await?;
                }
                Rotation::Begun
            };
            tx.commit().await?;
            Ok(begun)
        })?;
        // After the commit, since the vault can't be rolled back.
        self.follow_keys().await?;
        Ok(begun)
    }

    async fn reseal_step(&self, after: Option<AccountId>) -> Result<Resealed, StoreError> {
        retrying!(async {
            let tx = self.pool.begin().await?;
            keys::follow(&tx, &self.vault).await?;
            let accounts = accounts(&tx, after).await?;
            let mut values = 0;
            for account in &accounts {
                values += reseal(&tx, &self.vault, *account).await?;
            }
            tx.commit().await?;
            let next = if accounts.len() < STEP { None } else { accounts.last().copied() };
            Ok(Resealed { values, next })
        })
    }

    async fn end_key_rotation(&self) -> Result<bool, StoreError> {
        let ended = retrying!(async {
            let tx = self.pool.begin().await?;
            keys::follow_alone(&tx, &self.vault).await?;
            let (present, known) = self.vault.keys_known();
            if known > 1 {
                tx.run("DELETE FROM ringback.sealing_key WHERE number <> $1", args![INT8 present]).await?;
                tx.run("UPDATE ringback.sealing_key SET other = NULL", args![]).await?;
            }
            tx.commit().await?;
            Ok(known > 1)
        })?;
        self.follow_keys().await?;
        Ok(ended)
    }
}

/// The next accounts that have something sealed, by their keys: of either table the next few, in the order of its index.
async fn accounts(tx: &Link, after: Option<AccountId>) -> Result<Vec<AccountId>, Fault> {
    let (shard, number) = after.map_or((-1, -1), rows::key);
    let behind = args![INT2 shard, INT8 number, INT8 i64::try_from(STEP).unwrap_or(i64::MAX)];
    let mut found = tx
        .rows(
            "SELECT shard, account FROM ringback.registration WHERE (shard, account) > ($1, $2)
             ORDER BY shard, account LIMIT $3",
            behind,
        )
        .await?;
    found.extend(
        tx.rows(
            "SELECT DISTINCT shard, account FROM ringback.signing_secret WHERE (shard, account) > ($1, $2)
             ORDER BY shard, account LIMIT $3",
            behind,
        )
        .await?,
    );
    let keys = found.iter().map(|row| Ok((row.try_get::<_, i16>(0)?, rows::account(row, 1)?)));
    let keys: BTreeSet<(i16, AccountId)> = keys.collect::<Result<_, Fault>>()?;
    Ok(keys.into_iter().take(STEP).map(|(_, account)| account).collect())
}

/// Seals anew what an account has; says how many values that were.
async fn reseal(tx: &Link, vault: &Vault, account: AccountId) -> Result<usize, Fault> {
    let damaged = |_| Fault::damaged("a sealed value does not open");
    let (shard, number) = rows::key(account);
    let mut values = 0;
    let registration = tx
        .maybe(
            "SELECT sealed, replaced FROM ringback.registration WHERE shard = $1 AND account = $2 FOR UPDATE",
            args![INT2 shard, INT8 number],
        )
        .await?;
    if let Some(row) = registration {
        let updates = [
            "UPDATE ringback.registration SET sealed = $3 WHERE shard = $1 AND account = $2",
            "UPDATE ringback.registration SET replaced = $3 WHERE shard = $1 AND account = $2",
        ];
        for (column, update) in updates.into_iter().enumerate() {
            let Some(sealed) = row.try_get::<_, Option<Vec<u8>>>(column)? else { continue };
            let anew = vault.reseal(Purpose::Registration(account.number()), &sealed).map_err(damaged)?;
            if let Some(anew) = anew {
                tx.run(update, args![INT2 shard, INT8 number, BYTEA anew]).await?;
                values += 1;
            }
        }
    }
    let secrets = tx
        .rows(
            "SELECT number, sealed FROM ringback.signing_secret WHERE shard = $1 AND account = $2 FOR UPDATE",
            args![INT2 shard, INT8 number],
        )
        .await?;
    for row in &secrets {
        let (which, sealed): (i64, Vec<u8>) = (row.try_get(0)?, row.try_get(1)?);
        let anew = vault.reseal(Purpose::Signing(account.number()), &sealed).map_err(damaged)?;
        if let Some(anew) = anew {
            tx.run(
                "UPDATE ringback.signing_secret SET sealed = $4
                 WHERE shard = $1 AND account = $2 AND number = $3",
                args![INT2 shard, INT8 number, INT8 which, BYTEA anew],
            )
            .await?;
            values += 1;
        }
    }
    Ok(values)
}
