//! Forgetting what only counted for a while: idempotency keys, tokens, sessions, failed log-ins.

use ringback_delivery::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::fault::Fault;
use super::retire::Budget;
use super::{idempotency, sessions};

/// How long failed log-ins are counted after the last one.
const LOGINS_KEPT_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// Forgets as much as the step has room for.
pub(super) fn forget(connection: &Connection, now: Timestamp, budget: &mut Budget) -> Result<(), Fault> {
    old_keys(connection, idempotency::oldest_period(now), budget)?;
    let now = now.as_millis();
    let forgotten = [
        (
            "DELETE FROM token WHERE digest IN
                 (SELECT digest FROM token WHERE expires_at < ?1 ORDER BY expires_at LIMIT ?2)",
            now,
        ),
        (
            "DELETE FROM session WHERE digest IN
                 (SELECT digest FROM session WHERE last_used_at < ?1 ORDER BY last_used_at LIMIT ?2)",
            now.saturating_sub(sessions::SESSION_KEPT_MILLIS),
        ),
        (
            "DELETE FROM failed_login WHERE (credential, username) IN
                 (SELECT credential, username FROM failed_login
                  WHERE last_at < ?1 AND coalesce(locked_until, ?1) <= ?1 ORDER BY last_at LIMIT ?2)",
            now.saturating_sub(LOGINS_KEPT_MILLIS),
        ),
    ];
    for (query, before) in forgotten {
        let mut delete = connection.prepare_cached(query)?;
        while !budget.is_spent() {
            let portion = budget.portion();
            let deleted = delete.execute(params![before, portion])?;
            budget.take_rows(deleted);
            if deleted < portion {
                break;
            }
        }
    }
    Ok(())
}

/// Those of periods before this one: a range of keys, up to the last of a portion.
fn old_keys(connection: &Connection, period: i64, budget: &mut Budget) -> Result<(), Fault> {
    while !budget.is_spent() {
        let portion = budget.portion();
        let last = connection
            .prepare_cached(
                "SELECT period, account, key FROM idempotency WHERE period < ?1
                 ORDER BY period, account, key LIMIT 1 OFFSET ?2",
            )?
            .query_row(params![period, portion - 1], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, Vec<u8>>(2)?))
            })
            .optional()?;
        let deleted = match &last {
            Some((period, account, key)) => connection
                .prepare_cached("DELETE FROM idempotency WHERE (period, account, key) <= (?1, ?2, ?3)")?
                .execute(params![period, account, key])?,
            None => {
                connection.prepare_cached("DELETE FROM idempotency WHERE period < ?1")?.execute([period])?
            }
        };
        budget.take_rows(deleted);
        if last.is_none() {
            break;
        }
    }
    Ok(())
}
