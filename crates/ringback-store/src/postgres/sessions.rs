//! Tokens and sessions: kept by their digests, and forgotten in small steps as new ones come.

use ringback_delivery::Timestamp;

use super::fault::Fault;
use super::link::{Link, args};
use super::rows;
use crate::credentials::Digest;
use crate::{Session, Token};

/// A token that ended so long before a new one will has expired: no token lives longer than this.
const LONGEST_TOKEN_MILLIS: i64 = 24 * 60 * 60 * 1000;
/// How long a session is kept after its last use.
pub(super) const SESSION_KEPT_MILLIS: i64 = 24 * 60 * 60 * 1000;
/// How often a session's use is written.
const TOUCH_MILLIS: i64 = 60 * 1000;
/// How many are forgotten with each new one.
const STEP: i64 = 50;

pub(super) async fn issue_token(tx: &Link, digest: Digest, token: Token) -> Result<(), Fault> {
    let expires_at = token.expires_at.as_millis();
    tx.run(
        "DELETE FROM ringback.token WHERE digest IN
             (SELECT digest FROM ringback.token WHERE expires_at < $1 ORDER BY expires_at LIMIT $2
              FOR UPDATE SKIP LOCKED)",
        args![INT8 expires_at.saturating_sub(LONGEST_TOKEN_MILLIS), INT8 STEP],
    )
    .await?;
    tx.run(
        "INSERT INTO ringback.token (digest, credential, expires_at) VALUES ($1, $2, $3)
         ON CONFLICT (digest) DO UPDATE SET credential = excluded.credential, expires_at = excluded.expires_at",
        args![BYTEA digest.as_slice(), INT8 token.credential, INT8 expires_at],
    )
    .await?;
    Ok(())
}

pub(super) async fn token(link: &Link, digest: Digest) -> Result<Option<Token>, Fault> {
    let found = link
        .maybe(
            "SELECT credential, expires_at FROM ringback.token WHERE digest = $1",
            args![BYTEA digest.as_slice()],
        )
        .await?;
    found.map(|row| Ok(Token { credential: row.try_get(0)?, expires_at: rows::moment(&row, 1)? })).transpose()
}

pub(super) async fn open_session(tx: &Link, digest: Digest, session: Session) -> Result<(), Fault> {
    let last_used_at = session.last_used_at.as_millis();
    tx.run(
        "DELETE FROM ringback.session WHERE digest IN
             (SELECT digest FROM ringback.session WHERE last_used_at < $1 ORDER BY last_used_at LIMIT $2
              FOR UPDATE SKIP LOCKED)",
        args![INT8 last_used_at.saturating_sub(SESSION_KEPT_MILLIS), INT8 STEP],
    )
    .await?;
    tx.run(
        "INSERT INTO ringback.session (digest, credential, last_used_at) VALUES ($1, $2, $3)
         ON CONFLICT (digest) DO UPDATE
         SET credential = excluded.credential, last_used_at = excluded.last_used_at",
        args![BYTEA digest.as_slice(), INT8 session.credential, INT8 last_used_at],
    )
    .await?;
    Ok(())
}

pub(super) async fn session(link: &Link, digest: Digest) -> Result<Option<Session>, Fault> {
    let found = link
        .maybe(
            "SELECT credential, last_used_at FROM ringback.session WHERE digest = $1",
            args![BYTEA digest.as_slice()],
        )
        .await?;
    found
        .map(|row| Ok(Session { credential: row.try_get(0)?, last_used_at: rows::moment(&row, 1)? }))
        .transpose()
}

/// Whether the last use that was written is so old that a new one is written.
pub(super) fn is_stale(session: Session, now: Timestamp) -> bool {
    now.as_millis().saturating_sub(session.last_used_at.as_millis()) >= TOUCH_MILLIS
}

/// Ends all tokens and sessions of a credential.
pub(super) async fn end_all(tx: &Link, credential: i64) -> Result<(), Fault> {
    tx.run("DELETE FROM ringback.token WHERE credential = $1", args![INT8 credential]).await?;
    tx.run("DELETE FROM ringback.session WHERE credential = $1", args![INT8 credential]).await?;
    Ok(())
}
