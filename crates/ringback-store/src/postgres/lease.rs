//! Leases: who owns which shard, by the database's clock.
//!
//! A node's lease is its row's `leased_until`, which it renews for all its shards at once; a shard's row says whose it is,
//! and its token grows with every owner. Whatever a node writes as an owner, it writes while it holds its own advisory lock
//! as one of many, and checks the tokens behind that. Whoever takes shards away from a node, and the node itself where it
//! gives some back, holds that lock alone: so what had begun is committed before the shard has a new owner, and what comes
//! later finds another token.

use std::collections::BTreeSet;
use std::time::Duration;

use ringback_delivery::Timestamp;

use super::cursor::Cursor;
use super::fault::Fault;
use super::heard::Heard;
use super::link::{Link, args};
use super::migrate::RELEASE;
use super::pool::{Pool, Tx};
use super::rows;
use super::tenure::Tenure;
use crate::{Beat, Lease};

/// The first number of the nodes' advisory locks; the second is the node's.
pub(super) const LOCK_CLASS: i32 = 0x7269_6e67;

/// What a node says of itself when it joins or renews.
pub(super) struct Word<'a> {
    pub(super) name: &'a str,
    /// How long it holds what it has, from now on.
    pub(super) term: Duration,
    /// Whether it hears of hints.
    pub(super) listening: bool,
    /// Whether it is about to stop, and takes no more.
    pub(super) leaving: bool,
}

/// Joins, or renews. On another server than before the node takes all anew that is its own there: what it knows of its shards may
/// not have come there.
pub(super) async fn beat(
    pool: &Pool,
    tenure: &Tenure,
    word: &Word<'_>,
    cursor: &Cursor,
    heard: &Heard,
) -> Result<Beat, Fault> {
    let tx = pool.begin().await?;
    let server: Option<String> = tx.row("SELECT ringback.timeline_1()", args![]).await?.try_get(0)?;
    let is_another = cursor.is_another(server.as_deref());
    if is_another {
        tracing::warn!("another database server has taken over: this node takes its shards anew");
        tenure.join(tenure.node());
    }
    let renewed = tx
        .run(
            "UPDATE ringback.node SET leased_until = clock_timestamp() + make_interval(secs => $2),
                 beat_at = clock_timestamp(), listening = $3, leaving = $4
             WHERE node = $1 AND ($4 OR NOT leaving)",
            args![
                INT4 tenure.node(), FLOAT8 word.term.as_secs_f64(), BOOL word.listening, BOOL word.leaving
            ],
        )
        .await?;
    let node = if renewed == 1 || word.leaving { tenure.node() } else { join(&tx, word).await? };
    if node != tenure.node() {
        tenure.join(node);
    }
    let (held, taken_anew) = if is_another {
        (Vec::new(), take_anew(&tx, node).await?)
    } else {
        give_back_strangers(&tx, tenure).await?;
        let held = tx
            .rows("SELECT shard, token FROM ringback.shard WHERE owner = $1 ORDER BY shard", args![INT4 node])
            .await?;
        (held.iter().map(lease).collect::<Result<Vec<_>, _>>()?, Vec::new())
    };
    let row = tx
        .row(
            "SELECT count(*), (extract(epoch FROM clock_timestamp()) * 1000)::bigint FROM ringback.node
             WHERE NOT leaving AND leased_until > clock_timestamp()",
            args![],
        )
        .await?;
    let nodes = usize::try_from(row.try_get::<_, i64>(0)?).unwrap_or(1).max(1);
    let now = rows::moment(&row, 1)?;
    tx.commit().await?;
    cursor.meet(server, || heard.forget());
    // What was taken away.
    for lease in tenure.held() {
        if !held.contains(&lease) {
            tenure.let_go(lease.shard);
        }
    }
    for lease in &taken_anew {
        tenure.hold(lease.shard, rows::number_column(lease.token));
    }
    let share = if word.leaving { 0 } else { usize::from(ringback_delivery::SHARDS).div_ceil(nodes) };
    Ok(Beat { held, taken_anew, term: word.term, share, now })
}

