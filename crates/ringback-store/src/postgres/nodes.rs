//! The nodes that share the database, as their rows tell.

use super::fault::Fault;
use super::link::{Link, args};
use super::rows;
use crate::Node;

/// Nodes that one call gives.
const MOST: i64 = 200;

/// All of them, by name, then by age. `this` is the number of the one that asks.
pub(super) async fn list(link: &Link, this: i32) -> Result<Vec<Node>, Fault> {
    let found = link
        .rows(
            "SELECT n.node, n.name, n.release, (extract(epoch FROM n.started_at) * 1000)::bigint,
                 (extract(epoch FROM n.beat_at) * 1000)::bigint, n.leased_until > clock_timestamp(), n.leaving,
                 n.listening, (SELECT count(*) FROM ringback.shard s WHERE s.owner = n.node)
             FROM ringback.node n ORDER BY n.name, n.started_at LIMIT $1",
            args![INT8 MOST],
        )
        .await?;
    found
        .iter()
        .map(|row| {
            Ok(Node {
                is_this: row.try_get::<_, i32>(0)? == this,
                name: row.try_get(1)?,
                release: row.try_get(2)?,
                started_at: rows::moment(row, 3)?,
                beat_at: rows::optional_moment(row, 4)?,
                is_alive: row.try_get(5)?,
                is_leaving: row.try_get(6)?,
                is_listening: row.try_get(7)?,
                shards: rows::number(row, 8)?,
            })
        })
        .collect()
}
