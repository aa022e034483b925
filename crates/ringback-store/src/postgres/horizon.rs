//! How long dead rows have been kept for somebody's snapshot: a session's here, a standby's, a replication slot's, a
//! prepared transaction's.
//!
//! Everyone may see up to which transaction each of them looks back; since when, only a role with a grant may, and for
//! standbys and slots nobody can. So each look notes the number of the next transaction, and the age of the oldest
//! snapshot is that of the first note behind its number.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::fault::Fault;
use super::link::{Link, args};

/// Notes at most; when there are more, every second one goes.
const NOTES: usize = 1024;

/// See the module.
#[derive(Default)]
pub(super) struct Horizon(Mutex<Notes>);

#[derive(Default)]
struct Notes(VecDeque<(Instant, i64)>);

impl Horizon {
    /// For how long the oldest snapshot has held, as far as this process has seen.
    pub(super) async fn look(&self, link: &Link) -> Result<Duration, Fault> {
        let now = Instant::now();
        let row = link
            .row(
                "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::int8,
                     (SELECT coalesce(max(age(x.oldest)), 0) FROM (
                          SELECT unnest(ARRAY[backend_xmin, backend_xid]) AS oldest FROM pg_stat_activity
                          WHERE pid <> pg_backend_pid() AND (datname = current_database() OR datname IS NULL)
                          UNION ALL SELECT xmin FROM pg_replication_slots
                          UNION ALL SELECT transaction FROM pg_prepared_xacts WHERE database = current_database()
                      ) x WHERE x.oldest IS NOT NULL)",
                args![],
            )
            .await?;
        let (next, age): (i64, i32) = (row.try_get(0)?, row.try_get(1)?);
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(notes.note(now, next, next - i64::from(age)))
    }
}

impl Notes {
    /// Notes which transaction is `next`, and tells how long ago the `oldest` that matters began.
    fn note(&mut self, now: Instant, next: i64, oldest: i64) -> Duration {
        if self.0.back().is_none_or(|(_, last)| *last < next) {
            self.0.push_back((now, next));
        }
        // What had not begun by then: never asked for again, as the oldest only grows.
        while self.0.front().is_some_and(|(_, next)| *next <= oldest) {
            self.0.pop_front();
        }
        if self.0.len() > NOTES {
            let mut keep = false;
            self.0.retain(|_| {
                keep = !keep;
                keep
            });
        }
        self.0.front().map_or(Duration::ZERO, |(when, _)| now.saturating_duration_since(*when))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_ages_from_the_first_note_behind_it_and_no_longer_counts_when_it_ends() {
        let begun = Instant::now();
        let second = |seconds| begun + Duration::from_secs(seconds);
        let mut notes = Notes::default();
        assert_eq!(notes.note(second(0), 100, 100), Duration::ZERO);
        // Nothing happens: whoever looks back to 100 keeps nothing.
        assert_eq!(notes.note(second(5), 100, 100), Duration::ZERO);
        for at in 2..2 * NOTES as u64 {
            assert_eq!(notes.note(second(5 * at), 100 + at as i64, 100), Duration::from_secs(5 * (at - 2)));
        }
        assert!(notes.0.len() <= NOTES);
        let (last, at) = (100 + 2 * NOTES as i64, 10 * NOTES as u64);
        assert!(notes.note(second(at), last, last - 100) < Duration::from_secs(600));
        assert_eq!(notes.note(second(at), last, last), Duration::ZERO);
    }
}
