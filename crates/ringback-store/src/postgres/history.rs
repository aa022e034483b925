//! A message's attempts, as they are kept: the rows of `attempt`, and a success at the first one beside the message's end.

use std::time::Duration;

use ringback_delivery::{AccountId, Outcome, Sequence};
use tokio_postgres::Row;

use super::fault::Fault;
use super::link::{Link, args};
use super::rows;
use crate::{Attempt, stored};

/// All of them, the first one first.
pub(super) async fn attempts(
    link: &Link,
    account: AccountId,
    sequence: Sequence,
) -> Result<Vec<Attempt>, Fault> {
    let (shard, number) = rows::key(account);
    let sequence = rows::number_column(sequence.0);
    let found = link
        .rows(
            "SELECT number, started_at, duration, outcome, error, excerpt FROM ringback.attempt
             WHERE shard = $1 AND account = $2 AND sequence = $3
             UNION ALL
             SELECT 1, started_at, duration, status, NULL, NULL FROM ringback.ending
             WHERE shard = $1 AND account = $2 AND sequence = $3 AND status IS NOT NULL
                 AND position > (SELECT cut FROM ringback.tape)
             UNION ALL
             SELECT 1, started_at, duration, status, NULL, NULL FROM ringback.kept
             WHERE shard = $1 AND account = $2 AND sequence = $3 AND status IS NOT NULL
             ORDER BY 1",
            args![INT2 shard, INT8 number, INT8 sequence],
        )
        .await?;
    found.iter().map(attempt).collect()
}

/// The last of them.
pub(super) async fn last(
    link: &Link,
    account: AccountId,
    sequence: Sequence,
) -> Result<Option<Attempt>, Fault> {
    Ok(attempts(link, account, sequence).await?.pop())
}

fn attempt(row: &Row) -> Result<Attempt, Fault> {
    let outcome: Option<Outcome> = u16::try_from(row.try_get::<_, i32>(3)?).ok().and_then(stored::outcome_of);
    Ok(Attempt {
        number: rows::small(row, 0)?,
        started_at: rows::moment(row, 1)?,
        duration: Duration::from_millis(rows::number(row, 2)?),
        outcome: outcome.ok_or_else(|| Fault::damaged("an attempt ended in no known way"))?,
        error: row.try_get(4)?,
        excerpt: row.try_get(5)?,
    })
}
