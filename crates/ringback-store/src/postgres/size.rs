//! How large the store is, and how much of that is in use.

use super::days;
use super::fault::Fault;
use super::link::{Link, args};

/// Bytes of the store in the database.
pub(super) async fn bytes(link: &Link) -> Result<u64, Fault> {
    let row = link
        .row(
            "SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE n.nspname = 'ringback' AND c.relkind = 'r'",
            args![],
        )
        .await?;
    super::rows::number(&row, 0)
}

/// Those that are in use: all, but for the part of the tape that lies before the cut. Messages are appended, so that part
/// is told by the place of the first that is behind it.
pub(super) async fn in_use(link: &Link) -> Result<u64, Fault> {
    let all = bytes(link).await?;
    let cut: i64 = link.row("SELECT cut FROM ringback.tape", args![]).await?.try_get(0)?;
    // Its block and its place there; and how many places a block has, by those before it.
    let first = link
        .maybe(
            "SELECT f.tableoid::int8, (f.ctid::text::point)[0], (f.ctid::text::point)[1],
                 (SELECT max((b.ctid::text::point)[1]) FROM (
                      SELECT r.ctid FROM ringback.arrival r WHERE r.position <= f.position
                      ORDER BY r.position DESC LIMIT 300) b)
             FROM (SELECT r.tableoid, r.ctid, r.position FROM ringback.arrival r
                   WHERE r.position > $1 ORDER BY r.position LIMIT 1) f",
            args![INT8 cut],
        )
        .await?;
    let (first_table, blocks_before): (i64, f64) = match first {
        Some(row) => {
            let (block, place, places): (f64, f64, f64) = (row.try_get(1)?, row.try_get(2)?, row.try_get(3)?);
            (row.try_get(0)?, block + (place - 1.0) / places.max(1.0))
        }
        None => (0, 0.0),
    };
    // One that another node has just dropped has no size any more.
    let partitions = link
        .rows(
            "SELECT c.oid::int8, substr(c.relname, 9)::int8, coalesce(pg_total_relation_size(c.oid), 0),
                 coalesce(pg_table_size(c.oid), 0),
                 coalesce(pg_relation_size(c.oid), 0) / current_setting('block_size')::int8
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE n.nspname = 'ringback' AND c.relkind = 'r' AND c.relname ~ '^arrival_[0-9]+$'",
            args![],
        )
        .await?;
    let mut free = 0;
    for row in &partitions {
        let (table, day): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
        let (total, heap, blocks): (i64, i64, i64) = (row.try_get(2)?, row.try_get(3)?, row.try_get(4)?);
        if table == first_table {
            // In proportion: bodies that lie outside of the rows are in their order too.
            free += (heap as f64 * (blocks_before / blocks.max(1) as f64).min(1.0)) as i64;
        } else if days::first_position(day) <= cut {
            free += total;
        }
    }
    Ok(all.saturating_sub(u64::try_from(free).unwrap_or(0)))
}
