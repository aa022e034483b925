//! Taking messages in: the work behind a 202.
//!
//! Everything that one batch accepts for an account is numbered from its row, which is read once and written once.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use ringback_delivery::{
    AccountId, EmptyLane, LaneRecord, MessageId, PauseClock, Sequence, Timestamp, Turn, Waiting,
};
use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, params};

use super::fault::Fault;
use super::idempotency::Periods;
use super::job::Accept;
use super::lane::{self, lane_columns};
use super::runs::{self, run_of};
use super::standing::{self, standing_columns};
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

/// The column behind those of the standing: what was finished of the account's messages. Then comes whether one waits, and
/// then the lane's.
const FINISHED: usize = 12;

/// An account during one batch.
struct Account {
    last_sequence: u64,
    last_turn: u64,
    keeps: bool,
    pause: PauseClock,
    pending: u64,
    /// Its lane as it was before the batch, if nothing waited: goes with the first message.
    empty: Option<Box<EmptyLane>>,
    touched: bool,
    /// The last turn before this batch.
    before: Turn,
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

        let lane = account.empty.take();
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
        work.news.push(News::Fresh(Fresh { account: message.account, waiting, content, lane }));
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
            runs::keep_few(connection, id, account.before, Turn(account.last_turn))?;
        }
        Ok(())
    }
}

fn load(connection: &Connection, account: AccountId) -> Result<Option<Account>, Fault> {
    let found = connection
        .prepare_cached(concat!(
            "SELECT ",
            standing_columns!(),
            ",
                    delivered + dead + cancelled + dropped_delivered + dropped_dead + dropped_cancelled,
                    EXISTS (SELECT 1 FROM pending p WHERE p.account = a.account), ",
            lane_columns!(),
            "
             FROM account a LEFT JOIN lane l ON l.account = a.account WHERE a.account = ?1"
        ))?
        .query_row([account.number()], |row| Ok(of_row(row)))
        .optional()?;
    found.transpose()
}

fn of_row(row: &Row<'_>) -> Result<Account, Fault> {
    let standing = standing::of_row(row)?;
    // Without a lane's row nothing was ever finished, nor recorded of the lane.
    let finished: Option<u64> = row.get(FINISHED)?;
    let record = || match finished {
        Some(_) => lane::of_row(row, FINISHED + 2),
        None => Ok(LaneRecord::default()),
    };
    // By the rows that wait, not by the counters, which may be wrong. A record that can't be read is the lane's affair, which
    // reads it then.
    let waits: bool = row.get(FINISHED + 1)?;
    let record = if waits { None } else { record().ok() };
    let empty = record.map(|record| Box::new(EmptyLane { standing, record }));
    let pending = standing.last_sequence.0.saturating_sub(finished.unwrap_or(0));
    Ok(Account {
        last_sequence: standing.last_sequence.0,
        last_turn: standing.last_turn.0,
        keeps: standing.registered || standing.pull,
        pause: standing.pause,
        pending,
        empty,
        touched: false,
        before: standing.last_turn,
    })
}