/// Claims from itself what is the node's by the database: nobody else comes between, while requests are under way.
async fn take_anew(tx: &Tx, node: i32) -> Result<Vec<Lease>, Fault> {
    alone(tx, node).await?;
    let taken = tx
        .rows(
            "UPDATE ringback.shard SET token = token + 1 WHERE owner = $1 RETURNING shard, token",
            args![INT4 node],
        )
        .await?;
    let taken = taken.iter().map(lease).collect::<Result<Vec<_>, _>>()?;
    forget_news(tx, &taken).await?;
    Ok(taken)
}

/// Whoever takes shards over reads all that waits there: what was told before is told by that.
async fn forget_news(tx: &Tx, taken: &[Lease]) -> Result<(), Fault> {
    let shards: Vec<i16> = taken.iter().map(|lease| rows::shard_column(lease.shard)).collect();
    tx.run("DELETE FROM ringback.news WHERE shard = ANY ($1)", args![INT2_ARRAY shards]).await?;
    Ok(())
}

/// A row of its own for this node; and those of nodes that died long ago go.
async fn join(tx: &Tx, word: &Word<'_>) -> Result<i32, Fault> {
    tx.run(
        "DELETE FROM ringback.node n WHERE leased_until < clock_timestamp() - interval '1 hour'
             AND NOT EXISTS (SELECT FROM ringback.shard s WHERE s.owner = n.node)",
        args![],
    )
    .await?;
    let row = tx
        .row(
            "INSERT INTO ringback.node (node, name, release, started_at, leased_until, beat_at, listening)
             VALUES (nextval('ringback.node_number'), $1, $2, clock_timestamp(),
                     clock_timestamp() + make_interval(secs => $3), clock_timestamp(), $4)
             RETURNING node",
            args![TEXT word.name, TEXT RELEASE, FLOAT8 word.term.as_secs_f64(), BOOL word.listening],
        )
        .await?;
    Ok(row.try_get(0)?)
}

/// What the database says is this node's and the node has let go of, it gives back.
async fn give_back_strangers(tx: &Tx, tenure: &Tenure) -> Result<(), Fault> {
    let held = tenure.held();
    let shards: Vec<i16> = held.iter().map(|lease| rows::shard_column(lease.shard)).collect();
    let strangers = tx
        .rows(
            "SELECT shard FROM ringback.shard WHERE owner = $1 AND NOT (shard = ANY ($2))",
            args![INT4 tenure.node(), INT2_ARRAY shards],
        )
        .await?;
    if strangers.is_empty() {
        return Ok(());
    }
    let strangers = strangers.iter().map(|row| rows::shard(row, 0)).collect::<Result<Vec<_>, _>>()?;
    disown(tx, tenure.node(), &strangers).await
}

