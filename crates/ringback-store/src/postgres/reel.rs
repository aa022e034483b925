//! An account's own messages by their numbers, for a listener that catches up.

use ringback_delivery::{AccountId, Sequence};

use super::fault::Fault;
use super::link::{Link, args};
use super::{message, rows, standing};
use crate::Reel;

/// Messages that one call gives, whatever was asked for.
const MOST: usize = 2000;

/// The part behind `after`.
pub(super) async fn reel(
    link: &Link,
    account: AccountId,
    after: Sequence,
    limit: usize,
    bytes: usize,
) -> Result<Reel, Fault> {
    let standing = standing::read(link, account).await?.unwrap_or_default();
    let (shard, number) = rows::key(account);
    let first = link
        .row(
            "SELECT least(
                 (SELECT r.sequence FROM ringback.arrival r WHERE r.shard = $1 AND r.account = $2
                      AND r.position > (SELECT cut FROM ringback.tape) ORDER BY r.sequence LIMIT 1),
                 (SELECT k.sequence FROM ringback.kept k WHERE k.shard = $1 AND k.account = $2
                      ORDER BY k.sequence LIMIT 1))",
            args![INT2 shard, INT8 number],
        )
        .await?;
    let first: Option<i64> = first.try_get(0)?;
    let last = standing.last_sequence;
    let found = message::walk_up(link, account, after, last, limit.min(MOST)).await?;
    let mut known = Vec::with_capacity(found.len());
    for (_, row) in found {
        known.push(row.ok_or_else(|| Fault::damaged("a message makes no sense"))?);
    }
    let contents = message::contents(link, &known, bytes).await?;
    known.truncate(contents.len());
    let known: Vec<_> = known.into_iter().map(|row| (row, standing)).collect();
    let messages = message::messages(link, &known).await?;
    let messages =
        messages.into_iter().zip(contents).map(|(message, content)| message.with(content)).collect();
    let first = first.and_then(|first| u64::try_from(first).ok()).unwrap_or(last.0 + 1);
    Ok(Reel { first: Sequence(first), messages, last })
}
