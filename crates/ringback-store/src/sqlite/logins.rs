//! Failed log-ins: counted for a credential and what was typed as its user name.

use std::time::Duration;

use ringback_delivery::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::credentials::USERNAME;
use super::fault::Fault;
use super::rows;
use super::work::Work;
use crate::Vault;
use crate::credentials::Digest;

/// User names that are counted for a credential. Only one of them is real.
const NAMES: u32 = 1000;

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
pub(super) fn locked_until(
    connection: &Connection,
    credential: i64,
    username: Digest,
) -> Result<Option<Timestamp>, Fault> {
    let found = connection
        .prepare_cached("SELECT locked_until FROM failed_login WHERE credential = ?1 AND username = ?2")?
        .query_row(params![credential, username], |row| rows::optional_moment(row, 0))
        .optional()?;
    Ok(found.flatten())
}

/// Counts a failure; locks the user name at the limit, and begins to count anew. During a lock nothing is counted.
pub(super) fn failed(work: &mut Work<'_>, vault: &Vault, failure: Failure) -> Result<(), Fault> {
    let Failure { now, credential, username, limit, lock_for } = failure;
    let connection = work.connection;
    if locked_until(connection, credential, username)?.is_some_and(|until| until > now) {
        return Ok(());
    }
    make_room(connection, vault, failure)?;
    let failures: u32 = connection
        .prepare_cached(
            "INSERT INTO failed_login (credential, username, failures, last_at) VALUES (?1, ?2, 1, ?3)
             ON CONFLICT (credential, username) DO UPDATE SET
                 failures = failures + 1, last_at = excluded.last_at, locked_until = NULL
             RETURNING failures",
        )?
        .query_row(params![credential, username, now.as_millis()], |row| row.get(0))?;
    if failures >= limit {
        connection
            .prepare_cached(
                "UPDATE failed_login SET failures = 0, locked_until = ?3
                 WHERE credential = ?1 AND username = ?2",
            )?
            .execute(params![credential, username, now.after(lock_for).as_millis()])?;
    }
    Ok(())
}

/// Where a new name finds no room, the one that failed longest ago goes; one that is locked last of all, and the real
/// one never, or its lock could be washed away.
fn make_room(connection: &Connection, vault: &Vault, failure: Failure) -> Result<(), Fault> {
    let (others, known): (u32, bool) = connection
        .prepare_cached(
            "SELECT count(*), coalesce(max(username = ?2), 0) FROM failed_login WHERE credential = ?1",
        )?
        .query_row(params![failure.credential, failure.username], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if known || others < NAMES {
        return Ok(());
    }
    let real: Option<String> = connection
        .prepare_cached("SELECT username FROM credential WHERE id = ?1")?
        .query_row([failure.credential], |row| row.get(0))
        .optional()?;
    let real = real.map(|name| vault.digest(USERNAME, &name)).unwrap_or_default();
    connection
        .prepare_cached(
            "DELETE FROM failed_login WHERE credential = ?1 AND username =
                 (SELECT username FROM failed_login WHERE credential = ?1 AND username <> ?2
                  ORDER BY coalesce(locked_until, 0) > ?3, last_at LIMIT 1)",
        )?
        .execute(params![failure.credential, real, failure.now.as_millis()])?;
    Ok(())
}

pub(super) fn forget(work: &mut Work<'_>, credential: i64, username: Digest) -> Result<(), Fault> {
    work.connection
        .prepare_cached("DELETE FROM failed_login WHERE credential = ?1 AND username = ?2")?
        .execute(params![credential, username])?;
    Ok(())
}

/// Forgets those of all user names of a credential.
pub(super) fn forget_all(connection: &Connection, credential: i64) -> Result<(), Fault> {
    connection.prepare_cached("DELETE FROM failed_login WHERE credential = ?1")?.execute([credential])?;
    Ok(())
}
