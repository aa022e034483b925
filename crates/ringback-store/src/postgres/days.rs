//! Partitions: one for each day of messages, their ends and their names. A missing one is made by whoever needs it.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use ringback_delivery::Timestamp;

use super::fault::Fault;
use super::link::{Link, args};

/// A day in milliseconds; a period of idempotency keys is a day too.
pub(super) const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;
/// The bits of a position behind its milliseconds.
pub(super) const POSITION_BITS: u32 = 20;

/// The day of a moment.
pub(super) fn day(at: Timestamp) -> i64 {
    at.as_millis().div_euclid(DAY_MILLIS)
}

/// The first position of a day.
pub(super) fn first_position(day: i64) -> i64 {
    day.saturating_mul(DAY_MILLIS) << POSITION_BITS
}

/// The last position that a message accepted at this moment or before can have.
pub(super) fn last_position(at: Timestamp) -> i64 {
    ((at.as_millis() + 1) << POSITION_BITS) - 1
}

/// The days whose partitions this node knows to be there.
#[derive(Default)]
pub(super) struct Days(Mutex<BTreeSet<i64>>);

impl Days {
    /// Sees to it that a day's partitions are there.
    pub(super) async fn make(&self, link: &Link, day: i64) -> Result<(), Fault> {
        if self.known().contains(&day) {
            return Ok(());
        }
        link.run("SELECT ringback.make_day_1($1)", args![INT8 day]).await?;
        self.known().insert(day);
        Ok(())
    }

    /// They may have gone.
    pub(super) fn forget(&self) {
        self.known().clear();
    }

    fn known(&self) -> std::sync::MutexGuard<'_, BTreeSet<i64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
