//! [`Registrations`] for PostgreSQL.
//!
//! Each act locks the account's row, changes it, leaves word for the shard's owner, and commits; then this node's listener
//! is told.

use async_trait::async_trait;
use ringback_delivery::{AccountId, Sequence, Standing, Timestamp, Turn};

use super::doubts::Doubt;
use super::fault::Fault;
use super::link::{Link, args};
use super::pool::Tx;
use super::{PostgresStore, fence, keys, retrying, rows, signing, standing};
use crate::registrations::{has_present, unsigned};
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
            let tx = self.begin_act().await?;
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
            let tx = self.begin_act().await?;
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
            let tx = self.begin_act().await?;
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
            let tx = self.pool.begin_reading_soon().await?;
            let found = registration(&tx, &self.vault, account).await;
            tx.end(found).await
        };
        read.await.map_err(Fault::into_error)
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
        let read = async {
            let tx = self.pool.begin_reading_soon().await?;
            let found = standing::read(&tx, account).await;
            Ok(tx.end(found).await?.unwrap_or_default())
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
        retrying!(async {
            let tx = self.begin_act().await?;
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
            let tx = self.begin_act().await?;
            standing::lock(&tx, account, true).await?;
            let mut standing = standing::read(&tx, account).await?.unwrap_or_default();
            change(&mut standing);
            standing::write(&tx, account, &standing).await?;
            self.changed(tx, account, standing).await
        })
    }

    /// A transaction of what an account's owner has to hear of.
    pub(super) async fn begin_act(&self) -> Result<Tx, Fault> {
        let tx = self.pool.begin().await?;
        fence::stand(&tx, &self.tenure).await?;
        Ok(tx)
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
            let tx = self.pool.begin_reading_soon().await?;
            let found = signing::read(&tx, &self.vault, now, account).await;
            tx.end(found).await
        };
        read.await.map_err(Fault::into_error)
    }

    async fn make_signing_secrets(&self, mut accounts: Vec<AccountId>) -> Result<(), StoreError> {
        // In one order, so that nobody waits for each other.
        accounts.sort_unstable();
        accounts.dedup();
        retrying!(async {
            let tx = self.pool.begin().await?;
            signing::keep_first(&tx, &self.vault, &accounts).await?;
            tx.commit().await
        })
    }

    async fn read_endpoints(
        &self,
        now: Timestamp,
        accounts: Vec<AccountId>,
    ) -> Result<Vec<Option<Endpoint>>, StoreError> {
        let read = async {
            // One snapshot, so that the keys are there that anything is sealed with.
            let tx = self.pool.begin_reading().await?;
            keys::catch_up(&tx, &self.vault).await?;
            let endpoints = endpoints(&tx, &self.vault, now, &accounts).await?;
            tx.commit().await?;
            Ok(endpoints)
        };
        read.await.map_err(Fault::into_error)
    }
}

async fn endpoints(
    link: &Link,
    vault: &Vault,
    now: Timestamp,
    accounts: &[AccountId],
) -> Result<Vec<Option<Endpoint>>, Fault> {
    let (shards, numbers): (Vec<i16>, Vec<i64>) = accounts.iter().copied().map(rows::key).unzip();
    let found = link
        .rows(
            "SELECT i.at, a.cancelled_through, r.sealed, s.sealed, s.retires
             FROM unnest($1, $2) WITH ORDINALITY AS i (shard, account, at)
             CROSS JOIN LATERAL (SELECT cancelled_through FROM ringback.account a
                 WHERE a.shard = i.shard AND a.account = i.account LIMIT 1) a
             CROSS JOIN LATERAL (SELECT sealed FROM ringback.registration r
                 WHERE r.shard = i.shard AND r.account = i.account AND r.sealed IS NOT NULL LIMIT 1) r
             CROSS JOIN LATERAL (SELECT coalesce(array_agg(s.sealed ORDER BY s.number DESC), '{}') AS sealed,
                     coalesce(array_agg(s.retires_at ORDER BY s.number DESC), '{}') AS retires
                 FROM ringback.signing_secret s WHERE s.shard = i.shard AND s.account = i.account
                     AND (s.retires_at IS NULL OR s.retires_at > $3)) s",
            args![INT2_ARRAY shards, INT8_ARRAY numbers, INT8 now.as_millis()],
        )
        .await?;
    let mut endpoints = vec![None; accounts.len()];
    for row in &found {
        let at = usize::try_from(row.try_get::<_, i64>(0)? - 1).unwrap_or(usize::MAX);
        let Some((account, place)) = accounts.get(at).zip(endpoints.get_mut(at)) else { continue };
        let (secrets, retire): (Vec<&[u8]>, Vec<Option<i64>>) = (row.try_get(3)?, row.try_get(4)?);
        let signing = secrets.iter().zip(retire).map(|(sealed, retires)| {
            signing::open(vault, *account, sealed, retires.map(Timestamp::from_millis))
        });
        *place = Some(Endpoint {
            cancelled_through: Turn(rows::number(row, 1)?),
            registration: open_registration(vault, *account, row.try_get(2)?)?,
            signing: signing.collect::<Result<_, _>>()?,
        });
    }
    Ok(endpoints)
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
    open_registration(vault, account, row.try_get(0)?).map(Some)
}

fn open_registration(vault: &Vault, account: AccountId, sealed: &[u8]) -> Result<Registration, Fault> {
    let plain = vault
        .unseal(Purpose::Registration(account.number()), sealed)
        .map_err(|_| Fault::damaged("a registration does not open"))?;
    sealed::decode(&plain).ok_or_else(|| Fault::damaged("a sealed registration can't be read"))
}
