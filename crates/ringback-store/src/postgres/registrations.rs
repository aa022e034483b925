//! [`Registrations`] for PostgreSQL.
//!
//! Each act locks the account's row, changes it, leaves word for the shard's owner, and commits; then this node's listener
//! is told.

use async_trait::async_trait;
use ringback_delivery::{AccountId, Sequence, Standing, Timestamp};

use super::doubts::Doubt;
use super::fault::Fault;
use super::link::{Link, args};
use super::pool::Tx;
use super::{PostgresStore, fence, keys, retrying, rows, signing, standing};
use crate::sealed;
use crate::vault::Purpose;
use crate::{Endpoint, Registration, Registrations, Restored, SigningSecret, StoreError, Vault};

#[async_trait]
impl Registrations for PostgresStore {
    async fn register(
        &self,
        now: Timestamp,
        account: AccountId,
        registration: Registration,
    ) -> Result<Standing, StoreError> {
        retrying!(async {
            let tx = self.pool.begin().await?;
            standing::lock(&tx, account, true).await?;
            keys::follow(&tx, &self.vault).await?;
            let plain = sealed::encode(&registration);
            let sealed = self.vault.seal(Purpose::Registration(account.number()), &plain)?;
            let standing = put_in_force(&tx, account, &sealed, now).await?;
            self.changed(tx, account, standing).await
        })
    }

    async fn deregister(&self, _now: Timestamp, account: AccountId) -> Result<Option<Standing>, StoreError> {
        retrying!(async {
            let tx = self.pool.begin().await?;
            standing::lock(&tx, account, false).await?;
            let known = standing::read(&tx, account).await?;
            let Some(mut standing) = known else {
                tx.commit().await?;
                return Ok(None);
            };
            if !standing.registered {
                // Whoever asks again may not have heard the first answer, and then nobody here has heard of it.
                self.changed(tx, account, standing).await?;
                return Ok(None);
            }
            let (shard, number) = rows::key(account);
            tx.run(
                "UPDATE ringback.registration SET sealed = NULL, registered_at = NULL,
                     replaced = NULL, replaced_registered_at = NULL, replaced_generation = NULL
                 WHERE shard = $1 AND account = $2",
                args![INT2 shard, INT8 number],
            )
            .await?;
            tx.run(
                "DELETE FROM ringback.replay_job WHERE shard = $1 AND account = $2",
                args![INT2 shard, INT8 number],
            )
            .await?;
            standing.generation += 1;
            standing.registered = false;
            standing.cancelled_through = standing.last_turn;
            standing::write(&tx, account, &standing).await?;
            self.changed(tx, account, standing).await.map(Some)
        })
    }

    async fn restore_registration(
        &self,
        _now: Timestamp,
        account: AccountId,
    ) -> Result<Restored, StoreError> {
        retrying!(async {
            let tx = self.pool.begin().await?;
            standing::lock(&tx, account, false).await?;
            let (shard, number) = rows::key(account);
            let replaced = tx
                .maybe(
                    "SELECT r.replaced, r.replaced_registered_at
                     FROM ringback.registration r
                     JOIN ringback.account a ON a.shard = r.shard AND a.account = r.account
                     WHERE r.shard = $1 AND r.account = $2 AND r.replaced IS NOT NULL
                       AND a.registered AND a.generation = r.replaced_generation",
                    args![INT2 shard, INT8 number],
                )
                .await?;
            let Some(row) = replaced else {
                tx.commit().await?;
                return Ok(Restored::NothingToRestore);
            };
            let (replaced, since): (Vec<u8>, _) = (row.try_get(0)?, rows::moment(&row, 1)?);
            let standing = put_in_force(&tx, account, &replaced, since).await?;
            self.changed(tx, account, standing).await?;
            Ok(Restored::Restored)
        })
    }

    async fn registration(&self, account: AccountId) -> Result<Option<Registration>, StoreError> {
        let read = async {
            let link = self.pool.soon().await?;
            registration(&link, &self.vault, account).await
        };
        read.await.map_err(Fault::into_error)
    }

    async fn endpoint(&self, now: Timestamp, account: AccountId) -> Result<Option<Endpoint>, StoreError> {
        let found = self.read_endpoint(now, account).await?;
        match found {
            Some(endpoint) if !signing::has_present(&endpoint.signing) => {
                self.make_signing_secret(account).await?;
                self.read_endpoint(now, account).await
            }
            found => Ok(found),
        }
    }

    async fn standing(&self, account: AccountId) -> Result<Standing, StoreError> {
        let read = async {
            let link = self.pool.soon().await?;
            Ok(standing::read(&link, account).await?.unwrap_or_default())
        };
        read.await.map_err(Fault::into_error)
    }

    async fn pause(&self, now: Timestamp, account: AccountId) -> Result<Standing, StoreError> {
        self.change(account, |standing| standing.pause.pause(now)).await
    }

