//! Checking the ledger against the rows, and the rows against one another.
//!
//! It goes account by account. An account's counters and the count of its rows come from one snapshot, so that they agree
//! while messages come and go; what each row refers to is looked up in portions, each a snapshot of its own, so that no
//! read lasts long. Then come the bodies, in the order of their positions, and what belongs to no account at all.

mod account;
mod bodies;
mod findings;
mod rows_of;
mod strays;

use rusqlite::Connection;

use super::SqliteStore;
use super::fault::Fault;
use crate::{LedgerReport, StoreError};
use bodies::{BodyWalk, Table};
use findings::Findings;
use rows_of::RowsOf;
use strays::Strays;

/// Rows that are looked at in one read, and then so many more as the portion that is begun goes on for.
const READ: u64 = 20_000;
/// Rows of a portion.
const PORTION: u64 = 10_000;

/// Checks everything.
pub(super) async fn verify(store: &SqliteStore) -> Result<LedgerReport, StoreError> {
    let mut check = Check::default();
    while !matches!(check.stage, Stage::Done) {
        check = store
            .read(move |connection| {
                let mut walked = 0;
                while walked < READ && !matches!(check.stage, Stage::Done) {
                    walked += check.step(connection)?;
                }
                Ok(check)
            })
            .await?;
    }
    Ok(check.findings.into_report())
}

#[derive(Default)]
struct Check {
    findings: Findings,
    stage: Stage,
}

/// What is to be looked at next.
enum Stage {
    /// The account behind this number.
    Account(Option<i64>),
    /// The rows of the account with this number.
    Rows(i64, RowsOf),
    /// The bodies of a table.
    Bodies(BodyWalk),
    /// What belongs to no account.
    Strays(Strays),
    Done,
}

impl Default for Stage {
    fn default() -> Self {
        Self::Account(None)
    }
}

impl Check {
    /// Looks at a portion; about how many rows it had.
    fn step(&mut self, connection: &Connection) -> Result<u64, Fault> {
        let findings = &mut self.findings;
        let (walked, next) = match std::mem::replace(&mut self.stage, Stage::Done) {
            Stage::Account(after) => match account::next(connection, after)? {
                None => (0, Stage::Bodies(BodyWalk::new(Table::Tape))),
                Some(number) => match account::of_number(number) {
                    None => {
                        let what =
                            format!("an account bears the number {number}, but 15 digits are all there are");
                        findings.tell(None, what);
                        (0, Stage::Account(Some(number)))
                    }
                    Some(account) => {
                        let walked = account::check(connection, account, findings)?;
                        (walked, Stage::Rows(number, RowsOf::new(account)))
                    }
                },
            },
            Stage::Rows(number, mut rows) => {
                let walked = rows.step(connection)?;
                let is_whole = rows.tell(findings);
                (walked, if is_whole { Stage::Account(Some(number)) } else { Stage::Rows(number, rows) })
            }
            Stage::Bodies(mut bodies) => {
                let walked = bodies.step(connection)?;
                let next = match (bodies.tell(findings), bodies.table()) {
                    (false, _) => Stage::Bodies(bodies),
                    (true, Table::Tape) => Stage::Bodies(BodyWalk::new(Table::SetAside)),
                    (true, Table::SetAside) => {
                        bodies::check_places(connection, findings)?;
                        Stage::Strays(Strays::default())
                    }
                };
                (walked, next)
            }
            Stage::Strays(mut strays) => {
                let more = strays.step(connection, findings)?;
                (0, if more { Stage::Strays(strays) } else { Stage::Done })
            }
            Stage::Done => (0, Stage::Done),
        };
        self.stage = next;
        Ok(walked + 1)
    }
}
