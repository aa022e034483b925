//! Checking the ledger against the rows, and the rows against one another.
//!
//! It goes a few accounts at a time, each portion in one snapshot, so that the counters and the rows agree while messages
//! come and go. What belongs to no account at all comes last.

use ringback_delivery::AccountId;
use tokio_postgres::Row;

use super::fault::Fault;
use super::link::{Link, args};
use super::pool::Pool;
use super::rows;
use super::standing::last_sequence;
use crate::{Counts, Discrepancy, LedgerReport};

/// Accounts in one portion.
const PORTION: i64 = 64;
/// How many discrepancies are told.
const TOLD: usize = 100;

/// Checks everything.
pub(super) async fn verify(pool: &Pool) -> Result<LedgerReport, Fault> {
    let mut report = LedgerReport::default();
    let mut after = (-1_i16, -1_i64);
    loop {
        let tx = pool.begin_long_reading().await?;
        let found = ledgers(&tx, after).await?;
        for row in &found {
            check(row, &mut report)?;
        }
        let last = found.last().map(|row| Ok::<_, Fault>((row.try_get(0)?, row.try_get(1)?))).transpose()?;
        if let Some(last) = last {
            for (query, sentence) in REFERENCES {
                refer(&tx, query, sentence, after, last, &mut report).await?;
            }
            after = last;
        }
        tx.commit().await?;
        if last.is_none() {
            break;
        }
    }
    let tx = pool.begin_long_reading().await?;
    for (query, name) in STRAYS {
        for row in tx.rows(query, args![]).await? {
            let (number, count): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
            let what = format!("{number} has {name} ({count} rows), but no account's row (0 rows)");
            let account = u64::try_from(number).ok().and_then(AccountId::from_number);
            tell(&mut report, account, what);
        }
    }
    tx.commit().await?;
    Ok(report)
}

fn tell(report: &mut LedgerReport, account: Option<AccountId>, what: String) {
    if report.discrepancies.len() < TOLD {
        report.discrepancies.push(Discrepancy { account, what });
    }
}

/// The counters of a portion of accounts beside the numbers of their rows.
async fn ledgers(link: &Link, after: (i16, i64)) -> Result<Vec<Row>, Fault> {
    link.rows(
        concat!(
            "SELECT a.shard, a.account, ",
            last_sequence!(),
            ", a.replays, coalesce(l.delivered, 0), coalesce(l.dead, 0), coalesce(l.cancelled, 0),
                coalesce(l.dropped_delivered, 0), coalesce(l.dropped_dead, 0), coalesce(l.dropped_cancelled, 0),
                m.pending, m.delivered, m.dead, m.cancelled, m.others, m.first, m.last,
                q.places, q.last_turn
             FROM (SELECT * FROM ringback.account a WHERE (a.shard, a.account) > ($1, $2)
                   ORDER BY a.shard, a.account LIMIT $3) a
             LEFT JOIN LATERAL (SELECT * FROM ringback.lane l WHERE l.shard = a.shard AND l.account = a.account
                 ORDER BY l.version DESC LIMIT 1) l ON true
             CROSS JOIN LATERAL (
                 SELECT count(*) FILTER (WHERE s.state IS NULL) AS pending,
                     count(*) FILTER (WHERE s.state = 1) AS delivered,
                     count(*) FILTER (WHERE s.state = 2) AS dead,
                     count(*) FILTER (WHERE s.state = 3) AS cancelled,
                     count(*) FILTER (WHERE s.state NOT IN (1, 2, 3)) AS others,
                     min(s.sequence) AS first, max(s.sequence) AS last
                 FROM (
                     SELECT r.sequence, e.state FROM ringback.arrival r
                     LEFT JOIN ringback.ending e ON e.shard = r.shard AND e.account = r.account
                         AND e.sequence = r.sequence AND e.position = r.position
                     WHERE r.shard = a.shard AND r.account = a.account
                         AND r.position > (SELECT cut FROM ringback.tape)
                     UNION ALL
                     SELECT k.sequence, k.state FROM ringback.kept k
                     WHERE k.shard = a.shard AND k.account = a.account) s) m
             CROSS JOIN LATERAL (
                 SELECT count(*) AS places, max(p.turn) AS last_turn FROM ringback.pending p
                 WHERE p.shard = a.shard AND p.account = a.account) q
             ORDER BY a.shard, a.account"
        ),
        args![INT2 after.0, INT8 after.1, INT8 PORTION],
    )
    .await
}