    async fn resume(&self, now: Timestamp, account: AccountId) -> Result<Standing, StoreError> {
        self.change(account, |standing| {
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
        self.change(account, |standing| standing.pull = enabled).await
    }

    async fn acknowledge(
        &self,
        _now: Timestamp,
        account: AccountId,
        through: u64,
    ) -> Result<Standing, StoreError> {
        self.change(account, |standing| {
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
        if signing::has_present(&secrets) {
            return Ok(secrets);
        }
        self.make_signing_secret(account).await?;
        self.read_signing_secrets(now, account).await
    }

    async fn rotate_signing_secret(
        &self,
        now: Timestamp,
        account: AccountId,
        overlap_until: Timestamp,
    ) -> Result<Vec<SigningSecret>, StoreError> {
        retrying!(async {
            let tx = self.pool.begin().await?;
            let known = standing::lock(&tx, account, false).await?;
            signing::replace(&tx, &self.vault, now, account, overlap_until).await?;
            if !known {
                return tx.commit().await;
            }
            // The standing is what it was. That it is told again says: what you know of the endpoint is stale.
            let standing = standing::read(&tx, account).await?.unwrap_or_default();
            self.changed(tx, account, standing).await.map(drop)
        })?;
        self.read_signing_secrets(now, account).await
    }
}

impl PostgresStore {
    async fn change(
        &self,
        account: AccountId,
        change: impl Fn(&mut Standing) + Send + Sync,
    ) -> Result<Standing, StoreError> {
        retrying!(async {
            let tx = self.pool.begin().await?;
            standing::lock(&tx, account, true).await?;
            let mut standing = standing::read(&tx, account).await?.unwrap_or_default();
            change(&mut standing);
            standing::write(&tx, account, &standing).await?;
            self.changed(tx, account, standing).await
        })
    }

    /// Leaves word for the owner, commits, and tells this node.
    pub(super) async fn changed(
        &self,
        tx: Tx,
        account: AccountId,
        standing: Standing,
    ) -> Result<Standing, Fault> {
        let told = fence::tell_owner(&tx, &self.tenure, account, true).await?;
        self.commit(tx, account).await?;
        self.ear.standing_changed(account, standing);
        if told {
            self.hints.give();
        }
        Ok(standing)
    }

    /// Commits what concerns an account. Where the answer is lost, or nobody waits for it any more, its lane looks what
    /// became of it.
    pub(super) async fn commit(&self, tx: Tx, account: AccountId) -> Result<(), Fault> {
        let doubt = Doubt::of(&self.doubts, account);
        tx.commit().await?;
        doubt.resolve();
        Ok(())
    }

    async fn read_signing_secrets(
        &self,
        now: Timestamp,
        account: AccountId,
    ) -> Result<Vec<SigningSecret>, StoreError> {
        let read = async {
            let link = self.pool.soon().await?;
            signing::read(&link, &self.vault, now, account).await
        };
        read.await.map_err(Fault::into_error)
    }

    async fn make_signing_secret(&self, account: AccountId) -> Result<(), StoreError> {
        retrying!(async {
            let tx = self.pool.begin().await?;
            signing::keep_first(&tx, &self.vault, account).await?;
            tx.commit().await
        })
    }

    async fn read_endpoint(
        &self,
        now: Timestamp,
        account: AccountId,
    ) -> Result<Option<Endpoint>, StoreError> {
        let read = async {
            // One snapshot, so that the generation is the registration's.
            let tx = self.pool.begin_reading().await?;
            let standing = standing::read(&tx, account).await?;
            let registration = registration(&tx, &self.vault, account).await?;
            let signing = signing::read(&tx, &self.vault, now, account).await?;
            tx.commit().await?;
            let (Some(standing), Some(registration)) = (standing, registration) else { return Ok(None) };
            Ok(Some(Endpoint { generation: standing.generation, registration, signing }))
        };
        read.await.map_err(Fault::into_error)
    }
}

/// Puts a sealed registration of this moment in force, keeps the one that it replaces, and releases the lane. The account's
/// row is locked.
async fn put_in_force(
    tx: &Link,
    account: AccountId,
    sealed: &[u8],
    registered_at: Timestamp,
) -> Result<Standing, Fault> {
    let mut standing = standing::read(tx, account).await?.unwrap_or_default();
    standing.generation += 1;
    standing.registered = true;
    standing.releases += 1;
    standing.reinstatements += 1;
    standing::write(tx, account, &standing).await?;
    let (shard, number) = rows::key(account);
    // On the right of the update, `registration` still is the one that is replaced.
    tx.run(
        "INSERT INTO ringback.registration AS r (shard, account, sealed, registered_at, replaced_generation)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (shard, account) DO UPDATE SET
             sealed = excluded.sealed, registered_at = excluded.registered_at,
             replaced = r.sealed, replaced_registered_at = r.registered_at,
             replaced_generation = excluded.replaced_generation",
        args![
            INT2 shard, INT8 number, BYTEA sealed, INT8 registered_at.as_millis(),
            INT8 rows::number_column(standing.generation)
        ],
    )
    .await?;
    Ok(standing)
}

async fn registration(link: &Link, vault: &Vault, account: AccountId) -> Result<Option<Registration>, Fault> {
    keys::catch_up(link, vault).await?;
    let (shard, number) = rows::key(account);
    let found = link
        .maybe(
            "SELECT sealed FROM ringback.registration
             WHERE shard = $1 AND account = $2 AND sealed IS NOT NULL",
            args![INT2 shard, INT8 number],
        )
        .await?;
    let Some(row) = found else { return Ok(None) };
    let plain = vault
        .unseal(Purpose::Registration(account.number()), row.try_get::<_, &[u8]>(0)?)
        .map_err(|_| Fault::damaged("a registration does not open"))?;
    sealed::decode(&plain).map(Some).ok_or_else(|| Fault::damaged("a sealed registration can't be read"))
}
