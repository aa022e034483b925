//! Reading what lanes ask for, many lanes with one statement. Each question is answered from an index, and costs what it
//! gives.

use std::collections::HashMap;

use ringback_delivery::{AccountId, LaneRead, LaneRows, Standing, Turn, Waiting};
use tokio::join;
use tokio_postgres::Row;

use super::fault::Fault;
use super::link::{Link, args};
use super::pending::{WAITING_COLUMNS, waiting, waiting_columns};
use super::pool::{Pool, READING};
use super::standing::{STANDING_COLUMNS, standing, standing_columns};
use super::{lane, rows};
use crate::{Content, Trace};

/// How many messages of a key that was asked for are given at once.
const FOLLOWERS: i64 = 8;

/// What many lanes ask for, as columns.
struct Asked {
    shards: Vec<i16>,
    accounts: Vec<i64>,
    after: Vec<i64>,
    limits: Vec<i64>,
    due_by: Vec<Option<i64>>,
}

/// Answers all, from one snapshot.
pub(super) async fn load(pool: &Pool, reads: &[LaneRead]) -> Result<Vec<LaneRows>, Fault> {
    let mut answers: Vec<LaneRows> = reads.iter().map(empty).collect();
    let at: HashMap<AccountId, usize> =
        reads.iter().enumerate().map(|(at, read)| (read.account, at)).collect();
    let asked = Asked::of(reads);
    let tx = pool.begin_reading().await?;
    let (opened, queued, due, next, followed) = join!(
        open(&tx, reads),
        queue(&tx, &asked),
        due(&tx, &asked),
        next_due(&tx, &asked),
        follow(&tx, reads)
    );
    for (account, standing, record) in opened? {
        if let Some(answer) = at.get(&account).and_then(|at| answers.get_mut(*at)) {
            answer.opening = Some((standing, record));
        }
    }
    // The statements number the lanes from 1, as they were asked.
    for (lane, waiting, before) in queued? {
        if let Some(answer) = answers.get_mut(lane) {
            answer.queue.push((waiting, before));
        }
    }
    for (lane, waiting) in due? {
        if let Some(answer) = answers.get_mut(lane) {
            answer.due.push(waiting);
        }
    }
    for (lane, at) in next? {
        if let Some(answer) = answers.get_mut(lane) {
            answer.next_due = Some(at);
        }
    }
    for (lane, waiting) in followed? {
        if let Some(answer) = answers.get_mut(lane) {
            answer.followers.push(waiting);
        }
    }
    tx.commit().await?;
    for (answer, read) in answers.iter_mut().zip(reads) {
        answer.end = !cut(&mut answer.queue, read.limit);
        answer.more_due = cut(&mut answer.due, read.limit);
        answer.followers.sort_unstable_by_key(|waiting| waiting.turn);
    }
    Ok(answers)
}

impl Asked {
    fn of(reads: &[LaneRead]) -> Self {
        let (shards, accounts) = reads.iter().map(|read| rows::key(read.account)).unzip();
        Self {
            shards,
            accounts,
            after: reads.iter().map(|read| rows::number_column(read.after.0)).collect(),
            limits: reads.iter().map(|read| i64::from(read.limit) + 1).collect(),
            due_by: reads.iter().map(|read| read.due_by.map(|by| by.as_millis())).collect(),
        }
    }
}

fn empty(read: &LaneRead) -> LaneRows {
    LaneRows {
        account: read.account,
        opening: read.opening.then(Default::default),
        queue: Vec::new(),
        end: false,
        due: Vec::new(),
        more_due: false,
        next_due: None,
        followers: Vec::new(),
    }
}

/// Cuts the one off that was read to see whether there are more; whether there are.
fn cut<T>(found: &mut Vec<T>, limit: u32) -> bool {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = found.len() > limit;
    found.truncate(limit);
    more
}

type Opened = (AccountId, Standing, ringback_delivery::LaneRecord);

async fn open(link: &Link, reads: &[LaneRead]) -> Result<Vec<Opened>, Fault> {
    let opening = reads.iter().filter(|read| read.opening).map(|read| rows::key(read.account));
    let (shards, accounts): (Vec<i16>, Vec<i64>) = opening.unzip();
    if shards.is_empty() {
        return Ok(Vec::new());
    }
    let found = link
        .rows(
            concat!(
                "SELECT i.account, a.account IS NOT NULL, ",
                standing_columns!(),
                ", l.successes, l.releases_seen, l.reinstatements_seen, l.health, l.failures, l.since,
                   l.probe_at, l.trouble
                 FROM unnest($1, $2) AS i (shard, account)
                 LEFT JOIN LATERAL (SELECT * FROM ringback.account a
                     WHERE a.shard = i.shard AND a.account = i.account LIMIT 1) a ON true
                 LEFT JOIN LATERAL (SELECT * FROM ringback.lane l
                     WHERE l.shard = i.shard AND l.account = i.account ORDER BY l.version DESC LIMIT 1) l ON true"
            ),
            args![INT2_ARRAY shards, INT8_ARRAY accounts],
        )
        .await?;
    found
        .iter()
        .map(|row| {
            let standing = if row.try_get(1)? { standing(row, 2)? } else { Standing::default() };
            Ok((rows::account(row, 0)?, standing, lane::optional_record(row, 2 + STANDING_COLUMNS)?))
        })
        .collect()
}

