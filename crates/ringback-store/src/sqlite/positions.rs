//! Positions of bodies: each is given once, for good, so that no row ever refers to another message's body.
//!
//! They are reserved in blocks, in the transaction that first uses one, so that giving one out costs no write. What
//! is left of a block when the store closes is never used.

use rusqlite::Connection;

use super::fault::Fault;

/// Positions in a block.
const BLOCK: i64 = 65_536;

/// The reserved positions that are left.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Positions {
    last: i64,
    through: i64,
}

impl Positions {
    /// The next position.
    pub(super) fn next(&mut self, connection: &Connection) -> Result<i64, Fault> {
        if self.last == self.through {
            let through: i64 = connection
                .prepare_cached(
                    "UPDATE store SET positions_through = positions_through + ?1 RETURNING positions_through",
                )?
                .query_row([BLOCK], |row| row.get(0))?;
            *self = Self { last: through - BLOCK, through };
        }
        self.last += 1;
        Ok(self.last)
    }
}
