//! Forgetting what only counted for a while: tokens, sessions, failed log-ins. (Idempotency keys go with their partition.)

use ringback_delivery::Timestamp;

use super::fault::Fault;
use super::link::{Link, args};
use super::retire::Budget;
use super::sessions;

/// How long failed log-ins are counted after the last one.
const LOGINS_KEPT_MILLIS: i64 = 24 * 60 * 60 * 1000;

/// Forgets as much as the step has room for.
pub(super) async fn forget(tx: &Link, now: Timestamp, budget: &mut Budget) -> Result<(), Fault> {
    let now = now.as_millis();
    let forgotten = [
        (
            "DELETE FROM ringback.token WHERE digest IN
                 (SELECT digest FROM ringback.token WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)",
            now,
        ),
        (
            "DELETE FROM ringback.session WHERE digest IN
                 (SELECT digest FROM ringback.session WHERE last_used_at < $1 ORDER BY last_used_at LIMIT $2)",
            now.saturating_sub(sessions::SESSION_KEPT_MILLIS),
        ),
        (
            "DELETE FROM ringback.failed_login WHERE (credential, username) IN
                 (SELECT credential, username FROM ringback.failed_login
                  WHERE last_at < $1 AND coalesce(locked_until, $1) <= $1 ORDER BY last_at LIMIT $2)",
            now.saturating_sub(LOGINS_KEPT_MILLIS),
        ),
    ];
    for (query, before) in forgotten {
        while !budget.is_spent() {
            let portion = budget.portion();
            let deleted = tx.run(query, args![INT8 before, INT8 portion]).await?;
            budget.take(usize::try_from(deleted).unwrap_or(usize::MAX));
            if deleted < portion.unsigned_abs() {
                break;
            }
        }
    }
    Ok(())
}
