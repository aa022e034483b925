//! Rows of accounts that have no row themselves.

use rusqlite::{Connection, OptionalExtension};

use super::account;
use super::findings::Findings;
use crate::sqlite::fault::Fault;

/// A walk over the accounts that a table knows, from one to the next, for each table in turn.
#[derive(Default)]
pub(super) struct Strays {
    table: usize,
    after: Option<i64>,
}

macro_rules! table {
    ($table:literal, $rows:literal) => {
        (
            concat!("SELECT account FROM ", $table, " WHERE account > ?1 ORDER BY account LIMIT 1"),
            concat!("SELECT count(*) FROM ", $table, " WHERE account = ?1"),
            $rows,
        )
    };
}

const TABLES: [(&str, &str, &str); 6] = [
    table!("lane", "a lane"),
    table!("message", "messages"),
    table!("pending", "places in the queue"),
    table!("attempt", "attempts"),
    table!("registration", "a registration"),
    table!("replay_job", "a replay"),
];

impl Strays {
    /// Looks at the next account of the present table; false after the last one of the last.
    pub(super) fn step(&mut self, connection: &Connection, findings: &mut Findings) -> Result<bool, Fault> {
        let Some((next, count, name)) = TABLES.get(self.table) else { return Ok(false) };
        let found: Option<i64> = connection
            .prepare_cached(next)?
            .query_row([self.after.unwrap_or(i64::MIN)], |row| row.get(0))
            .optional()?;
        let Some(number) = found else {
            *self = Self { table: self.table + 1, after: None };
            return Ok(true);
        };
        self.after = Some(number);
        let is_known: bool = connection
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM account WHERE account = ?1)")?
            .query_row([number], |row| row.get(0))?;
        if !is_known {
            let rows_found: u64 = connection.prepare_cached(count)?.query_row([number], |row| row.get(0))?;
            let what = format!("{number} has {name} ({rows_found} rows), but no account's row (0 rows)");
            findings.tell(account::of_number(number), what);
        }
        Ok(true)
    }
}
