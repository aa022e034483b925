//! Accounts at a glance.

use std::collections::HashMap;

use ringback_delivery::{AccountId, Sequence, Standing, Timestamp};

use super::fault::Fault;
use super::link::{Link, args};
use super::{history, lane, rows, standing};
use crate::credentials::next_of;
use crate::{AccountSummary, Counts, Reach, Tally};

/// Accounts that one call gives, whatever was asked for.
const MOST: usize = 1000;
/// How much of the queue's head is looked through for what is not overtaken.
const OVERTAKEN: i64 = 1000;

/// One account.
pub(super) async fn account(link: &Link, account: AccountId) -> Result<AccountSummary, Fault> {
    let glance = glances(link, &[account]).await?.pop();
    let (glance, head) = glance.unwrap_or((AccountSummary::untouched(account), None));
    complete(link, glance, head).await
}

async fn complete(
    link: &Link,
    glance: AccountSummary,
    head: Option<Sequence>,
) -> Result<AccountSummary, Fault> {
    let last_attempt = match head {
        Some(sequence) => history::last(link, glance.account, sequence).await?,
        None => None,
    };
    let (shard, number) = rows::key(glance.account);
    let registered = link
        .maybe(
            "SELECT registered_at FROM ringback.registration
             WHERE shard = $1 AND account = $2 AND sealed IS NOT NULL",
            args![INT2 shard, INT8 number],
        )
        .await?;
    let registered_at = registered.map(|row| rows::optional_moment(&row, 0)).transpose()?.flatten();
    Ok(AccountSummary { last_attempt, registered_at, ..glance })
}

type Glance = (AccountSummary, Option<Sequence>);

/// Accounts, in the order asked for, without their last attempts and the times of their registrations: what
/// is cheap; and with each the message that has waited the longest.
pub(super) async fn glances(link: &Link, accounts: &[AccountId]) -> Result<Vec<Glance>, Fault> {
    let standings: HashMap<AccountId, Standing> =
        standing::read_all(link, accounts).await?.into_iter().collect();
    let lanes = lane::read_all(link, accounts).await?;
    let mut found = Vec::new();
    for account in accounts {
        let standing = standings.get(account).copied().unwrap_or_default();
        let (record, ended) = lanes.get(account).copied().unwrap_or_default();
        let accepted = standing.last_sequence.0;
        let pending = accepted.saturating_sub(lane::finished(&ended));
        let counts = Counts { accepted, pending, ..ended };
        found.push((*account, standing, record, counts));
    }
    let waiting: Vec<(AccountId, Standing)> = found
        .iter()
        .filter(|(.., counts)| counts.pending > 0)
        .map(|(account, standing, ..)| (*account, *standing))
        .collect();
    let heads = heads(link, &waiting).await?;
    let glances = found.into_iter().map(|(account, standing, lane, counts)| {
        let head = heads.get(&account).copied();
        let glance = AccountSummary {
            account,
            standing,
            lane,
            counts,
            oldest_pending: head.map(|(_, accepted_at)| accepted_at),
            last_attempt: None,
            registered_at: None,
        };
        (glance, head.map(|(sequence, _)| sequence))
    });
    Ok(glances.collect())
}

/// Accounts within reach, by number, behind `after`.
pub(super) async fn accounts(
    link: &Link,
    reach: &Reach,
    after: Option<AccountId>,
    limit: usize,
) -> Result<Vec<AccountSummary>, Fault> {
    let wanted = numbered(link, reach, after, limit.min(MOST)).await?;
    let mut summaries = Vec::with_capacity(wanted.len());
    for (glance, head) in glances(link, &wanted).await? {
        summaries.push(complete(link, glance, head).await?);
    }
    Ok(summaries)
}

/// The numbers of accounts within reach, in order, behind `after`: of all, those that have a row or that a credential names.
pub(super) async fn numbered(
    link: &Link,
    reach: &Reach,
    after: Option<AccountId>,
    limit: usize,
) -> Result<Vec<AccountId>, Fault> {
    if let Reach::Accounts(named) = reach {
        return Ok(next_of(named, after, limit));
    }
    let after = after.map_or(-1, |account| rows::number_column(account.number()));
    let found = link
        .rows(
            "(SELECT account FROM ringback.account WHERE account > $1 ORDER BY account LIMIT $2)
             UNION
             (SELECT DISTINCT account FROM ringback.credential_account WHERE account > $1
              ORDER BY account LIMIT $2)
             ORDER BY account LIMIT $2",
            args![INT8 after, INT8 i64::try_from(limit).unwrap_or(i64::MAX)],
        )
        .await?;
    found.iter().map(|row| rows::account(row, 0)).collect()
}

