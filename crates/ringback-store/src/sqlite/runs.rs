//! Runs: the parts of an account's queue in which messages are found by their key.
//!
//! An index by key alone has a place of its own for every key, which is on any page: while a hundred thousand messages wait,
//! every commit would write most of that index. So it begins with the *run*, a stretch of the queue. What is accepted and
//! what is done with lie in a few runs, whose pages are few. Who looks for a key looks into each run that has anything. So
//! that these stay few, old runs are put together into one, number 0, in which what waits for long stays.
//!
//! Turns in a run are lower than those in the next, and those in run 0 lower than all others.

use ringback_delivery::{AccountId, OrderingKey, Turn};
use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, params};

use super::fault::Fault;

/// Turns in a run, as a power of two.
const TURNS_BITS: u32 = 13;
/// Runs that an account may have beside run 0.
const MOST: usize = 16;
/// Turns, as a power of two, after which old runs are looked at: who publishes pays for moving twice as many messages as came.
const STEP_BITS: u32 = 7;

/// The run that a message with this turn is accepted into.
pub(super) fn run_of(turn: Turn) -> u64 {
    (turn.0 >> TURNS_BITS) + 1
}

/// The runs of an account in which keys are waiting.
#[derive(Default)]
pub(super) struct Runs(Vec<u64>);

impl Runs {
    /// Finds them: one look for each.
    pub(super) fn of(connection: &Connection, account: AccountId) -> Result<Self, Fault> {
        let mut next = connection.prepare_cached(
            "SELECT run FROM pending INDEXED BY pending_key
             WHERE account = ?1 AND key IS NOT NULL AND run > ?2 ORDER BY run LIMIT 1",
        )?;
        let mut runs = Vec::new();
        let mut last = -1;
        while let Some(run) =
            next.query_row(params![account.number(), last], |row| row.get::<_, i64>(0)).optional()?
        {
            last = run;
            runs.push(run.unsigned_abs());
        }
        Ok(Self(runs))
    }

    /// For finding what waits before a message.
    pub(super) fn before<'c>(
        &self,
        connection: &'c Connection,
        account: AccountId,
    ) -> Result<Before<'_, 'c>, Fault> {
        let last = connection.prepare_cached(
            "SELECT turn FROM pending INDEXED BY pending_key
             WHERE account = ?1 AND run = ?2 AND key = ?3 AND turn < ?4 ORDER BY turn DESC LIMIT 1",
        )?;
        Ok(Before { runs: self, account, last })
    }

    /// What waits with this key behind `after`, `limit` of it at most, in order. `columns` are of `pending`.
    pub(super) fn behind<T>(
        &self,
        connection: &Connection,
        columns: &str,
        (account, key): (AccountId, OrderingKey),
        after: Turn,
        limit: usize,
        read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, Fault> {
        let mut next = connection.prepare_cached(&format!(
            "SELECT {columns} FROM pending INDEXED BY pending_key
             WHERE account = ?1 AND run = ?2 AND key = ?3 AND turn > ?4 ORDER BY turn LIMIT ?5"
        ))?;
        let mut found = Vec::new();
        for run in &self.0 {
            let left = limit - found.len();
            if left == 0 {
                break;
            }
            for row in next.query_map(params![account.number(), run, key.0, after.0, left], &read)? {
                found.push(row?);
            }
        }
        Ok(found)
    }
}

/// Finds what waits before a message of the same account and key.
pub(super) struct Before<'r, 'c> {
    runs: &'r Runs,
    account: AccountId,
    last: CachedStatement<'c>,
}

