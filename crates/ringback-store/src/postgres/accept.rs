//! Taking messages in: a batch as columns, one statement, and what it answers.

mod columns;
mod told;

use std::collections::{BTreeMap, BTreeSet};

use ringback_delivery::{AccountId, MessageId, OrderingKey, Sequence, Timestamp, Turn, Waiting};
use tokio_postgres::Row;

use columns::Columns;
use told::Told;

use super::days::{self, Days};
use super::fault::Fault;
use super::heard::Heard;
use super::link::{Link, args};
use super::{repeats, rows};
use crate::content::KEPT_BYTES;
use crate::{Admission, Fresh, Limits, NewMessage, stored};

/// How often a commit is tried again that met somebody else at the same rows.
const TRIES: usize = 5;

/// What a row tells of: `o_what` of the function `accept_5`.
const QUEUED: i16 = 0;
const DUPLICATE: i16 = 1;
const CONFLICT: i16 = 2;
const UNREGISTERED: i16 = 3;
const ACCOUNT_FULL: i16 = 4;
const STORE_FULL: i16 = 5;

/// What a batch came to.
#[derive(Default)]
pub(super) struct Taken {
    /// For each message, in the order in which they were handed in.
    pub(super) admissions: Vec<Admission>,
    /// Those that wait, in that order.
    pub(super) fresh: Vec<Fresh>,
    /// What other nodes took in for these accounts before, where this node delivers for them and had not heard of it.
    pub(super) brought: Vec<Fresh>,
    /// Whether another node has to hear of some.
    pub(super) told: bool,
    /// Shards of theirs that are other nodes', whose callbacks wait there.
    pub(super) behind: BTreeSet<u16>,
}

/// Takes the messages in: in one commit, but for some whose key comes again in the batch.
pub(super) async fn accept(
    link: &Link,
    days: &Days,
    node: i32,
    limits: Limits,
    heard: &Heard,
    messages: &[(Timestamp, &NewMessage)],
) -> Result<Taken, Fault> {
    let repeats = repeats::of(messages);
    if repeats.is_empty() {
        return commit(link, days, node, limits, heard, messages).await;
    }
    let once: Vec<usize> = (0..messages.len()).filter(|at| !repeats.contains_key(at)).collect();
    let batch: Vec<_> = once.iter().map(|at| messages[*at]).collect();
    let mut taken = commit(link, days, node, limits, heard, &batch).await?;
    let mut answers: BTreeMap<usize, Admission> = once.into_iter().zip(taken.admissions).collect();
    for (at, first) in repeats {
        let answered = answers.get(&first).cloned();
        let known = answered.and_then(|answer| repeats::answer(answer, messages[first].1, messages[at].1));
        let answer = match known {
            Some(answer) => Some(answer),
            None => {
                let mut alone = commit(link, days, node, limits, heard, &messages[at..=at]).await?;
                taken.fresh.append(&mut alone.fresh);
                taken.brought.append(&mut alone.brought);
                taken.told |= alone.told;
                taken.behind.append(&mut alone.behind);
                alone.admissions.pop()
            }
        };
        answers.extend(answer.map(|answer| (at, answer)));
    }
    taken.admissions = answers.into_values().collect();
    Ok(taken)
}

/// One commit. It alone is tried again after a conflict: what was committed before it in the batch is there.
async fn commit(
    link: &Link,
    days: &Days,
    node: i32,
    limits: Limits,
    heard: &Heard,
    messages: &[(Timestamp, &NewMessage)],
) -> Result<Taken, Fault> {
    let mut tries = 0;
    loop {
        match try_commit(link, days, node, limits, heard, messages).await {
            Err(fault) if fault.is_conflict() && tries < TRIES => tries += 1,
            taken => return taken,
        }
    }
}

