//! Taking messages in: the work behind a 202.
//!
//! Everything that one batch accepts for an account is numbered from its row, which is read once and written once.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use ringback_delivery::{AccountId, MessageId, PauseClock, Sequence, Timestamp, Turn, Waiting};
use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

use super::fault::Fault;
use super::idempotency::Periods;
use super::job::Accept;
use super::rows;
use super::runs::{self, run_of};
use super::work::{News, Work};
use crate::{Admission, Fresh, NewMessage, Trace};

/// Accepts the messages of all the jobs, in their order, and fills the jobs' slots.
pub(super) fn accept(work: &mut Work<'_>, jobs: &mut [Accept]) -> Result<(), Fault> {
    if jobs.is_empty() {
        return Ok(());
    }
    let mut intake = Intake::new(work.connection)?;
    let mut periods: Option<Periods> = None;
    for job in jobs.iter_mut() {
        let present = match periods.take() {
            Some(periods) if periods.hold_at(job.now) => periods,
            _ => Periods::at(work.connection, job.now)?,
        };
        let mut admissions = Vec::with_capacity(job.messages.len());
        for message in &job.messages {
            admissions.push(intake.admit(work, &present, job.now, message)?);
        }
        job.slot.fill(Ok(admissions));
        periods = Some(present);
    }
    intake.finish(work.connection)
}

/// An account during one batch.
struct Account {
    last_sequence: u64,
    last_turn: u64,
    keeps: bool,
    pause: PauseClock,
    pending: u64,
    touched: bool,
    /// The run of the last turn before this batch.
    run: u64,
}

struct Intake<'c> {
    accounts: HashMap<AccountId, Option<Account>>,
    body: CachedStatement<'c>,
    message: CachedStatement<'c>,
    pending: CachedStatement<'c>,
}

impl<'c> Intake<'c> {
    fn new(connection: &'c Connection) -> Result<Self, Fault> {
        Ok(Self {
            accounts: HashMap::new(),
            body: connection.prepare_cached(
                "INSERT INTO body (position, account, sequence, accepted_at, body, trace)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?,
            message: connection.prepare_cached(
                "INSERT INTO message (account, sequence, position, accepted_at, kind, state, turn, key)
                 VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6, ?7)",
            )?,
            pending: connection.prepare_cached(
                "INSERT INTO pending (account, turn, sequence, position, key, accepted_at, born, run)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?,
        })
    }

    fn admit(
        &mut self,
        work: &mut Work<'_>,
        periods: &Periods,
        now: Timestamp,
        message: &NewMessage,
    ) -> Result<Admission, Fault> {
        let connection = work.connection;
        let account = match self.accounts.entry(message.account) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(load(connection, message.account)?),
        };
        let Some(account) = account else { return Ok(Admission::Unregistered) };
        if let Some(key) = &message.idempotency
            && let Some(before) = periods.look_up(connection, message.account, key)?
        {
            return Ok(before);
        }
        if !account.keeps {
            return Ok(Admission::Unregistered);
        }
        if account.pending >= work.limits.pending_per_account {
            return Ok(Admission::AccountFull);
        }
        if work.counters.pending >= work.limits.pending_in_all {
            return Ok(Admission::StoreFull);
        }

        account.last_sequence += 1;
        account.last_turn += 1;
        account.pending += 1;
        account.touched = true;
        work.counters.pending += 1;
        work.counters.moved.accepted += 1;
        let waiting = Waiting {
            turn: Turn(account.last_turn),
            sequence: Sequence(account.last_sequence),
            position: work.counters.positions.next(connection)?,
            key: message.key,
            accepted_at: now,
            born: account.pause.lane_time(now),
            attempts: 0,
            charged: 0,
            due: None,
            successes: 0,
            replay: false,
        };
        let id = MessageId::new(message.account, waiting.sequence, now);
        self.write(message, &waiting)?;
        if let Some(key) = &message.idempotency {
            periods.remember(connection, id, now, key)?;
        }
        let content = message.content.clone();
        work.news.push(News::Fresh(Fresh { account: message.account, waiting, content }));
        Ok(Admission::Queued(id))
    }

    fn write(&mut self, message: &NewMessage, waiting: &Waiting) -> Result<(), Fault> {
        let account = message.account.number();
        let (turn, sequence) = (waiting.turn.0, waiting.sequence.0);
        let key = waiting.key.map(|key| key.0);
        let accepted_at = waiting.accepted_at.as_millis();
        self.body.execute(params![
            waiting.position,
            account,
            sequence,
            accepted_at,
            &message.content.body[..],
            message.content.trace.map(Trace::to_kept),
        ])?;
        self.message.execute(params![
            account,
            sequence,
            waiting.position,
            accepted_at,
            message.kind.number(),
            (turn != sequence).then_some(turn),
            key,
        ])?;
        self.pending.execute(params![
            account,
            turn,
            sequence,
            waiting.position,
            key,
            accepted_at,
            waiting.born.as_millis(),
            run_of(waiting.turn),
        ])?;
        Ok(())
    }

    /// Writes the accounts' rows, in the order of their numbers.
    fn finish(self, connection: &Connection) -> Result<(), Fault> {
        let mut update = connection
            .prepare_cached("UPDATE account SET last_sequence = ?2, last_turn = ?3 WHERE account = ?1")?;
        let mut touched: Vec<(AccountId, Account)> = self
            .accounts
            .into_iter()
            .filter_map(|(id, account)| Some((id, account?)))
            .filter(|(_, account)| account.touched)
            .collect();
        touched.sort_unstable_by_key(|(id, _)| *id);
        for (id, account) in touched {
            update.execute(params![id.number(), account.last_sequence, account.last_turn])?;
            if run_of(Turn(account.last_turn)) != account.run {
                runs::keep_few(connection, id)?;
            }
        }
        Ok(())
    }
}

fn load(connection: &Connection, account: AccountId) -> Result<Option<Account>, Fault> {
    let found = connection
        .prepare_cached(
            "SELECT a.last_sequence, a.last_turn, a.registered OR a.pull, a.paused_total, a.paused_since,
                    coalesce(l.delivered + l.dead + l.cancelled
                        + l.dropped_delivered + l.dropped_dead + l.dropped_cancelled, 0)
             FROM account a LEFT JOIN lane l ON l.account = a.account WHERE a.account = ?1",
        )?
        .query_row([account.number()], |row| {
            let last_sequence: u64 = row.get(0)?;
            let last_turn: u64 = row.get(1)?;
            let finished: u64 = row.get(5)?;
            Ok(Account {
                last_sequence,
                last_turn,
                keeps: row.get(2)?,
                pause: PauseClock {
                    total: std::time::Duration::from_millis(row.get(3)?),
                    since: rows::optional_moment(row, 4)?,
                },
                pending: last_sequence.saturating_sub(finished),
                touched: false,
                run: run_of(Turn(last_turn)),
            })
        })
        .optional()?;
    Ok(found)
}
