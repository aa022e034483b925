//! What other nodes did with accounts of this node's shards, read several times a second.
//!
//! What was given out is deleted with the next question, so that an answer that was lost comes again. Where the question begins,
//! its [`Cursor`] knows.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use ringback_delivery::{AccountId, Turn};

use super::cursor::{Cursor, Seen};
use super::fault::Fault;
use super::heard::Heard;
use super::link::{Link, args};
use super::pool::{Pool, WRITING};
use super::{rows, standing};
use crate::Tidings;

/// Rows in one answer.
const MOST: i64 = 10_000;

/// What is new for a node.
pub(super) async fn read(pool: &Pool, cursor: &Cursor, heard: &Heard, node: i32) -> Result<Tidings, Fault> {
    let asked = Instant::now();
    let question = cursor.question(asked);
    let link = pool.soon().await?;
    let writers = if question.asks_who_writes { Some(who_writes(&link).await?) } else { None };
    let found = link
        .rows_in(
            WRITING,
            "WITH now AS MATERIALIZED (
                 SELECT ringback.timeline_1() AS server,
                     coalesce(pg_sequence_last_value('ringback.news_id_seq'), 0) AS highest,
                     CASE WHEN $5 THEN EXISTS (SELECT FROM ringback.shard f WHERE f.owner IS NULL)
                         ELSE false END AS shards_are_free),
             heard AS (
                 DELETE FROM ringback.news WHERE id = ANY ($2)
                     AND (SELECT $6 IS NULL OR now.server IS NULL OR now.server = $6 FROM now))
             SELECT n.id, n.account, n.standing, n.turn, now.shards_are_free, now.highest, now.server
             FROM now
             LEFT JOIN (SELECT n.id, n.account, n.standing, n.turn FROM ringback.news n
                 JOIN ringback.shard s ON s.shard = n.shard AND s.owner = $1
                 WHERE n.id > $3 AND NOT (n.id = ANY ($2)) ORDER BY n.id LIMIT $4) n ON true",
            args![
                INT4 node, INT8_ARRAY question.given_out.clone(), INT8 question.behind, INT8 MOST,
                BOOL question.looks_for_shards, TEXT question.server.clone()
            ],
        )
        .await?;
    let mut accepted: BTreeMap<AccountId, Option<Turn>> = BTreeMap::new();
    let mut changed = BTreeSet::new();
    let mut ids = Vec::with_capacity(found.len());
    let mut shards_are_free = false;
    let mut seen =
        Seen { is_whole: found.len() < usize::try_from(MOST).unwrap_or(usize::MAX), ..Seen::default() };
    if let Some(row) = found.first() {
        shards_are_free = row.try_get(4)?;
        (seen.highest, seen.server) = (row.try_get(5)?, row.try_get(6)?);
    }
    for row in &found {
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
    if standings.is_empty() {
        heard.may_come(&accepted).await;
    }
    let counts = cursor.note(&question, asked, ids, &seen, writers, || {
        // The lanes read what they lack up to there.
        for (account, through) in &accepted {
            through.iter().for_each(|through| heard.note(*account, *through));
        }
    });
    if !counts {
        return Ok(Tidings { are_of_another_server: true, ..Tidings::default() });
    }
    let accepted = accepted.into_iter().collect();
    Ok(Tidings { accepted, standings, shards_are_free, are_of_another_server: false })
}

/// The transactions that may be writing news, by names of the database's. They hold the table's lock for longer than their rows are
/// only theirs to see.
async fn who_writes(link: &Link) -> Result<BTreeSet<String>, Fault> {
    let found = link
        .rows(
            "SELECT virtualtransaction FROM pg_locks
             WHERE locktype = 'relation' AND relation = 'ringback.news'::regclass AND granted
                 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                 AND mode IN ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')",
            args![],
        )
        .await?;
    found.iter().map(|row| Ok(row.try_get(0)?)).collect()
}