/// For each: the first in the queue that is not overtaken, and when it was accepted.
async fn heads(
    link: &Link,
    accounts: &[(AccountId, Standing)],
) -> Result<HashMap<AccountId, (Sequence, Timestamp)>, Fault> {
    if accounts.is_empty() {
        return Ok(HashMap::new());
    }
    let Asked { shards, accounts, cancelled, acknowledged, acknowledged_turns } = Asked::of(accounts);
    let found = link
        .rows(
            "SELECT i.account, p.sequence, p.accepted_at
             FROM unnest($1, $2, $3, $4, $5) AS i (shard, account, cancelled, acknowledged, acknowledged_turn)
             CROSS JOIN LATERAL (
                 SELECT q.sequence, q.accepted_at FROM (
                     SELECT p.turn, p.sequence, p.accepted_at FROM ringback.pending p
                     WHERE p.shard = i.shard AND p.account = i.account AND p.turn > i.cancelled
                     ORDER BY p.turn LIMIT $6) q
                 WHERE NOT (q.sequence <= i.acknowledged AND q.turn <= i.acknowledged_turn)
                 ORDER BY q.turn LIMIT 1) p",
            args![
                INT2_ARRAY shards, INT8_ARRAY accounts, INT8_ARRAY cancelled, INT8_ARRAY acknowledged,
                INT8_ARRAY acknowledged_turns, INT8 OVERTAKEN
            ],
        )
        .await?;
    found
        .iter()
        .map(|row| Ok((rows::account(row, 0)?, (Sequence(rows::number(row, 1)?), rows::moment(row, 2)?))))
        .collect()
}

/// When the first message of these accounts that is free to go is due ([`Tally::first_due`]).
pub(super) async fn first_due(
    link: &Link,
    accounts: &[(AccountId, Standing)],
) -> Result<Option<Timestamp>, Fault> {
    if accounts.is_empty() {
        return Ok(None);
    }
    let Asked { shards, accounts, cancelled, acknowledged, acknowledged_turns } = Asked::of(accounts);
    let found = link
        .row(
            "SELECT min(least(tried.due, fresh.accepted_at))
             FROM unnest($1, $2, $3, $4, $5) AS i (shard, account, cancelled, acknowledged, acknowledged_turn)
             CROSS JOIN LATERAL (
                 SELECT min(q.due) AS due FROM (
                     SELECT p.due, p.turn, p.sequence FROM ringback.pending p
                     WHERE p.shard = i.shard AND p.account = i.account AND p.due IS NOT NULL
                     ORDER BY p.due LIMIT $6) q
                 WHERE q.turn > i.cancelled AND NOT (q.sequence <= i.acknowledged AND q.turn <= i.acknowledged_turn)
             ) tried
             CROSS JOIN LATERAL (
                 SELECT min(q.accepted_at) AS accepted_at FROM (
                     SELECT p.turn, p.sequence, p.key, p.due, p.accepted_at FROM ringback.pending p
                     WHERE p.shard = i.shard AND p.account = i.account AND p.turn > i.cancelled
                     ORDER BY p.turn LIMIT $6) q
                 WHERE q.due IS NULL AND NOT (q.sequence <= i.acknowledged AND q.turn <= i.acknowledged_turn)
                     AND (SELECT b.turn FROM ringback.pending b
                         WHERE b.shard = i.shard AND b.account = i.account AND b.key <= q.key
                         AND (b.key, b.turn) > (q.key, i.cancelled) AND (b.key, b.turn) < (q.key, q.turn)
                         ORDER BY b.key, b.turn LIMIT 1) IS NULL
             ) fresh",
            args![
                INT2_ARRAY shards, INT8_ARRAY accounts, INT8_ARRAY cancelled, INT8_ARRAY acknowledged,
                INT8_ARRAY acknowledged_turns, INT8 i64::from(Tally::DUE_LOOKED_AT)
            ],
        )
        .await?;
    rows::optional_moment(&found, 0)
}

/// Accounts and what they decided, as columns.
struct Asked {
    shards: Vec<i16>,
    accounts: Vec<i64>,
    cancelled: Vec<i64>,
    acknowledged: Vec<i64>,
    acknowledged_turns: Vec<i64>,
}

impl Asked {
    fn of(asked: &[(AccountId, Standing)]) -> Self {
        let (shards, accounts) = asked.iter().map(|(account, _)| rows::key(*account)).unzip();
        let column = |of: fn(&Standing) -> u64| {
            asked.iter().map(|(_, standing)| rows::number_column(of(standing))).collect()
        };
        Self {
            shards,
            accounts,
            cancelled: column(|standing| standing.cancelled_through.0),
            acknowledged: column(|standing| standing.acknowledged_through.0),
            acknowledged_turns: column(|standing| standing.acknowledged_turn.0),
        }
    }
}
