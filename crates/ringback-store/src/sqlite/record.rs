//! Recording outcomes, with the lanes' records that they led to.
//!
//! Recording the same thing twice does no harm: who heard that a commit was in doubt records again.

use std::collections::{BTreeMap, HashMap};

use ringback_delivery::{AccountId, Class, LaneRecord, Outcome, Settlement, Timestamp, Verdict};
use rusqlite::{CachedStatement, Connection, params};

use super::fault::Fault;
use super::job::Record;
use super::settle::{End, FirstSuccess, Settling};
use super::work::Work;
use super::{lane, rows, standing};
use crate::{Attempt, Settled, stored};

/// How many attempts of a message are kept: the last ones.
const ATTEMPTS_KEPT: u32 = 100;

/// Records the outcomes of all the jobs, in their order, and fills the jobs' slots.
pub(super) fn record(work: &mut Work<'_>, jobs: &mut [Record]) -> Result<(), Fault> {
    if jobs.is_empty() {
        return Ok(());
    }
    let mut recording = Recording::new(work.connection)?;
    let mut lanes: BTreeMap<AccountId, LaneRecord> = BTreeMap::new();
    for job in jobs.iter_mut() {
        for settled in &job.settled {
            recording.settle(job.now, settled)?;
        }
        work.counters.moved.outcomes += job.settled.len() as u64;
        lanes.extend(job.lanes.iter().map(|lane| (lane.account, lane.record)));
        job.slot.fill(Ok(()));
    }
    let mut ended = recording.settling.ended(work);
    for (account, record) in lanes {
        let ended = ended.remove(&account).unwrap_or_default();
        lane::write(work.connection, account, &record, ended)?;
    }
    for (account, ended) in ended {
        lane::count(work.connection, account, ended)?;
    }
    Ok(())
}

struct Recording<'c> {
    connection: &'c Connection,
    standings: HashMap<AccountId, ringback_delivery::Standing>,
    settling: Settling<'c>,
    postpone: CachedStatement<'c>,
    count_attempts: CachedStatement<'c>,
    attempt: CachedStatement<'c>,
}

impl<'c> Recording<'c> {
    fn new(connection: &'c Connection) -> Result<Self, Fault> {
        Ok(Self {
            connection,
            standings: HashMap::new(),
            settling: Settling::new(connection)?,
            postpone: connection.prepare_cached(
                "UPDATE pending SET attempts = ?4, charged = ?5, due = ?6, successes = ?7
                 WHERE account = ?1 AND turn = ?2 AND sequence = ?3",
            )?,
            count_attempts: connection
                .prepare_cached("UPDATE message SET attempts = ?3 WHERE account = ?1 AND sequence = ?2")?,
            attempt: connection.prepare_cached(
                "INSERT OR REPLACE INTO attempt
                     (account, sequence, number, started_at, duration, outcome, error, excerpt)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?,
        })
    }

    fn settle(&mut self, now: Timestamp, settled: &Settled) -> Result<(), Fault> {
        let Settlement { account, turn, sequence, attempts, .. } = settled.settlement;
        let verdict = self.verdict(&settled.settlement)?;
        let end = match verdict {
            Verdict::Delivered => End::Delivered,
            Verdict::Dead(death) => End::Dead(death),
            Verdict::Cancelled => End::Cancelled,
            Verdict::Retry { due, charged, successes } => {
                let waits = self.postpone.execute(params![
                    account.number(),
                    turn.0,
                    sequence.0,
                    attempts,
                    charged,
                    due.as_millis(),
                    successes,
                ])?;
                if waits == 1 {
                    self.count_attempts.execute(params![account.number(), sequence.0, attempts])?;
                    self.keep_attempt(settled)?;
                }
                return Ok(());
            }
        };
        if end == End::Delivered
            && let Some(success) = first_success(settled)
        {
            self.settling.deliver_at_first(now, account, turn, sequence, success)?;
        } else if self.settling.end(now, account, turn, sequence, end, Some(attempts))? {
            self.keep_attempt(settled)?;
        }
        Ok(())
    }

    /// The verdict, unless the account has overtaken it. What it acknowledged is delivered; what it cancelled, and would be
    /// dead, is cancelled; what was delivered all the same is delivered. What is to be tried again waits on, until its lane
    /// has heard of the cancellation and sweeps: were it cancelled here, the lane could deliver it before it hears.
    fn verdict(&mut self, settlement: &Settlement) -> Result<Verdict, Fault> {
        if settlement.verdict == Verdict::Delivered {
            return Ok(Verdict::Delivered);
        }
        let standing = match self.standings.get(&settlement.account) {
            Some(standing) => *standing,
            None => {
                let standing = standing::read(self.connection, settlement.account)?.unwrap_or_default();
                self.standings.insert(settlement.account, standing);
                standing
            }
        };
        let cancelled = settlement.turn <= standing.cancelled_through;
        Ok(match settlement.verdict {
            _ if standing.acknowledges(settlement.turn, settlement.sequence) => Verdict::Delivered,
            Verdict::Dead(_) if cancelled => Verdict::Cancelled,
            verdict => verdict,
        })
    }

    fn keep_attempt(&mut self, settled: &Settled) -> Result<(), Fault> {
        let Some(attempt) = &settled.attempt else { return Ok(()) };
        let Some(outcome) = stored::outcome_number(&attempt.outcome) else { return Ok(()) };
        let Settlement { account, sequence, .. } = settled.settlement;
        self.attempt.execute(params![
            account.number(),
            sequence.0,
            attempt.number,
            attempt.started_at.as_millis(),
            rows::millis(attempt.duration),
            outcome,
            attempt.error,
            attempt.excerpt,
        ])?;
        if attempt.number > ATTEMPTS_KEPT {
            self.connection
                .prepare_cached("DELETE FROM attempt WHERE account = ?1 AND sequence = ?2 AND number <= ?3")?
                .execute(params![account.number(), sequence.0, attempt.number - ATTEMPTS_KEPT])?;
        }
        Ok(())
    }
}

fn first_success(settled: &Settled) -> Option<FirstSuccess> {
    let Attempt { number: 1, started_at, duration, outcome, .. } = settled.attempt.as_ref()? else {
        return None;
    };
    match outcome {
        Outcome::Answered { status, .. } if outcome.class() == Class::Success => {
            Some(FirstSuccess { status: *status, started_at: *started_at, millis: rows::millis(*duration) })
        }
        _ => None,
    }
}
