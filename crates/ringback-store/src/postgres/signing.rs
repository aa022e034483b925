//! An account's signing secrets: sealed, numbered as they were made.

use ringback_delivery::{AccountId, Timestamp};

use super::fault::Fault;
use super::link::{Link, args};
use super::{keys, rows};
use crate::vault::{self, Purpose};
use crate::{SigningSecret, Vault};

const HALF: usize = 32;

/// A new secret, sealed for its account in this transaction.
async fn make(tx: &Link, vault: &Vault, account: AccountId) -> Result<Vec<u8>, Fault> {
    keys::follow(tx, vault).await?;
    seal_new(vault, account)
}

/// A new secret, sealed for its account with the vault's present key.
fn seal_new(vault: &Vault, account: AccountId) -> Result<Vec<u8>, Fault> {
    let plain = zeroize::Zeroizing::new(vault::random::<{ 2 * HALF }>()?);
    Ok(vault.seal(Purpose::Signing(account.number()), plain.as_slice())?)
}

/// The secrets that sign at `now`, the present one first, the latest of the others next.
pub(super) async fn read(
    link: &Link,
    vault: &Vault,
    now: Timestamp,
    account: AccountId,
) -> Result<Vec<SigningSecret>, Fault> {
    keys::catch_up(link, vault).await?;
    let (shard, number) = rows::key(account);
    let found = link
        .rows(
            "SELECT sealed, retires_at FROM ringback.signing_secret
             WHERE shard = $1 AND account = $2 AND (retires_at IS NULL OR retires_at > $3)
             ORDER BY number DESC",
            args![INT2 shard, INT8 number, INT8 now.as_millis()],
        )
        .await?;
    found.iter().map(|row| open(vault, account, row.try_get(0)?, rows::optional_moment(row, 1)?)).collect()
}

/// A secret of an account, as it was sealed.
pub(super) fn open(
    vault: &Vault,
    account: AccountId,
    sealed: &[u8],
    retires_at: Option<Timestamp>,
) -> Result<SigningSecret, Fault> {
    let damaged = || Fault::damaged("a signing secret does not open");
    let plain = vault.unseal(Purpose::Signing(account.number()), sealed).map_err(|_| damaged())?;
    let (hmac, seed) = plain.split_first_chunk::<HALF>().ok_or_else(damaged)?;
    Ok(SigningSecret { hmac: *hmac, ed25519_seed: seed.try_into().map_err(|_| damaged())?, retires_at })
}

/// Keeps a new secret for each of these that has no present one. Their rows are locked, or else two may meet, and one begins
/// again.
pub(super) async fn keep_first(tx: &Link, vault: &Vault, accounts: &[AccountId]) -> Result<(), Fault> {
    keys::follow(tx, vault).await?;
    let (shards, numbers): (Vec<i16>, Vec<i64>) = accounts.iter().copied().map(rows::key).unzip();
    let sealed = accounts.iter().map(|account| seal_new(vault, *account)).collect::<Result<Vec<_>, _>>()?;
    tx.run(
        "INSERT INTO ringback.signing_secret (shard, account, number, sealed)
         SELECT i.shard, i.account, coalesce(s.last, 0) + 1, i.sealed
         FROM unnest($1, $2, $3) WITH ORDINALITY AS i (shard, account, sealed, at)
         CROSS JOIN LATERAL (SELECT max(s.number) AS last, bool_or(s.retires_at IS NULL) AS has_present
             FROM ringback.signing_secret s WHERE s.shard = i.shard AND s.account = i.account) s
         WHERE s.has_present IS NOT TRUE ORDER BY i.at",
        args![INT2_ARRAY shards, INT8_ARRAY numbers, BYTEA_ARRAY sealed],
    )
    .await?;
    Ok(())
}

/// Puts a new secret in place of the present one, which retires at `overlap_until`; forgets what has retired.
pub(super) async fn replace(
    tx: &Link,
    vault: &Vault,
    now: Timestamp,
    account: AccountId,
    overlap_until: Timestamp,
) -> Result<(), Fault> {
    let sealed = make(tx, vault, account).await?;
    let (shard, number) = rows::key(account);
    tx.run(
        "UPDATE ringback.signing_secret SET retires_at = $3
         WHERE shard = $1 AND account = $2 AND retires_at IS NULL",
        args![INT2 shard, INT8 number, INT8 overlap_until.as_millis()],
    )
    .await?;
    tx.run(
        "INSERT INTO ringback.signing_secret (shard, account, number, sealed)
         SELECT $1, $2, coalesce(max(number), 0) + 1, $3 FROM ringback.signing_secret
         WHERE shard = $1 AND account = $2",
        args![INT2 shard, INT8 number, BYTEA sealed],
    )
    .await?;
    tx.run(
        "DELETE FROM ringback.signing_secret WHERE shard = $1 AND account = $2 AND retires_at <= $3",
        args![INT2 shard, INT8 number, INT8 now.as_millis()],
    )
    .await?;
    Ok(())
}
