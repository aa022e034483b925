//! Recording outcomes, with the lanes' records that they led to: a batch as columns, and one statement.
//!
//! Recording the same thing twice does no harm: who heard that a commit was in doubt records again.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use ringback_delivery::{AccountId, Class, LaneUpdate, Outcome, Sequence, Timestamp, Turn, Verdict};

use super::fault::Fault;
use super::lane::health_columns;
use super::link::{Link, args};
use super::rows;
use crate::{Attempt, Movements, Settled, StoreError, stored};

#[derive(Default)]
struct Settlements {
    shards: Vec<i16>,
    accounts: Vec<i64>,
    turns: Vec<i64>,
    sequences: Vec<i64>,
    attempts: Vec<i32>,
    ends: Vec<i16>,
    deaths: Vec<Option<i16>>,
    dues: Vec<Option<i64>>,
    charged: Vec<Option<i32>>,
    successes: Vec<Option<i64>>,
    statuses: Vec<Option<i32>>,
    started: Vec<Option<i64>>,
    durations: Vec<Option<i64>>,
}

#[derive(Default)]
struct Attempts<'a> {
    of: Vec<i64>,
    numbers: Vec<i32>,
    started: Vec<i64>,
    durations: Vec<i64>,
    outcomes: Vec<i32>,
    errors: Vec<Option<String>>,
    excerpts: Vec<Option<&'a [u8]>>,
}

#[derive(Default)]
struct Lanes {
    shards: Vec<i16>,
    accounts: Vec<i64>,
    successes: Vec<i64>,
    releases: Vec<i64>,
    reinstatements: Vec<i64>,
    healths: Vec<i16>,
    failures: Vec<i64>,
    since: Vec<Option<i64>>,
    probes: Vec<Option<i64>>,
    troubles: Vec<Option<i32>>,
}

/// Records, if this node holds all the shards with these tokens, and on this server: on another one the same places may be other
/// messages'.
pub(super) async fn record(
    link: &Link,
    node: i32,
    server: Option<String>,
    token_of: &(dyn Fn(u16) -> i64 + Send + Sync),
    now: Timestamp,
    settled: &[Settled],
    lanes: &[LaneUpdate],
) -> Result<Movements, Fault> {
    let shards: BTreeSet<u16> = settled
        .iter()
        .map(|settled| settled.settlement.account)
        .chain(lanes.iter().map(|lane| lane.account))
        .map(AccountId::shard)
        .collect();
    let tokens: Vec<i64> = shards.iter().map(|shard| token_of(*shard)).collect();
    let shards: Vec<i16> = shards.into_iter().map(rows::shard_column).collect();
    let (settlements, attempts) = columns(settled);
    let lanes = lane_columns(lanes);
    let nows = vec![now.as_millis(); settlements.shards.len()];
    let row = link
        .row(
            "SELECT * FROM ringback.record_2($1, $2,
                 CASE WHEN coalesce(ringback.timeline_1() <> $35, false) THEN array_fill(0::bigint, ARRAY[cardinality($3)])
                     ELSE $3 END,
                 $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
                 $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34)",
            args![
                INT4 node, INT2_ARRAY shards, INT8_ARRAY tokens,
                INT2_ARRAY settlements.shards, INT8_ARRAY settlements.accounts, INT8_ARRAY settlements.turns,
                INT8_ARRAY settlements.sequences, INT8_ARRAY nows, INT4_ARRAY settlements.attempts,
                INT2_ARRAY settlements.ends, INT2_ARRAY settlements.deaths, INT8_ARRAY settlements.dues,
                INT4_ARRAY settlements.charged, INT8_ARRAY settlements.successes,
                INT4_ARRAY settlements.statuses, INT8_ARRAY settlements.started,
                INT8_ARRAY settlements.durations,
                INT8_ARRAY attempts.of, INT4_ARRAY attempts.numbers, INT8_ARRAY attempts.started,
                INT8_ARRAY attempts.durations, INT4_ARRAY attempts.outcomes, TEXT_ARRAY attempts.errors,
                BYTEA_ARRAY attempts.excerpts,
                INT2_ARRAY lanes.shards, INT8_ARRAY lanes.accounts, INT8_ARRAY lanes.successes,
                INT8_ARRAY lanes.releases, INT8_ARRAY lanes.reinstatements, INT2_ARRAY lanes.healths,
                INT8_ARRAY lanes.failures, INT8_ARRAY lanes.since, INT8_ARRAY lanes.probes,
                INT4_ARRAY lanes.troubles, TEXT server
            ],
        )
        .await?;
    link.settled()?;
    if let Some(refused) = row.try_get::<_, Option<Vec<i16>>>(0)? {
        let refused = refused.into_iter().filter_map(|shard| u16::try_from(shard).ok()).collect();
        return Err(StoreError::NotOwner(refused).into());
    }
    Ok(Movements {
        delivered: rows::number(&row, 1)?,
        dead: rows::number(&row, 2)?,
        cancelled: rows::number(&row, 3)?,
        outcomes: settled.len() as u64,
        ..Movements::default()
    })
}

