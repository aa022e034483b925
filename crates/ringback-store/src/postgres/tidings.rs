//! What other nodes did with accounts of this node's shards, read several times a second.
//!
//! What was given out is deleted with the next question, so that an answer that was lost comes again. Rows get their numbers
//! before they are committed, and so become visible out of order, however late: it is looked behind a number only once all
//! have ended that were writing when it was seen. So the dead rows that an old snapshot keeps are not walked over each time.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ringback_delivery::{AccountId, Turn};

use super::fault::Fault;
use super::heard::Heard;
use super::link::args;
use super::pool::{Pool, WRITING};
use super::{rows, standing};
use crate::Tidings;

/// How often it is looked whether shards are nobody's.
const LOOK_FOR_SHARDS: Duration = Duration::from_millis(200);
/// Rows in one answer.
const MOST: i64 = 10_000;

/// See the module.
#[derive(Default)]
pub(super) struct Cursor(Mutex<Place>);

#[derive(Default)]
struct Place {
    given_out: Vec<i64>,
    /// Nothing comes any more with a number up to this one.
    behind: Option<i64>,
    /// The highest number that was seen, with the first transaction that had not begun by then.
    seen: VecDeque<(i64, i64)>,
    looked_for_shards: Option<Instant>,
}

impl Place {
    /// Of the transactions that were seen, all before `ended` have ended, and those from `unbegun` on had not begun.
    fn note(&mut self, given_out: Vec<i64>, ended: i64, unbegun: i64) {
        let highest = given_out.iter().copied().max();
        if highest > self.seen.back().map(|(_, highest)| *highest).or(self.behind) {
            self.seen.extend(highest.map(|highest| (unbegun, highest)));
        }
        while let Some((unbegun, highest)) = self.seen.front().copied()
            && unbegun <= ended
        {
            self.behind = Some(highest);
            self.seen.pop_front();
        }
        self.given_out = given_out;
    }
}

/// What is new for a node.
pub(super) async fn read(pool: &Pool, cursor: &Cursor, heard: &Heard, node: i32) -> Result<Tidings, Fault> {
    let (given_out, behind, look) = {
        let place = cursor.0.lock().unwrap_or_else(PoisonError::into_inner);
        let look = place.looked_for_shards.is_none_or(|looked| looked.elapsed() >= LOOK_FOR_SHARDS);
        (place.given_out.clone(), place.behind.unwrap_or(i64::MIN), look)
    };
    let now = Instant::now();
    let link = pool.soon().await?;
    let found = link
        .rows_in(
            WRITING,
            "WITH heard AS (DELETE FROM ringback.news WHERE id = ANY ($2))
             SELECT n.id, n.account, n.standing, n.turn, pg_snapshot_xmin(now.seen)::text::int8,
                 pg_snapshot_xmax(now.seen)::text::int8,
                 CASE WHEN $5 THEN EXISTS (SELECT FROM ringback.shard f WHERE f.owner IS NULL) ELSE false END
             FROM (SELECT pg_current_snapshot() AS seen) now
             LEFT JOIN (SELECT n.id, n.account, n.standing, n.turn FROM ringback.news n
                 JOIN ringback.shard s ON s.shard = n.shard AND s.owner = $1
                 WHERE n.id > $3 AND NOT (n.id = ANY ($2)) ORDER BY n.id LIMIT $4) n ON true",
            args![INT4 node, INT8_ARRAY given_out, INT8 behind, INT8 MOST, BOOL look],
        )
        .await?;
    let mut accepted: BTreeMap<AccountId, Option<Turn>> = BTreeMap::new();
    let mut changed = BTreeSet::new();
    let mut ids = Vec::with_capacity(found.len());
    let (mut ended, mut unbegun) = (i64::MIN, i64::MAX);
    let mut shards_are_free = false;
    for row in &found {
        (ended, unbegun) = (row.try_get(4)?, row.try_get(5)?);
        shards_are_free = row.try_get(6)?;
        let Some(id) = row.try_get(0)? else { continue };
        ids.push(id);
        let account = rows::account(row, 1)?;
        if row.try_get(2)? {
            changed.insert(account);
            continue;
        }
        // An older release does not say how far.
        let through = row.try_get::<_, Option<i64>>(3)?.and_then(|turn| u64::try_from(turn).ok()).map(Turn);
        let furthest = accepted.entry(account).or_insert(through);
        *furthest = furthest.zip(through).map(|(furthest, through)| furthest.max(through));
    }
    let changed: Vec<_> = changed.into_iter().collect();
    drop(link);
    // Seldom are there any.
    let standings = if changed.is_empty() {
        Vec::new()
    } else {
        let tx = pool.begin_reading_soon().await?;
        let found = standing::read_all(&tx, &changed).await;
        tx.end(found).await?
    };
    if ids.len() >= usize::try_from(MOST).unwrap_or(usize::MAX) {
        // There may be more with low numbers.
        ended = i64::MIN;
    }
    if standings.is_empty() {
        heard.may_come(&accepted).await;
    }
    let mut place = cursor.0.lock().unwrap_or_else(PoisonError::into_inner);
    place.note(ids, ended, unbegun);
    if look {
        place.looked_for_shards = Some(now);
    }
    // The lanes read what they lack up to there.
    for (account, through) in &accepted {
        through.iter().for_each(|through| heard.note(*account, *through));
    }
    Ok(Tidings { accepted: accepted.into_iter().collect(), standings, shards_are_free })
}
