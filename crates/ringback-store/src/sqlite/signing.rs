//! An account's signing secrets: sealed, numbered as they were made.

use ringback_delivery::{AccountId, Timestamp};
use rusqlite::{Connection, params};

use super::fault::Fault;
use super::work::Work;
use super::{keys, rows};
use crate::vault::{self, Purpose};
use crate::{SigningSecret, Vault};

const HALF: usize = 32;

/// A new secret, sealed for its account.
fn make(connection: &Connection, vault: &Vault, account: AccountId) -> Result<Vec<u8>, Fault> {
    keys::follow(connection, vault)?;
    let plain = zeroize::Zeroizing::new(vault::random::<{ 2 * HALF }>()?);
    Ok(vault.seal(Purpose::Signing(account.number()), plain.as_slice())?)
}

/// The secrets that sign at `now`, the present one first, the latest of the others next.
pub(super) fn read(
    connection: &Connection,
    vault: &Vault,
    now: Timestamp,
    account: AccountId,
) -> Result<Vec<SigningSecret>, Fault> {
    keys::catch_up(connection, vault)?;
    let mut statement = connection.prepare_cached(
        "SELECT sealed, retires_at FROM signing_secret
         WHERE account = ?1 AND (retires_at IS NULL OR retires_at > ?2)
         ORDER BY number DESC",
    )?;
    let mut found = statement.query(params![account.number(), now.as_millis()])?;
    let mut secrets = Vec::new();
    while let Some(row) = found.next()? {
        let damaged = || Fault::damaged("a signing secret does not open");
        let plain = vault
            .unseal(Purpose::Signing(account.number()), row.get_ref(0)?.as_blob().map_err(|_| damaged())?)
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

/// Keeps a new secret where there is no present one.
pub(super) fn keep_first(work: &mut Work<'_>, vault: &Vault, account: AccountId) -> Result<(), Fault> {
    let present: bool = work
        .connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM signing_secret WHERE account = ?1 AND retires_at IS NULL)",
        )?
        .query_row([account.number()], |row| row.get(0))?;
    if present { Ok(()) } else { insert(work.connection, vault, account) }
}

/// Puts a new secret in place of the present one, which retires at `overlap_until`; forgets what has retired.
pub(super) fn replace(
    work: &mut Work<'_>,
    vault: &Vault,
    now: Timestamp,
    account: AccountId,
    overlap_until: Timestamp,
) -> Result<(), Fault> {
    let connection = work.connection;
    connection
        .prepare_cached(
            "UPDATE signing_secret SET retires_at = ?2 WHERE account = ?1 AND retires_at IS NULL",
        )?
        .execute(params![account.number(), overlap_until.as_millis()])?;
    insert(connection, vault, account)?;
    connection
        .prepare_cached("DELETE FROM signing_secret WHERE account = ?1 AND retires_at <= ?2")?
        .execute(params![account.number(), now.as_millis()])?;
    Ok(())
}

fn insert(connection: &Connection, vault: &Vault, account: AccountId) -> Result<(), Fault> {
    let sealed = make(connection, vault, account)?;
    connection
        .prepare_cached(
            "INSERT INTO signing_secret (account, number, sealed)
             SELECT ?1, coalesce(max(number), 0) + 1, ?2 FROM signing_secret WHERE account = ?1",
        )?
        .execute(params![account.number(), sealed])?;
    Ok(())
}