/// Each message once: a batch that settles one twice means the first end, or else the last wait. A message's attempts are
/// all kept that led to what is recorded.
fn columns(settled: &[Settled]) -> (Settlements, Attempts<'_>) {
    let mut columns = Settlements::default();
    let mut attempts = Attempts::default();
    let mut last: HashMap<(AccountId, Turn, Sequence), usize> = HashMap::new();
    let mut ended = BTreeSet::new();
    for (at, one) in settled.iter().enumerate() {
        let place = (one.settlement.account, one.settlement.turn, one.settlement.sequence);
        if ended.contains(&(place.0, place.1)) {
            continue;
        }
        if !matches!(one.settlement.verdict, Verdict::Retry { .. }) {
            ended.insert((place.0, place.1));
        }
        last.insert(place, at);
    }
    let ordered: BTreeMap<usize, ()> = last.into_values().map(|at| (at, ())).collect();
    for one in ordered.keys().filter_map(|at| settled.get(*at)) {
        columns.push(one);
        if let Some(attempt) = &one.attempt
            && columns.statuses.last() == Some(&None)
        {
            attempts.push(columns.shards.len(), attempt);
        }
    }
    (columns, attempts)
}

impl Settlements {
    fn push(&mut self, settled: &Settled) {
        let one = &settled.settlement;
        let (shard, account) = rows::key(one.account);
        let mut retry = (None, None, None);
        let mut death = None;
        let end = match one.verdict {
            Verdict::Delivered => 1,
            Verdict::Dead(cause) => {
                death = Some(stored::death_number(cause).into());
                2
            }
            Verdict::Cancelled => 3,
            Verdict::Retry { due, charged, successes } => {
                retry = (
                    Some(due.as_millis()),
                    Some(i32::try_from(charged).unwrap_or(i32::MAX)),
                    Some(rows::number_column(successes)),
                );
                0
            }
        };
        let first = settled.attempt.as_ref().filter(|_| end == 1).and_then(first_success);
        self.shards.push(shard);
        self.accounts.push(account);
        self.turns.push(rows::number_column(one.turn.0));
        self.sequences.push(rows::number_column(one.sequence.0));
        self.attempts.push(i32::try_from(one.attempts).unwrap_or(i32::MAX));
        self.ends.push(end);
        self.deaths.push(death);
        self.dues.push(retry.0);
        self.charged.push(retry.1);
        self.successes.push(retry.2);
        self.statuses.push(first.map(|(status, ..)| status));
        self.started.push(first.map(|(_, started, _)| started));
        self.durations.push(first.map(|(.., duration)| duration));
    }
}

impl<'a> Attempts<'a> {
    fn push(&mut self, of: usize, attempt: &'a Attempt) {
        let Some(outcome) = stored::outcome_number(&attempt.outcome) else { return };
        self.of.push(i64::try_from(of).unwrap_or(i64::MAX));
        self.numbers.push(i32::try_from(attempt.number).unwrap_or(i32::MAX));
        self.started.push(attempt.started_at.as_millis());
        self.durations.push(rows::millis(attempt.duration));
        self.outcomes.push(outcome.into());
        // PostgreSQL's text has no zero byte.
        self.errors.push(attempt.error.as_ref().map(|error| error.replace('\0', " ")));
        self.excerpts.push(attempt.excerpt.as_deref());
    }
}

/// A success at the first attempt, which the message's end keeps inline.
fn first_success(attempt: &Attempt) -> Option<(i32, i64, i64)> {
    match attempt {
        Attempt {
            number: 1,
            started_at,
            duration,
            outcome: outcome @ Outcome::Answered { status, .. },
            ..
        } if outcome.class() == Class::Success => {
            Some(((*status).into(), started_at.as_millis(), rows::millis(*duration)))
        }
        _ => None,
    }
}

fn lane_columns(updates: &[LaneUpdate]) -> Lanes {
    let mut columns = Lanes::default();
    let latest: BTreeMap<AccountId, &LaneUpdate> =
        updates.iter().map(|update| (update.account, update)).collect();
    for (account, update) in latest {
        let (shard, number) = rows::key(account);
        let record = &update.record;
        let (health, failures, since, probe_at, trouble) = health_columns(&record.health);
        columns.shards.push(shard);
        columns.accounts.push(number);
        columns.successes.push(rows::number_column(record.successes));
        columns.releases.push(rows::number_column(record.releases_seen));
        columns.reinstatements.push(rows::number_column(record.reinstatements_seen));
        columns.healths.push(health);
        columns.failures.push(failures);
        columns.since.push(since);
        columns.probes.push(probe_at);
        columns.troubles.push(trouble);
    }
    columns
}
