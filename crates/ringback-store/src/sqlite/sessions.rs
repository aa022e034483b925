//! Tokens and sessions: kept by their digests, and forgotten in small steps as new ones come.

use ringback_delivery::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::fault::Fault;
use super::rows;
use super::work::Work;
use crate::credentials::Digest;
use crate::{Session, Token};

/// A token that ended so long before a new one will has expired: no token lives longer than this.
const LONGEST_TOKEN_MILLIS: i64 = 24 * 60 * 60 * 1000;
/// How long a session is kept after its last use.
pub(super) const SESSION_KEPT_MILLIS: i64 = 24 * 60 * 60 * 1000;
/// How often a session's use is written.
const TOUCH_MILLIS: i64 = 60 * 1000;
/// How many are forgotten with each new one.
const STEP: u32 = 50;

pub(super) fn issue_token(work: &mut Work<'_>, digest: Digest, token: Token) -> Result<(), Fault> {
    let connection = work.connection;
    let expires_at = token.expires_at.as_millis();
    connection
        .prepare_cached(
            "DELETE FROM token WHERE digest IN
                 (SELECT digest FROM token WHERE expires_at < ?1 ORDER BY expires_at LIMIT ?2)",
        )?
        .execute(params![expires_at.saturating_sub(LONGEST_TOKEN_MILLIS), STEP])?;
    connection
        .prepare_cached("INSERT OR REPLACE INTO token (digest, credential, expires_at) VALUES (?1, ?2, ?3)")?
        .execute(params![digest, token.credential, expires_at])?;
    Ok(())
}

pub(super) fn token(connection: &Connection, digest: Digest) -> Result<Option<Token>, Fault> {
    let found = connection
        .prepare_cached("SELECT credential, expires_at FROM token WHERE digest = ?1")?
        .query_row([digest], |row| Ok(Token { credential: row.get(0)?, expires_at: rows::moment(row, 1)? }))
        .optional()?;
    Ok(found)
}

pub(super) fn revoke_token(work: &mut Work<'_>, digest: Digest, credential: i64) -> Result<(), Fault> {
    work.connection
        .prepare_cached("DELETE FROM token WHERE digest = ?1 AND credential = ?2")?
        .execute(params![digest, credential])?;
    Ok(())
}

pub(super) fn open_session(work: &mut Work<'_>, digest: Digest, session: Session) -> Result<(), Fault> {
    let connection = work.connection;
    let last_used_at = session.last_used_at.as_millis();
    connection
        .prepare_cached(
            "DELETE FROM session WHERE digest IN
                 (SELECT digest FROM session WHERE last_used_at < ?1 ORDER BY last_used_at LIMIT ?2)",
        )?
        .execute(params![last_used_at.saturating_sub(SESSION_KEPT_MILLIS), STEP])?;
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO session (digest, credential, last_used_at) VALUES (?1, ?2, ?3)",
        )?
        .execute(params![digest, session.credential, last_used_at])?;
    Ok(())
}

pub(super) fn session(connection: &Connection, digest: Digest) -> Result<Option<Session>, Fault> {
    let found = connection
        .prepare_cached("SELECT credential, last_used_at FROM session WHERE digest = ?1")?
        .query_row([digest], |row| {
            Ok(Session { credential: row.get(0)?, last_used_at: rows::moment(row, 1)? })
        })
        .optional()?;
    Ok(found)
}

/// Whether the last use that was written is so old that a new one is written.
pub(super) fn is_stale(session: Session, now: Timestamp) -> bool {
    now.as_millis().saturating_sub(session.last_used_at.as_millis()) >= TOUCH_MILLIS
}

pub(super) fn touch_session(work: &mut Work<'_>, now: Timestamp, digest: Digest) -> Result<(), Fault> {
    work.connection
        .prepare_cached("UPDATE session SET last_used_at = max(last_used_at, ?2) WHERE digest = ?1")?
        .execute(params![digest, now.as_millis()])?;
    Ok(())
}

pub(super) fn end_session(work: &mut Work<'_>, digest: Digest, credential: i64) -> Result<(), Fault> {
    work.connection
        .prepare_cached("DELETE FROM session WHERE digest = ?1 AND credential = ?2")?
        .execute(params![digest, credential])?;
    Ok(())
}

/// Ends all tokens and sessions of a credential.
pub(super) fn end_all(connection: &Connection, credential: i64) -> Result<(), Fault> {
    connection.prepare_cached("DELETE FROM token WHERE credential = ?1")?.execute([credential])?;
    connection.prepare_cached("DELETE FROM session WHERE credential = ?1")?.execute([credential])?;
    Ok(())
}
