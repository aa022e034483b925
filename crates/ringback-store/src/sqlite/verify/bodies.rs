//! The bodies, in the order of their positions: each is its message's.

use rusqlite::{Connection, params};

use super::PORTION;
use super::findings::Findings;
use super::rows_of::{Tally, sum};
use crate::sqlite::fault::Fault;

/// Where bodies are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Table {
    /// Where they were appended.
    Tape,
    /// Where the retention put them.
    SetAside,
}

/// A walk over a table of bodies.
pub(super) struct BodyWalk {
    table: Table,
    through: Option<i64>,
    found: Tally,
}

impl BodyWalk {
    pub(super) fn new(table: Table) -> Self {
        Self { table, through: Some(i64::MIN), found: Tally::default() }
    }

    pub(super) fn table(&self) -> Table {
        self.table
    }

    /// Looks at a portion; how many rows it had.
    pub(super) fn step(&mut self, connection: &Connection) -> Result<u64, Fault> {
        let Some(after) = self.through else { return Ok(0) };
        macro_rules! bodies_of {
            ($table:literal, $kept:literal) => {
                concat!(
                    "SELECT count(*), max(position), sum(is_wrong), min(CASE WHEN is_wrong THEN position END)
                     FROM (SELECT b.position, m.position IS NOT b.position OR m.kept <> ",
                    $kept,
                    " AS is_wrong
                           FROM (SELECT position, account, sequence FROM ",
                    $table,
                    " WHERE position > ?1 ORDER BY position LIMIT ?2) b
                           LEFT JOIN message m ON m.account = b.account AND m.sequence = b.sequence)"
                )
            };
        }
        let query = match self.table {
            Table::Tape => bodies_of!("body", "0"),
            Table::SetAside => bodies_of!("kept_body", "1"),
        };
        let (all, last) = connection.prepare_cached(query)?.query_row(params![after, PORTION], |row| {
            let all: u64 = row.get(0)?;
            self.found.add(all, sum(row, 2)?, row.get(3)?);
            Ok((all, row.get::<_, Option<i64>>(1)?))
        })?;
        self.through = last.filter(|_| all == PORTION);
        Ok(all)
    }

    /// Tells what is wrong once all was looked at; whether it was.
    pub(super) fn tell(&self, findings: &mut Findings) -> bool {
        if self.through.is_some() {
            return false;
        }
        let place = match self.table {
            Table::Tape => "lie where they came in",
            Table::SetAside => "were set aside by the retention",
        };
        let wrong = self.found.sentence(|all, right, first| {
            format!("{all} bodies {place}, but {right} are of a message; the one at position {first} is not")
        });
        if let Some(what) = wrong {
            findings.tell(None, what);
        }
        true
    }
}

/// Checks that new bodies find their positions free, and that those that were set aside come before the others.
pub(super) fn check_places(connection: &Connection, findings: &mut Findings) -> Result<(), Fault> {
    let (given, first, last, aside): (i64, Option<i64>, Option<i64>, Option<i64>) = connection
        .prepare_cached(
            "SELECT positions_through, (SELECT min(position) FROM body), (SELECT max(position) FROM body),
                    (SELECT max(position) FROM kept_body) FROM store",
        )?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
    if let Some(last) = last.max(aside).filter(|last| *last > given) {
        findings.tell(None, format!("a body is at position {last}, but the last that was given is {given}"));
    }
    if let (Some(first), Some(aside)) = (first, aside)
        && aside > first
    {
        let what = format!("a body was set aside from position {aside}, but one still lies at {first}");
        findings.tell(None, what);
    }
    Ok(())
}
