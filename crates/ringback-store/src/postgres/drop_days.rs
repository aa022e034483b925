//! Dropping partitions that nothing needs any more, and making tomorrow's.
//!
//! To drop one, everybody is locked out for a moment. Where that does not come at once, because a read is under way, it is
//! tried again later ([`BackOff`]): nobody waits in the queue behind it for longer than [`PATIENCE_MILLIS`], nor often.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ringback_delivery::Timestamp;

use super::days::{self, Days};
use super::fault::Fault;
use super::link::args;
use super::pool::{Pool, Tx};

const PATIENCE_MILLIS: u32 = 200;
/// Accounts that are looked at in one transaction.
const PORTION: i64 = 2000;

/// After a read was under way: how long until it is tried again, doubled each time up to the longest.
const FIRST_BACK_OFF: Duration = Duration::from_secs(60);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(3600);

/// How far it has come.
#[derive(Default)]
pub(super) struct Drops {
    back_off: BackOff,
    written: Mutex<Written>,
}

/// The accounts whose last numbers are written down that were only to be read off a day's partition: those up to a key. None
/// can come to be in need of it later, for whatever is accepted lies behind the cut.
#[derive(Clone, Copy)]
struct Written {
    day: i64,
    through: (i16, i64),
}

impl Default for Written {
    fn default() -> Self {
        Self::nobody(i64::MIN)
    }
}

impl Written {
    const fn nobody(day: i64) -> Self {
        Self { day, through: (-1, -1) }
    }

    const fn everybody(day: i64) -> Self {
        Self { day, through: (i16::MAX, i64::MAX) }
    }

    fn is_everybody(&self) -> bool {
        self.through == Self::everybody(self.day).through
    }
}

impl Drops {
    /// Those that were written down of this day's.
    fn written(&self, day: i64) -> Written {
        let written = *self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if written.day == day { written } else { Written::nobody(day) }
    }

    fn wrote(&self, written: Written) {
        *self.written.lock().unwrap_or_else(PoisonError::into_inner) = written;
    }
}

/// When it may be tried again.
#[derive(Default)]
struct BackOff(Mutex<Option<(Timestamp, Duration)>>);

impl BackOff {
    fn holds(&self, now: Timestamp) -> bool {
        self.last().is_some_and(|(failed, wait)| now < failed.after(wait))
    }

    fn failed(&self, now: Timestamp) {
        let mut last = self.last();
        let wait = last.map_or(FIRST_BACK_OFF, |(_, wait)| (wait * 2).min(LONGEST_BACK_OFF));
        *last = Some((now, wait));
    }

    fn is_over(&self) {
        *self.last() = None;
    }

