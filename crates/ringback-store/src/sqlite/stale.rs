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

/// The last of the oldest keys before a period that make a portion. The order is that of the table: any other would have
/// each portion read all that is old.
const END_OF_PORTION: &str = "SELECT period, key, account FROM idempotency WHERE period < ?1
     ORDER BY period, key, account LIMIT 1 OFFSET ?2";
const FORGET_PORTION: &str = "DELETE FROM idempotency WHERE (period, key, account) <= (?1, ?2, ?3)";
const FORGET_REST: &str = "DELETE FROM idempotency WHERE period < ?1";

/// Those of periods before this one: a range of keys, up to the last of a portion.
fn old_keys(connection: &Connection, period: i64, budget: &mut Budget) -> Result<(), Fault> {
    while !budget.is_spent() {
        let portion = budget.portion();
        let last = connection
            .prepare_cached(END_OF_PORTION)?
            .query_row(params![period, portion - 1], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?, row.get::<_, i64>(2)?))
            })
            .optional()?;
        let deleted = match &last {
            Some((period, key, account)) => {
                connection.prepare_cached(FORGET_PORTION)?.execute(params![period, key, account])?
            }
            None => connection.prepare_cached(FORGET_REST)?.execute([period])?,
        };
        budget.take_rows(deleted);
        if last.is_none() {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use rusqlite::StatementStatus;

    use super::super::migrate;
    use super::*;

    /// A portion's cost must not grow with what is left: a period holds a day's keys.
    #[test]
    fn a_portion_of_keys_is_a_range_of_the_table() {
        let steps = |keys: i64| {
            let mut connection = Connection::open_in_memory().unwrap();
            migrate::run(&mut connection).unwrap();
            let mut fill =
                connection.prepare("INSERT INTO idempotency VALUES (3, ?1, ?2, x'00', 1, 1)").unwrap();
            for n in 0..keys {
                // The keys' order is not that of the accounts.
                let key = n.wrapping_mul(0x9E37_79B9_7F4A_7C15_u64.cast_signed()).to_be_bytes();
                fill.execute(params![n, key]).unwrap();
            }
            let mut end = connection.prepare(END_OF_PORTION).unwrap();
            let last = end
                .query_row(params![4, 63], |row| {
                    Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?, row.get::<_, i64>(2)?))
                })
                .unwrap();
            let mut forget = connection.prepare(FORGET_PORTION).unwrap();
            assert_eq!(forget.execute(params![last.0, last.1, last.2]).unwrap(), 64);
            [&end, &forget].map(|statement| {
                assert_eq!(statement.get_status(StatementStatus::Sort), 0);
                statement.get_status(StatementStatus::VmStep)
            })
        };
        assert_eq!(steps(1_000), steps(20_000));
    }
}
