//! What the database tells with a batch of what other nodes take in.

use std::collections::{BTreeSet, HashMap};

use ringback_delivery::OrderingKey;
use tokio_postgres::Row;

use super::columns::Columns;
use super::waiting;
use crate::postgres::fault::Fault;
use crate::postgres::rows;
use crate::{Content, Fresh, Trace};

// `o_what` of the function `accept_5`.
const PLACE_OF_OTHERS: i16 = 6;
const BODY_OF_OTHERS: i16 = 7;
const ACCOUNT_OF_OTHERS: i16 = 8;

/// What the database tells before it answers for the messages.
#[derive(Default)]
pub(super) struct Told {
    pub(super) brought: Vec<Fresh>,
    pub(super) behind: BTreeSet<u16>,
    /// Accounts of whose messages another node has to hear, by their places in the batch.
    pub(super) others: BTreeSet<i32>,
}

impl Told {
    pub(super) fn read(found: &[Row], columns: &Columns<'_>) -> Result<Self, Fault> {
        let mut told = Self::default();
        let (mut places, mut bodies) = (Vec::new(), HashMap::new());
        for row in found {
            let at = i32::try_from(row.try_get::<_, i64>(1)?).unwrap_or(0);
            let account = columns.account(at)?;
            match row.try_get::<_, i16>(0)? {
                PLACE_OF_OTHERS => {
                    let key = row.try_get::<_, Option<i64>>(8)?.map(OrderingKey);
                    let waiting = waiting(row, key, rows::moment(row, 6)?)?;
                    places.push((at, Fresh { account, waiting, content: Content::default(), lane: None }));
                }
                BODY_OF_OTHERS => {
                    bodies.insert((at, row.try_get(2)?), content(row)?);
                }
                ACCOUNT_OF_OTHERS => {
                    if row.try_get(11)? {
                        told.others.insert(at);
                    }
                    if row.try_get(12)? {
                        told.behind.insert(account.shard());
                    }
                }
                _ => return Err(Fault::damaged("the database tells something unknown of a batch")),
            }
        }
        told.brought = with_bodies(places, bodies);
        Ok(told)
    }
}

/// What other nodes took in, in the order of each account's queue. A place whose body did not come is a gap there: what lies
/// behind it is read.
fn with_bodies(mut places: Vec<(i32, Fresh)>, mut bodies: HashMap<(i32, i64), Content>) -> Vec<Fresh> {
    places.sort_unstable_by_key(|(at, fresh)| (*at, fresh.waiting.turn));
    let mut gap = None;
    let whole = places.into_iter().filter_map(|(at, mut fresh)| {
        let content = bodies.remove(&(at, rows::number_column(fresh.waiting.sequence.0)));
        match content {
            Some(content) if gap != Some(at) => fresh.content = content,
            _ => {
                gap = Some(at);
                return None;
            }
        }
        Some(fresh)
    });
    whole.collect()
}

fn content(row: &Row) -> Result<Content, Fault> {
    let body: Vec<u8> = row.try_get(9)?;
    let trace = row.try_get::<_, Option<&[u8]>>(10)?.and_then(Trace::from_kept);
    Ok(Content { body: body.into(), trace })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use ringback_delivery::{AccountId, Sequence, Timestamp, Turn, Waiting};

    use super::*;

    #[test]
    fn what_lies_behind_a_place_without_a_body_is_not_brought_along() {
        let account = AccountId::from_number(1).unwrap();
        let place = |at, turn| {
            let waiting = Waiting {
                turn: Turn(turn),
                sequence: Sequence(turn),
                position: 0,
                key: None,
                accepted_at: Timestamp::from_millis(0),
                born: Timestamp::from_millis(0),
                attempts: 0,
                charged: 0,
                due: None,
                successes: 0,
                replay: false,
            };
            (at, Fresh { account, waiting, content: Content::default(), lane: None })
        };
        let body = |at: i32, sequence: i64| {
            ((at, sequence), Content { body: format!("{at} {sequence}").into_bytes().into(), trace: None })
        };
        let places = vec![place(1, 3), place(0, 2), place(0, 1), place(0, 4), place(0, 3), place(1, 2)];
        let bodies = HashMap::from([body(0, 1), body(0, 2), body(0, 4), body(1, 2), body(1, 3)]);
        let whole = with_bodies(places, bodies);
        let bodies: Vec<&[u8]> = whole.iter().map(|fresh| &*fresh.content.body).collect();
        assert_eq!(bodies, [b"0 1", b"0 2", b"1 2", b"1 3"]);
    }
}