/// Which of the lanes a row is for.
fn lane_of(row: &Row) -> Result<usize, Fault> {
    Ok(usize::try_from(row.try_get::<_, i64>(0)? - 1).unwrap_or(usize::MAX))
}

/// What comes before a message with its key is asked for in the order of the keys, though there is one only: whatever the
/// planner takes the table for, only the keys' index has that order. In that of the turns it would walk over all that waits.
async fn queue(link: &Link, asked: &Asked) -> Result<Vec<(usize, Waiting, Option<Turn>)>, Fault> {
    let found = link
        .rows(
            concat!(
                "SELECT i.lane, ",
                waiting_columns!(),
                ", (SELECT b.turn FROM ringback.pending b WHERE b.shard = p.shard AND b.account = p.account
                        AND b.key >= p.key AND (b.key, b.turn) < (p.key, p.turn)
                        ORDER BY b.key DESC, b.turn DESC LIMIT 1)
                 FROM unnest($1, $2, $3, $4) WITH ORDINALITY AS i (shard, account, after, most, lane)
                 CROSS JOIN LATERAL (SELECT * FROM ringback.pending p WHERE p.shard = i.shard
                     AND p.account = i.account AND p.turn > i.after ORDER BY p.turn LIMIT i.most) p
                 ORDER BY i.lane, p.turn"
            ),
            args![
                INT2_ARRAY asked.shards, INT8_ARRAY asked.accounts, INT8_ARRAY asked.after,
                INT8_ARRAY asked.limits
            ],
        )
        .await?;
    found
        .iter()
        .map(|row| {
            let before = row.try_get::<_, Option<i64>>(1 + WAITING_COLUMNS)?;
            Ok((lane_of(row)?, waiting(row, 1)?, before.map(|turn| Turn(turn.cast_unsigned()))))
        })
        .collect()
}

async fn due(link: &Link, asked: &Asked) -> Result<Vec<(usize, Waiting)>, Fault> {
    let found = link
        .rows(
            concat!(
                "SELECT i.lane, ",
                waiting_columns!(),
                " FROM unnest($1, $2, $3, $4) WITH ORDINALITY AS i (shard, account, due_by, most, lane)
                 CROSS JOIN LATERAL (SELECT * FROM ringback.pending p WHERE p.shard = i.shard
                     AND p.account = i.account AND p.due <= i.due_by ORDER BY p.due, p.turn LIMIT i.most) p
                 ORDER BY i.lane, p.due, p.turn"
            ),
            args![
                INT2_ARRAY asked.shards, INT8_ARRAY asked.accounts, INT8_ARRAY asked.due_by,
                INT8_ARRAY asked.limits
            ],
        )
        .await?;
    found.iter().map(|row| Ok((lane_of(row)?, waiting(row, 1)?))).collect()
}

async fn next_due(link: &Link, asked: &Asked) -> Result<Vec<(usize, ringback_delivery::Timestamp)>, Fault> {
    let found = link
        .rows(
            "SELECT i.lane, p.due
             FROM unnest($1, $2, $3) WITH ORDINALITY AS i (shard, account, due_by, lane)
             CROSS JOIN LATERAL (SELECT p.due FROM ringback.pending p WHERE p.shard = i.shard
                 AND p.account = i.account AND p.due > coalesce(i.due_by, -9223372036854775808)
                 ORDER BY p.due LIMIT 1) p",
            args![INT2_ARRAY asked.shards, INT8_ARRAY asked.accounts, INT8_ARRAY asked.due_by],
        )
        .await?;
    found.iter().map(|row| Ok((lane_of(row)?, rows::moment(row, 1)?))).collect()
}