impl Before<'_, '_> {
    /// The last turn before `turn` that waits with this key.
    pub(super) fn last(&mut self, key: OrderingKey, turn: Turn) -> Result<Option<Turn>, Fault> {
        let Runs(runs) = self.runs;
        for run in runs.iter().rev().filter(|run| **run <= run_of(turn)) {
            let place = params![self.account.number(), run, key.0, turn.0];
            let found = self.last.query_row(place, |row| row.get(0).map(Turn)).optional()?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }
}

/// Puts what waits in the oldest runs of an account into run 0, if it has too many: to be called whenever turns were given
/// out, those behind `before` up to `last`. A few messages go at a time, the first ones first, so that nobody's commit waits
/// for a whole run.
pub(super) fn keep_few(
    connection: &Connection,
    account: AccountId,
    before: Turn,
    last: Turn,
) -> Result<(), Fault> {
    let steps = (last.0 >> STEP_BITS).saturating_sub(before.0 >> STEP_BITS);
    if steps == 0 {
        return Ok(());
    }
    let Runs(runs) = Runs::of(connection, account)?;
    let numbered: Vec<u64> = runs.into_iter().filter(|run| *run != 0).collect();
    let mut left = (steps << STEP_BITS) * 2;
    for run in numbered.iter().take(numbered.len().saturating_sub(MOST)) {
        let first = (run - 1) << TURNS_BITS;
        let moved = connection
            .prepare_cached(
                "UPDATE pending SET run = 0 WHERE account = ?1 AND turn IN (
                     SELECT turn FROM pending
                     WHERE account = ?1 AND turn BETWEEN ?2 AND ?3 AND run = ?4 AND key IS NOT NULL
                     ORDER BY turn LIMIT ?5)",
            )?
            .execute(params![account.number(), first, first + (1 << TURNS_BITS) - 1, run, left])?;
        left = left.saturating_sub(moved as u64);
        if left == 0 {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::sqlite::{SqliteOptions, SqliteStore, connection};

    #[test]
    fn what_waits_with_a_key_is_found_across_runs_and_the_oldest_runs_become_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ringback.db");
        drop(SqliteStore::open(SqliteOptions::server(&path)).unwrap());
        let writer = connection::writer(&path).unwrap();
        let account = AccountId::from_number(7).unwrap();
        let (key, other) = (OrderingKey(-3), OrderingKey(4));
        let in_run = |number: u64| Turn((number << TURNS_BITS) + 5);
        let count = MOST as u64 + 4;
        for number in 0..count {
            let Turn(turn) = in_run(number);
            for (turn, key) in [(turn, key.0), (turn + 1, other.0)] {
                let run = run_of(Turn(turn));
                let insert =
                    "INSERT INTO pending (account, turn, sequence, position, key, accepted_at, born, run)
                    VALUES (7, ?1, ?1, ?1, ?2, 0, 0, ?3)";
                writer.execute(insert, params![turn, key, run]).unwrap();
            }
            keep_few(&writer, account, in_run(number.saturating_sub(1)), in_run(number)).unwrap();
        }

        let runs = Runs::of(&writer, account).unwrap();
        let expected: Vec<u64> = std::iter::once(0).chain(5..=count).collect();
        assert_eq!(runs.0, expected);
        let mut before = runs.before(&writer, account).unwrap();
        for number in 0..count {
            let expected = number.checked_sub(1).map(in_run);
            assert_eq!(before.last(key, in_run(number)).unwrap(), expected, "{number}");
        }
        assert_eq!(before.last(OrderingKey(9), in_run(count)).unwrap(), None);
        let turn = |row: &Row<'_>| row.get(0).map(Turn);
        let behind = |after, limit| runs.behind(&writer, "turn", (account, key), after, limit, turn).unwrap();
        assert_eq!(behind(Turn(0), 6), (0..6).map(in_run).collect::<Vec<_>>());
        assert_eq!(behind(in_run(count - 2), 6), [in_run(count - 1)]);
    }

    #[test]
    fn a_long_run_is_moved_a_little_at_a_time_its_first_messages_first() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ringback.db");
        drop(SqliteStore::open(SqliteOptions::server(&path)).unwrap());
        let writer = connection::writer(&path).unwrap();
        let account = AccountId::from_number(7).unwrap();
        // In all runs but the first one message waits.
        let first = (1..1 << TURNS_BITS).map(Turn);
        let later = (1..=MOST as u64).map(|number| Turn(number << TURNS_BITS));
        for turn in first.chain(later) {
            let insert =
                "INSERT INTO pending (account, turn, sequence, position, key, accepted_at, born, run)
                VALUES (7, ?1, ?1, ?1, ?1 % 3, 0, 0, ?2)";
            writer.execute(insert, params![turn.0, run_of(turn)]).unwrap();
        }
        let moved = || -> (u64, Option<u64>) {
            let query = "SELECT count(*), max(turn) FROM pending WHERE run = 0";
            writer.query_row(query, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
        };
        let mut last = Turn((MOST as u64) << TURNS_BITS);
        let mut publish = |messages| {
            let before = last;
            last = Turn(before.0 + messages);
            keep_few(&writer, account, before, last).unwrap();
        };
        publish(100);
        assert_eq!(moved(), (0, None), "not after each message");
        publish(100);
        assert_eq!(moved(), (256, Some(256)));
        publish(1 << TURNS_BITS);
        assert_eq!(moved().0, (1 << TURNS_BITS) - 1, "all is moved before the next run is full");
        publish(1000);
        assert_eq!(moved().0, (1 << TURNS_BITS) - 1, "and then there are few enough");
        let runs = Runs::of(&writer, account).unwrap();
        assert_eq!(runs.0.len(), MOST + 1);
    }
}