    fn last(&self) -> std::sync::MutexGuard<'_, Option<(Timestamp, Duration)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Does what is to be done; whether something was.
pub(super) async fn tidy(pool: &Pool, days: &Days, drops: &Drops, now: Timestamp) -> Result<bool, Fault> {
    let back_off = &drops.back_off;
    days.make(&*pool.link().await?, days::day(now) + 1).await?;
    if back_off.holds(now) {
        return Ok(false);
    }
    match drop_one(pool, drops, now).await {
        Ok(done) => {
            back_off.is_over();
            if done {
                days.forget();
            }
            Ok(done)
        }
        Err(fault) if fault.is_conflict() => {
            // Somebody is reading there.
            back_off.failed(now);
            Ok(false)
        }
        Err(fault) => Err(fault),
    }
}

async fn drop_one(pool: &Pool, drops: &Drops, now: Timestamp) -> Result<bool, Fault> {
    Ok(drop_a_day(pool, drops, now).await? || drop_a_period(pool, now).await?)
}

/// The oldest day that lies before the cut as a whole, a step at a time.
async fn drop_a_day(pool: &Pool, drops: &Drops, now: Timestamp) -> Result<bool, Fault> {
    let link = pool.link().await?;
    let cut: i64 = link.row("SELECT cut FROM ringback.tape", args![]).await?.try_get(0)?;
    let Some(day) = oldest(&link, "^arrival_[0-9]+$").await? else { return Ok(false) };
    drop(link);
    let behind = days::first_position(day + 1);
    if behind - 1 > cut || day >= days::day(now) {
        return Ok(false);
    }
    // Last numbers that are only to be read off this partition are written down before.
    let written = drops.written(day);
    if !written.is_everybody() {
        let written = write_down(pool, written).await?;
        drops.wrote(written);
        return Ok(true);
    }
    let tx = hasty(pool).await?;
    tx.script(&format!("DROP TABLE ringback.arrival_{day}; DROP TABLE ringback.ending_{day}")).await?;
    tx.commit().await?;
    tracing::info!(day, "dropped a day's partitions");
    Ok(true)
}

/// Writes down the last numbers of the next accounts, in the order of their keys: no account is looked at twice for a day.
async fn write_down(pool: &Pool, before: Written) -> Result<Written, Fault> {
    let (from, behind) = (days::first_position(before.day), days::first_position(before.day + 1));
    let tx = pool.begin().await?;
    let next = tx
        .rows(
            "SELECT shard, account, tail_from >= $3 AND tail_from < $4 FROM ringback.account
             WHERE (shard, account) > ($1, $2) ORDER BY shard, account LIMIT $5",
            args![INT2 before.through.0, INT8 before.through.1, INT8 from, INT8 behind, INT8 PORTION],
        )
        .await?;
    let (mut shards, mut accounts): (Vec<i16>, Vec<i64>) = (Vec::new(), Vec::new());
    for row in &next {
        if row.try_get(2)? {
            shards.push(row.try_get(0)?);
            accounts.push(row.try_get(1)?);
        }
    }
    if !shards.is_empty() {
        let old = args![INT2_ARRAY shards, INT8_ARRAY accounts, INT8 from, INT8 behind];
        tx.run(
            "SELECT 1 FROM unnest($1, $2) AS i (shard, account)
             CROSS JOIN LATERAL (SELECT FROM ringback.account a
                 WHERE a.shard = i.shard AND a.account = i.account FOR NO KEY UPDATE) a",
            &old[..2],
        )
        .await?;
        // A new statement: it sees what was accepted before the rows could be locked.
        tx.run(
            concat!(
                "UPDATE ringback.account a SET base_sequence = ",
                super::standing::last_sequence!(),
                ", tail_from = $4
                 WHERE ctid = ANY (ARRAY(SELECT o.tid FROM unnest($1, $2) AS i (shard, account)
                     CROSS JOIN LATERAL (SELECT o.ctid AS tid FROM ringback.account o WHERE o.shard = i.shard
                         AND o.account = i.account AND o.tail_from >= $3 AND o.tail_from < $4 LIMIT 1) o))"
            ),
            old,
        )
        .await?;
    }
    tx.commit().await?;
    match next.last() {
        Some(last) if i64::try_from(next.len()).is_ok_and(|looked_at| looked_at == PORTION) => {
            Ok(Written { through: (last.try_get(0)?, last.try_get(1)?), ..before })
        }
        _ => Ok(Written::everybody(before.day)),
    }
}

/// The oldest period of idempotency keys, if its keys count no more.
async fn drop_a_period(pool: &Pool, now: Timestamp) -> Result<bool, Fault> {
    let Some(period) = oldest(&*pool.link().await?, "^idempotency_[0-9]+$").await? else { return Ok(false) };
    if period >= days::day(now) - 1 {
        return Ok(false);
    }
    let tx = hasty(pool).await?;
    tx.script(&format!("DROP TABLE ringback.idempotency_{period}")).await?;
    tx.commit().await?;
    Ok(true)
}

async fn hasty(pool: &Pool) -> Result<Tx, Fault> {
    let tx = pool.begin().await?;
    tx.script(&format!("SET LOCAL lock_timeout = {PATIENCE_MILLIS}")).await?;
    Ok(tx)
}

/// The lowest number of the tables whose names are so.
async fn oldest(link: &super::link::Link, name: &str) -> Result<Option<i64>, Fault> {
    let row = link
        .row(
            "SELECT min(substring(c.relname FROM '[0-9]+$')::int8)
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE n.nspname = 'ringback' AND c.relkind = 'r' AND c.relname ~ $1",
            args![TEXT name],
        )
        .await?;
    Ok(row.try_get(0)?)
}
