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
    let mut secrets = Vec::new();
    for row in &found {
        let damaged = || Fault::damaged("a signing secret does not open");
        let plain = vault
            .unseal(Purpose::Signing(account.number()), row.try_get::<_, &[u8]>(0)?)
            .map_err(|_| damaged())?;
        let (hmac, seed) = plain.split_first_chunk::<HALF>().ok_or_else(damaged)?;
        secrets.push(SigningSecret {
            hmac: *hmac,
            ed25519_seed: seed.try_into().map_err(|_| damaged())?,
            retires_at: rows::optional_moment(row, 1)?,
        });
    }
    Ok(secrets)
}

/// Whether there is a present one among them.
pub(super) fn has_present(secrets: &[SigningSecret]) -> bool {
    secrets.first().is_some_and(|secret| secret.retires_at.is_none())
}

/// Keeps a new secret where there is no present one. The account's row is locked, or else two may meet, and one begins
/// again.
pub(super) async fn keep_first(tx: &Link, vault: &Vault, account: AccountId) -> Result<(), Fault> {
    let sealed = make(tx, vault, account).await?;
    let (shard, number) = rows::key(account);
    tx.run(
        "INSERT INTO ringback.signing_secret (shard, account, number, sealed)
         SELECT $1, $2, coalesce(max(number), 0) + 1, $3 FROM ringback.signing_secret
         WHERE shard = $1 AND account = $2
         HAVING coalesce(bool_and(retires_at IS NOT NULL), true)",
        args![INT2 shard, INT8 number, BYTEA sealed],
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