fn check(row: &Row, report: &mut LedgerReport) -> Result<(), Fault> {
    let number = |column: usize| -> Result<i64, Fault> { Ok(row.try_get(column)?) };
    let account = u64::try_from(number(1)?).ok().and_then(AccountId::from_number);
    let Some(account) = account else {
        let what = format!("an account bears the number {}, but 15 digits are all there are", number(1)?);
        tell(report, None, what);
        return Ok(());
    };
    let shard: i16 = row.try_get(0)?;
    if shard != rows::shard_column(account.shard()) {
        tell(report, Some(account), format!("it lies in shard {shard}, but belongs in {}", account.shard()));
    }
    let (last, replays) = (number(2)?, number(3)?);
    let counted = [number(4)?, number(5)?, number(6)?];
    let dropped = [number(7)?, number(8)?, number(9)?];
    let pending = number(10)?;
    let found = [number(11)?, number(12)?, number(13)?];
    let places = number(17)?;
    for (at, state) in ["delivered", "dead", "cancelled"].into_iter().enumerate() {
        if counted[at] != found[at] {
            let (counted, found) = (counted[at], found[at]);
            let what = format!("the ledger counts {counted} {state} messages, but {found} are kept");
            tell(report, Some(account), what);
        }
    }
    if pending != places {
        let what = format!("{pending} messages are pending, but {places} wait in the queue");
        tell(report, Some(account), what);
    }
    if number(14)? != 0 {
        tell(report, Some(account), format!("{} messages are in no known state", number(14)?));
    }
    let sum = places + counted.iter().sum::<i64>() + dropped.iter().sum::<i64>();
    if last != sum {
        let [delivered, dead, cancelled] = counted;
        let gone = dropped.iter().sum::<i64>();
        let what = format!(
            "{last} messages were accepted, but {sum} are accounted for: {places} pending, {delivered} delivered, \
             {dead} dead, {cancelled} cancelled, and {gone} dropped by the retention"
        );
        tell(report, Some(account), what);
    }
    if let Some(first) = row.try_get::<_, Option<i64>>(15)?.filter(|first| *first < 1) {
        tell(report, Some(account), format!("a message bears the number {first}, but numbers begin at 1"));
    }
    if let Some(highest) = row.try_get::<_, Option<i64>>(16)?.filter(|highest| *highest > last) {
        let what = format!("a message bears the number {highest}, but the last that was given is {last}");
        tell(report, Some(account), what);
    }
    if let Some(turn) = row.try_get::<_, Option<i64>>(18)?.filter(|turn| *turn > last + replays) {
        let given = last + replays;
        let what = format!("a message waits at place {turn}, but the last that was given is {given}");
        tell(report, Some(account), what);
    }
    let count = |number: i64| u64::try_from(number).unwrap_or(0);
    report.accounts += 1;
    report.counts.add(&Counts {
        accepted: count(last),
        pending: count(places),
        delivered: count(counted[0]),
        dead: count(counted[1]),
        cancelled: count(counted[2]),
        dropped_delivered: count(dropped[0]),
        dropped_dead: count(dropped[1]),
        dropped_cancelled: count(dropped[2]),
    });
    Ok(())
}

/// Rows that refer to nothing, by account, with how many and the first: behind one account and up to another.
const REFERENCES: [(&str, &str); 3] = [
    (
        "SELECT p.account, count(*), min(p.turn) FROM ringback.pending p
         WHERE (p.shard, p.account) > ($1, $2) AND (p.shard, p.account) <= ($3, $4)
             AND NOT EXISTS (SELECT FROM ringback.arrival r WHERE r.shard = p.shard AND r.account = p.account
                 AND r.sequence = p.sequence AND r.position = p.position
                 AND r.position > (SELECT cut FROM ringback.tape)
                 AND NOT EXISTS (SELECT FROM ringback.ending e WHERE e.shard = r.shard
                     AND e.account = r.account AND e.sequence = r.sequence AND e.position = r.position))
             AND NOT EXISTS (SELECT FROM ringback.kept k WHERE k.shard = p.shard AND k.account = p.account
                 AND k.sequence = p.sequence AND k.position = p.position AND k.state IS NULL)
         GROUP BY p.account",
        "places in the queue are taken by no message that is pending there; the first is place",
    ),
    (
        "SELECT e.account, count(*), min(e.sequence) FROM ringback.ending e
         WHERE (e.shard, e.account) > ($1, $2) AND (e.shard, e.account) <= ($3, $4)
             AND e.position > (SELECT cut FROM ringback.tape)
             AND NOT EXISTS (SELECT FROM ringback.arrival r WHERE r.shard = e.shard AND r.account = e.account
                 AND r.sequence = e.sequence AND r.position = e.position)
         GROUP BY e.account",
        "messages have an end, but no body; the first is number",
    ),
    (
        "SELECT t.account, count(*), min(t.sequence) FROM ringback.attempt t
         WHERE (t.shard, t.account) > ($1, $2) AND (t.shard, t.account) <= ($3, $4)
             AND NOT EXISTS (SELECT FROM ringback.arrival r WHERE r.shard = t.shard AND r.account = t.account
                 AND r.sequence = t.sequence AND r.position > (SELECT cut FROM ringback.tape))
             AND NOT EXISTS (SELECT FROM ringback.kept k WHERE k.shard = t.shard AND k.account = t.account
                 AND k.sequence = t.sequence)
         GROUP BY t.account",
        "attempts are of no message that is kept; the first is of number",
    ),
];

async fn refer(
    link: &Link,
    query: &'static str,
    sentence: &str,
    after: (i16, i64),
    last: (i16, i64),
    report: &mut LedgerReport,
) -> Result<(), Fault> {
    let found = link.rows(query, args![INT2 after.0, INT8 after.1, INT2 last.0, INT8 last.1]).await?;
    for row in &found {
        let (number, count, first): (i64, i64, i64) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        match u64::try_from(number).ok().and_then(AccountId::from_number) {
            Some(account) => tell(report, Some(account), format!("{count} {sentence} {first}")),
            None => tell(report, None, format!("of {number}: {count} {sentence} {first}")),
        }
    }
    Ok(())
}

macro_rules! strays {
    ($table:literal, $rows:literal) => {
        (
            concat!(
                "SELECT t.account, count(*) FROM ringback.",
                $table,
                " t WHERE NOT EXISTS (SELECT FROM ringback.account a
                      WHERE a.shard = t.shard AND a.account = t.account) GROUP BY t.account ORDER BY 1 LIMIT 100"
            ),
            $rows,
        )
    };
}

const STRAYS: [(&str, &str); 8] = [
    strays!("lane", "a lane"),
    strays!("arrival", "messages"),
    strays!("kept", "messages that were set aside"),
    strays!("ending", "ends of messages"),
    strays!("pending", "places in the queue"),
    strays!("attempt", "attempts"),
    strays!("registration", "a registration"),
    strays!("replay_job", "a replay"),
];
