//! What other nodes did with accounts of this node's shards, read several times a second.
//!
//! What was given out is deleted with the next question, so that an answer that was lost comes again. Rows get their numbers
//! before they are committed, and so may become visible out of order; but none does so long after: it is looked behind the
//! numbers that were seen a while ago only. So the dead rows that an old snapshot keeps are not walked over each time.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::fault::Fault;
use super::link::{Link, args};
use super::{rows, standing};
use crate::Tidings;

/// No transaction that writes news lasts so long.
const LATE: Duration = Duration::from_secs(60);
/// Rows in one answer.
const MOST: i64 = 10_000;

/// See the module.
#[derive(Default)]
pub(super) struct Cursor(Mutex<Place>);

#[derive(Default)]
struct Place {
    given_out: Vec<i64>,
    /// The highest number that was seen by then.
    seen: VecDeque<(Instant, i64)>,
}

impl Place {
    /// Nothing comes any more with a number up to this one.
    fn behind(&mut self) -> i64 {
        while self.seen.get(1).is_some_and(|(when, _)| when.elapsed() > LATE) {
            self.seen.pop_front();
        }
        self.seen.front().filter(|(when, _)| when.elapsed() > LATE).map_or(i64::MIN, |(_, highest)| *highest)
    }

    fn note(&mut self, given_out: Vec<i64>) {
        let before = self.seen.back().map_or(i64::MIN, |(_, highest)| *highest);
        let highest = given_out.iter().copied().max().unwrap_or(before).max(before);
        if highest > before {
            self.seen.push_back((Instant::now(), highest));
        }
        self.given_out = given_out;
    }
}

/// What is new for a node.
pub(super) async fn read(link: &Link, cursor: &Cursor, node: i32) -> Result<Tidings, Fault> {
    let (given_out, behind) = {
        let mut place = cursor.0.lock().unwrap_or_else(PoisonError::into_inner);
        (place.given_out.clone(), place.behind())
    };
    let found = link
        .rows(
            "WITH heard AS (DELETE FROM ringback.news WHERE id = ANY ($2))
             SELECT n.id, n.account, n.standing FROM ringback.news n
             JOIN ringback.shard s ON s.shard = n.shard AND s.owner = $1
             WHERE n.id > $3 AND NOT (n.id = ANY ($2)) ORDER BY n.id LIMIT $4",
            args![INT4 node, INT8_ARRAY given_out, INT8 behind, INT8 MOST],
        )
        .await?;
    let mut accepted = BTreeSet::new();
    let mut changed = BTreeSet::new();
    let mut ids = Vec::with_capacity(found.len());
    for row in &found {
        ids.push(row.try_get(0)?);
        let account = rows::account(row, 1)?;
        if row.try_get(2)? {
            changed.insert(account)
        } else {
            accepted.insert(account)
        };
    }
    let changed: Vec<_> = changed.into_iter().collect();
    let standings = standing::read_all(link, &changed).await?;
    cursor.0.lock().unwrap_or_else(PoisonError::into_inner).note(ids);
    Ok(Tidings { accepted: accepted.into_iter().collect(), standings })
}