/// Takes up to `most` shards that are nobody's, or of nodes whose lease is over.
pub(super) async fn claim(pool: &Pool, tenure: &Tenure, most: usize) -> Result<Vec<Lease>, Fault> {
    let tx = pool.begin().await?;
    let alive = tx
        .maybe(
            "SELECT 1 FROM ringback.node
             WHERE node = $1 AND NOT leaving AND leased_until > clock_timestamp() FOR KEY SHARE",
            args![INT4 tenure.node()],
        )
        .await?;
    if alive.is_none() {
        tx.commit().await?;
        return Ok(Vec::new());
    }
    // Of these nodes nothing comes any more: what had begun is committed, and a renewal waits, and finds what is left.
    let over = tx
        .rows(
            "SELECT node FROM
                 (SELECT node FROM ringback.node WHERE leased_until <= clock_timestamp() AND node <> $1
                  FOR UPDATE SKIP LOCKED) o
             WHERE pg_try_advisory_xact_lock($2, node)",
            args![INT4 tenure.node(), INT4 LOCK_CLASS],
        )
        .await?;
    // Nor of those that have no row any more: their last claim was committed behind their leaving. Whoever owns a shard has
    // joined before, and no number is given twice; so both are read in one statement, and a shard that has another owner
    // by the time that it is locked is left alone.
    let gone = tx
        .rows(
            "SELECT s.owner FROM ringback.shard s
             WHERE s.owner IS NOT NULL AND NOT EXISTS (SELECT FROM ringback.node n WHERE n.node = s.owner)",
            args![],
        )
        .await?;
    let over = over.iter().chain(&gone).map(|row| row.try_get(0)).collect::<Result<BTreeSet<i32>, _>>()?;
    let over: Vec<i32> = over.into_iter().collect();
    let claimed = tx
        .rows(
            "UPDATE ringback.shard s SET owner = $1, token = s.token + 1
             FROM (SELECT shard FROM ringback.shard
                   WHERE owner IS NULL OR owner = ANY ($2)
                   ORDER BY shard LIMIT $3 FOR UPDATE SKIP LOCKED) free
             WHERE s.shard = free.shard
             RETURNING s.shard, s.token",
            args![INT4 tenure.node(), INT4_ARRAY over, INT8 i64::try_from(most).unwrap_or(i64::MAX)],
        )
        .await?;
    let claimed = claimed.iter().map(lease).collect::<Result<Vec<_>, _>>()?;
    forget_news(&tx, &claimed).await?;
    tx.commit().await?;
    for lease in &claimed {
        tenure.hold(lease.shard, rows::number_column(lease.token));
    }
    Ok(claimed)
}

/// Lets shards go.
pub(super) async fn give_back(pool: &Pool, tenure: &Tenure, leases: &[Lease]) -> Result<(), Fault> {
    leases.iter().for_each(|lease| tenure.lose(*lease));
    let shards: Vec<i16> = leases.iter().map(|lease| rows::shard_column(lease.shard)).collect();
    let tokens: Vec<i64> = leases.iter().map(|lease| rows::number_column(lease.token)).collect();
    let tx = pool.begin().await?;
    alone(&tx, tenure.node()).await?;
    tx.run(
        "UPDATE ringback.shard s SET owner = NULL FROM unnest($2, $3) AS i (shard, token)
         WHERE s.shard = i.shard AND s.token = i.token AND s.owner = $1",
        args![INT4 tenure.node(), INT2_ARRAY shards, INT8_ARRAY tokens],
    )
    .await?;
    tx.commit().await
}

/// Lets everything go, and the node's row too.
pub(super) async fn leave(pool: &Pool, tenure: &Tenure) -> Result<(), Fault> {
    let node = tenure.node();
    tenure.join(0);
    if node == 0 {
        return Ok(());
    }
    let tx = pool.begin().await?;
    alone(&tx, node).await?;
    tx.run("UPDATE ringback.shard SET owner = NULL WHERE owner = $1", args![INT4 node]).await?;
    tx.run("DELETE FROM ringback.node WHERE node = $1", args![INT4 node]).await?;
    tx.commit().await
}

/// Lets shards go that are the node's by whatever token.
async fn disown(tx: &Tx, node: i32, shards: &[u16]) -> Result<(), Fault> {
    let shards: Vec<i16> = shards.iter().map(|shard| rows::shard_column(*shard)).collect();
    alone(tx, node).await?;
    tx.run(
        "UPDATE ringback.shard SET owner = NULL WHERE owner = $1 AND shard = ANY ($2)",
        args![INT4 node, INT2_ARRAY shards],
    )
    .await?;
    Ok(())
}

/// Waits until nothing that the node writes as an owner is under way, and lets nothing begin.
async fn alone(link: &Link, node: i32) -> Result<(), Fault> {
    link.run("SELECT pg_advisory_xact_lock($1, $2)", args![INT4 LOCK_CLASS, INT4 node]).await?;
    Ok(())
}

fn lease(row: &tokio_postgres::Row) -> Result<Lease, Fault> {
    Ok(Lease { shard: rows::shard(row, 0)?, token: rows::number(row, 1)? })
}

/// The database's time.
pub(super) async fn now(link: &Link) -> Result<Timestamp, Fault> {
    let row = link.row("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint", args![]).await?;
    rows::moment(&row, 0)
}
