//! Failed log-ins: counted for a credential and what was typed as its user name.

use std::time::Duration;

use ringback_delivery::Timestamp;

use super::credentials::USERNAME;
use super::fault::Fault;
use super::link::{Link, args};
use super::rows;
use crate::Vault;
use crate::credentials::Digest;

/// User names that are counted for a credential. Only one of them is real.
const NAMES: i64 = 1000;

/// One failed log-in.
#[derive(Clone, Copy)]
pub(super) struct Failure {
    pub(super) now: Timestamp,
    pub(super) credential: i64,
    pub(super) username: Digest,
    pub(super) limit: u32,
    pub(super) lock_for: Duration,
}

/// Until when the user name is locked, whether that is over or not.
pub(super) async fn locked_until(
    link: &Link,
    credential: i64,
    username: Digest,
) -> Result<Option<Timestamp>, Fault> {
    let found = link
        .maybe(
            "SELECT locked_until FROM ringback.failed_login WHERE credential = $1 AND username = $2",
            args![INT8 credential, BYTEA username.as_slice()],
        )
        .await?;
    Ok(found.map(|row| rows::optional_moment(&row, 0)).transpose()?.flatten())
}

/// Counts a failure; locks the user name at the limit, and begins to count anew. During a lock nothing is counted.
pub(super) async fn failed(tx: &Link, vault: &Vault, failure: Failure) -> Result<(), Fault> {
    let Failure { now, credential, username, limit, lock_for } = failure;
    if locked_until(tx, credential, username).await?.is_some_and(|until| until > now) {
        return Ok(());
    }
    make_room(tx, vault, failure).await?;
    // One statement, so that of many who fail at once each is counted.
    tx.run(
        "INSERT INTO ringback.failed_login AS f (credential, username, failures, last_at, locked_until)
         VALUES ($1, $2, CASE WHEN $4 <= 1 THEN 0 ELSE 1 END, $3, CASE WHEN $4 <= 1 THEN $5 END)
         ON CONFLICT (credential, username) DO UPDATE SET
             failures = CASE WHEN f.failures + 1 >= $4 THEN 0 ELSE f.failures + 1 END,
             last_at = excluded.last_at,
             locked_until = CASE WHEN f.failures + 1 >= $4 THEN $5 END
         WHERE coalesce(f.locked_until, 0) <= $3",
        args![
            INT8 credential, BYTEA username.as_slice(), INT8 now.as_millis(), INT8 i64::from(limit),
            INT8 now.after(lock_for).as_millis()
        ],
    )
    .await?;
    Ok(())
}

/// Where a new name finds no room, the one that failed longest ago goes; one that is locked last of all, and the real
/// one never, or its lock could be washed away.
async fn make_room(tx: &Link, vault: &Vault, failure: Failure) -> Result<(), Fault> {
    let row = tx
        .row(
            "SELECT count(*), coalesce(bool_or(username = $2), false) FROM ringback.failed_login
             WHERE credential = $1",
            args![INT8 failure.credential, BYTEA failure.username.as_slice()],
        )
        .await?;
    let (others, known): (i64, bool) = (row.try_get(0)?, row.try_get(1)?);
    if known || others < NAMES {
        return Ok(());
    }
    let real = tx
        .maybe("SELECT username FROM ringback.credential WHERE id = $1", args![INT8 failure.credential])
        .await?;
    let real: Option<String> = real.map(|row| row.try_get(0)).transpose()?;
    let real = real.map(|name| vault.digest(USERNAME, &name)).unwrap_or_default();
    tx.run(
        "DELETE FROM ringback.failed_login WHERE credential = $1 AND username =
             (SELECT username FROM ringback.failed_login WHERE credential = $1 AND username <> $2
              ORDER BY coalesce(locked_until, 0) > $3, last_at LIMIT 1)",
        args![INT8 failure.credential, BYTEA real.as_slice(), INT8 failure.now.as_millis()],
    )
    .await?;
    Ok(())
}

/// Forgets those of all user names of a credential.
pub(super) async fn forget_all(tx: &Link, credential: i64) -> Result<(), Fault> {
    tx.run("DELETE FROM ringback.failed_login WHERE credential = $1", args![INT8 credential]).await?;
    Ok(())
}