async fn follow(link: &Link, reads: &[LaneRead]) -> Result<Vec<(usize, Waiting)>, Fault> {
    let (mut lanes, mut shards, mut accounts) = (Vec::new(), Vec::new(), Vec::new());
    let (mut keys, mut after) = (Vec::new(), Vec::new());
    for (lane, read) in reads.iter().enumerate() {
        let (shard, account) = rows::key(read.account);
        for (key, behind) in &read.followers {
            lanes.push(i64::try_from(lane).unwrap_or(i64::MAX) + 1);
            shards.push(shard);
            accounts.push(account);
            keys.push(key.0);
            after.push(rows::number_column(behind.0));
        }
    }
    if lanes.is_empty() {
        return Ok(Vec::new());
    }
    let found = link
        .rows(
            concat!(
                "SELECT i.lane, ",
                waiting_columns!(),
                " FROM unnest($1, $2, $3, $4, $5) AS i (lane, shard, account, key, after)
                 CROSS JOIN LATERAL (SELECT * FROM ringback.pending p WHERE p.shard = i.shard
                     AND p.account = i.account AND p.key <= i.key AND (p.key, p.turn) > (i.key, i.after)
                     ORDER BY p.key, p.turn LIMIT $6) p"
            ),
            args![
                INT8_ARRAY lanes, INT2_ARRAY shards, INT8_ARRAY accounts, INT8_ARRAY keys, INT8_ARRAY after,
                INT8 FOLLOWERS
            ],
        )
        .await?;
    found.iter().map(|row| Ok((lane_of(row)?, waiting(row, 1)?))).collect()
}

/// Accounts of these shards with something pending, behind `after`, by shard and number: from one account's first row to
/// the next's, whatever lies between.
pub(super) async fn lanes_waiting(
    link: &Link,
    shards: &[u16],
    after: Option<AccountId>,
    limit: usize,
) -> Result<Vec<AccountId>, Fault> {
    let (first, behind) = after.map_or((-1, -1), rows::key);
    let shards: Vec<i16> =
        shards.iter().map(|shard| rows::shard_column(*shard)).filter(|shard| *shard >= first).collect();
    let found = link
        .rows_in(
            READING,
            "SELECT w.account FROM unnest($1) AS i (shard)
             CROSS JOIN LATERAL (
                 WITH RECURSIVE step AS (
                     (SELECT p.account FROM ringback.pending p WHERE p.shard = i.shard
                          AND p.account > CASE WHEN i.shard = $2 THEN $3 ELSE -1 END ORDER BY p.account LIMIT 1)
                     UNION ALL
                     SELECT (SELECT p.account FROM ringback.pending p
                             WHERE p.shard = i.shard AND p.account > s.account ORDER BY p.account LIMIT 1)
                     FROM step s WHERE s.account IS NOT NULL
                 )
                 SELECT account FROM step WHERE account IS NOT NULL LIMIT $4
             ) w LIMIT $4",
            args![INT2_ARRAY sorted(shards), INT2 first, INT8 behind, INT8 i64::try_from(limit).unwrap_or(i64::MAX)],
        )
        .await?;
    found.iter().map(|row| rows::account(row, 0)).collect()
}

fn sorted(mut shards: Vec<i16>) -> Vec<i16> {
    shards.sort_unstable();
    shards
}

/// What is sent of messages, in their own place or where the retention has put them.
const CONTENTS: &str = "SELECT i.at, coalesce(r.body, k.body), coalesce(r.trace, k.trace)
         FROM unnest($1) WITH ORDINALITY AS i (position, at)
         LEFT JOIN LATERAL (SELECT r.body, r.trace FROM ringback.arrival r
             WHERE r.position = i.position AND i.position > (SELECT cut FROM ringback.tape) LIMIT 1) r ON true
         LEFT JOIN LATERAL (SELECT k.body, k.trace FROM ringback.kept k
             WHERE k.position = i.position AND i.position <= (SELECT cut FROM ringback.tape) LIMIT 1) k ON true";

/// What is sent of the messages at these positions.
pub(super) async fn contents(tx: &Link, positions: &[i64]) -> Result<Vec<Option<Content>>, Fault> {
    contents_of(positions, &tx.rows(CONTENTS, args![INT8_ARRAY positions]).await?)
}

/// The same, in a transaction of its own.
pub(super) async fn contents_alone(pool: &Pool, positions: &[i64]) -> Result<Vec<Option<Content>>, Fault> {
    let link = pool.link().await?;
    contents_of(positions, &link.rows_in(READING, CONTENTS, args![INT8_ARRAY positions]).await?)
}

fn contents_of(positions: &[i64], found: &[Row]) -> Result<Vec<Option<Content>>, Fault> {
    let mut contents = vec![None; positions.len()];
    for row in found {
        let at = usize::try_from(row.try_get::<_, i64>(0)? - 1).unwrap_or(usize::MAX);
        if let Some(place) = contents.get_mut(at)
            && let Some(body) = row.try_get::<_, Option<Vec<u8>>>(1)?
        {
            let trace = row.try_get::<_, Option<&[u8]>>(2)?.and_then(Trace::from_kept);
            *place = Some(Content { body: body.into(), trace });
        }
    }
    Ok(contents)
}
