//! A batch as columns: its accounts, and its messages.

use std::collections::BTreeMap;

use ringback_delivery::{AccountId, Timestamp};

use crate::content::KEPT_BYTES;
use crate::postgres::days;
use crate::postgres::fault::Fault;
use crate::postgres::heard::Heard;
use crate::postgres::rows;
use crate::{NewMessage, Trace};

#[derive(Default)]
pub(super) struct Columns<'a> {
    pub(super) shards: Vec<i16>,
    pub(super) accounts: Vec<i64>,
    /// The earliest time of the account's messages.
    pub(super) first: Vec<i64>,
    /// How far it was heard of the account's queue.
    pub(super) heard: Vec<Option<i64>>,
    pub(super) at: Vec<i32>,
    /// Which of its account's messages each is.
    pub(super) nth: Vec<i64>,
    pub(super) now: Vec<i64>,
    pub(super) kind: Vec<i16>,
    pub(super) key: Vec<Option<i64>>,
    pub(super) body: Vec<&'a [u8]>,
    pub(super) name: Vec<Option<&'a [u8]>>,
    pub(super) content: Vec<Option<&'a [u8]>>,
    pub(super) period: Vec<i32>,
    pub(super) trace: Vec<Option<[u8; KEPT_BYTES]>>,
}

impl<'a> Columns<'a> {
    /// Whose place this is.
    pub(super) fn account(&self, at: i32) -> Result<AccountId, Fault> {
        let at = usize::try_from(i64::from(at) - 1).unwrap_or(usize::MAX);
        let account = self.accounts.get(at).and_then(|account| u64::try_from(*account).ok());
        let account = account.and_then(AccountId::from_number);
        account.ok_or_else(|| Fault::damaged("the database tells of an account that is not in the batch"))
    }

    pub(super) fn of(messages: &[(Timestamp, &'a NewMessage)], heard: &Heard) -> Self {
        let mut places: BTreeMap<(i16, i64), Place> = BTreeMap::new();
        for (now, message) in messages {
            let place = places.entry(rows::key(message.account)).or_insert(Place {
                at: 0,
                first: i64::MAX,
                so_far: 0,
            });
            place.first = now.as_millis().min(place.first);
        }
        let mut columns = Self::default();
        for (((shard, account), place), at) in places.iter_mut().zip(1..) {
            place.at = at;
            columns.shards.push(*shard);
            columns.accounts.push(*account);
            columns.first.push(place.first);
        }
        columns.heard = heard.of(&columns.accounts);
        for (now, message) in messages {
            let Some(place) = places.get_mut(&rows::key(message.account)) else { continue };
            place.so_far += 1;
            let named = message.idempotency.as_ref();
            columns.at.push(place.at);
            columns.nth.push(place.so_far);
            columns.now.push(now.as_millis());
            columns.kind.push(message.kind.number().into());
            columns.key.push(message.key.map(|key| key.0));
            columns.body.push(&message.content.body);
            columns.name.push(named.map(|named| named.key.as_slice()));
            columns.content.push(named.map(|named| named.message.as_slice()));
            columns.period.push(i32::try_from(days::day(*now)).unwrap_or(i32::MAX));
            columns.trace.push(message.content.trace.map(Trace::to_kept));
        }
        columns
    }
}

/// Where an account is among those of a batch.
struct Place {
    at: i32,
    /// The earliest time of its messages.
    first: i64,
    so_far: i64,
}