async fn try_commit(
    link: &Link,
    days: &Days,
    node: i32,
    limits: Limits,
    heard: &Heard,
    messages: &[(Timestamp, &NewMessage)],
) -> Result<Taken, Fault> {
    let columns = Columns::of(messages, heard);
    for (now, _) in messages {
        days.make(link, days::day(*now)).await?;
    }
    let found = match take_in(link, node, limits, &columns).await {
        Err(fault) if fault.lacks_partition() => {
            // A partition went that was known, or a position lies in a later day than its message: behind the tape's floor, which a clock
            // that was wrong, here or in what was copied, may have put far ahead.
            days.forget();
            let floor = link.row("SELECT floor >> 20 FROM ringback.tape", args![]).await?;
            let floor = days::day(rows::moment(&floor, 0)?).max(0);
            days.make(link, floor).await?;
            days.make(link, floor + 1).await?;
            for (now, _) in messages {
                days.make(link, days::day(*now)).await?;
                days.make(link, days::day(*now) + 1).await?;
            }
            take_in(link, node, limits, &columns).await?
        }
        found => found?,
    };
    link.settled()?;
    let (told, found) = found.split_at(found.len().saturating_sub(messages.len()));
    if found.len() != messages.len() {
        return Err(Fault::damaged("the database did not answer for every message"));
    }
    let told = Told::read(told, &columns)?;
    let mut taken = Taken { brought: told.brought, behind: told.behind, ..Taken::default() };
    for (((row, (now, message)), ord), at) in found.iter().zip(messages).zip(1..).zip(&columns.at) {
        if row.try_get::<_, i64>(1)? != ord {
            return Err(Fault::damaged("the database did not answer in the messages' order"));
        }
        let what = row.try_get(0)?;
        taken.admissions.push(admission(what, row, *now, message.account)?);
        if what == QUEUED {
            let waiting = waiting(row, message.key, *now)?;
            let content = message.content.clone();
            taken.fresh.push(Fresh { account: message.account, waiting, content, lane: None });
            taken.told |= told.others.contains(at);
        }
    }
    Ok(taken)
}

async fn take_in(link: &Link, node: i32, limits: Limits, columns: &Columns<'_>) -> Result<Vec<Row>, Fault> {
    let (most, most_in_all) =
        (rows::number_column(limits.pending_per_account), rows::number_column(limits.pending_in_all));
    // What none of them has is an empty column.
    let has_traces = columns.trace.iter().any(Option::is_some);
    let traces = columns.trace.iter().filter(|_| has_traces);
    let traces: Vec<Option<&[u8]>> =
        traces.map(|trace| trace.as_ref().map(<[u8; KEPT_BYTES]>::as_slice)).collect();
    let has_keys = columns.name.iter().any(Option::is_some);
    let named =
        if has_keys { (columns.name.as_slice(), columns.content.as_slice()) } else { (&[][..], &[][..]) };
    link.rows(
        "SELECT * FROM ringback.accept_5($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16,
             $17, $18)",
        args![
            INT4 node, INT8 most, INT8 most_in_all, BOOL has_keys,
            INT2_ARRAY columns.shards, INT8_ARRAY columns.accounts, INT8_ARRAY columns.first,
            INT8_ARRAY columns.heard, INT4_ARRAY columns.at, INT8_ARRAY columns.nth, INT8_ARRAY columns.now, INT2_ARRAY columns.kind, INT8_ARRAY columns.key,
            BYTEA_ARRAY columns.body, BYTEA_ARRAY named.0, BYTEA_ARRAY named.1,
            INT4_ARRAY columns.period, BYTEA_ARRAY traces
        ],
    )
    .await
}

fn admission(what: i16, row: &Row, now: Timestamp, account: AccountId) -> Result<Admission, Fault> {
    let id = |accepted_at: Timestamp| -> Result<MessageId, Fault> {
        Ok(MessageId::new(account, Sequence(rows::number(row, 2)?), accepted_at))
    };
    Ok(match what {
        QUEUED => Admission::Queued(id(now)?),
        DUPLICATE => {
            let state = stored::state_of(row.try_get::<_, i16>(7)?.into())
                .ok_or_else(|| Fault::damaged("a message is in no known state"))?;
            Admission::Duplicate(id(rows::moment(row, 6)?)?, state)
        }
        CONFLICT => Admission::Conflict,
        UNREGISTERED => Admission::Unregistered,
        ACCOUNT_FULL => Admission::AccountFull,
        STORE_FULL => Admission::StoreFull,
        _ => return Err(Fault::damaged("a message was taken in no known way")),
    })
}

fn waiting(row: &Row, key: Option<OrderingKey>, accepted_at: Timestamp) -> Result<Waiting, Fault> {
    Ok(Waiting {
        turn: Turn(rows::number(row, 3)?),
        sequence: Sequence(rows::number(row, 2)?),
        position: row.try_get(4)?,
        key,
        accepted_at,
        born: rows::moment(row, 5)?,
        attempts: 0,
        charged: 0,
        due: None,
        successes: 0,
        replay: false,
    })
}
