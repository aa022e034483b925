//! The retention, in bounded steps.
//!
//! Bodies lie in the order in which they came, as on a *tape* (`body`), so what is old is its start. A step takes the
//! oldest from there: a finished message that has outlived the retention goes, with all that belongs to it; any other
//! body is set aside (`kept_body`), once, and leaves the tape too. So a step costs what it does, however many messages
//! there are, and the pages of the tape's start are free again for its end. What was set aside, and the dead, are found
//! later by indexes of their own.
//!
//! A step ends after so many rows or so many milliseconds of the writer's time.

use std::time::{Duration, Instant};

use ringback_delivery::{MessageState, Timestamp};
use rusqlite::{Connection, params};

use super::fault::Fault;
use super::removal::{Place, Removal};
use super::rows;
use super::stale;
use super::tape;
use super::work::Work;
use crate::{Retention, Swept};

/// Rows that a step looks at.
const STEP: usize = 1000;
/// The writer's time that a step takes: meanwhile nothing is accepted.
const STEP_LASTS: Duration = Duration::from_millis(20);
/// Rows that are read at once.
pub(super) const PORTION: usize = 64;

/// What a step may still do.
pub(super) struct Budget {
    rows: usize,
    until: Instant,
}

impl Budget {
    fn new() -> Self {
        Self { rows: STEP, until: Instant::now() + STEP_LASTS }
    }

    /// Takes one row's part.
    pub(super) fn take(&mut self) {
        self.rows = self.rows.saturating_sub(1);
    }

    /// Takes the part of so many rows.
    pub(super) fn take_rows(&mut self, rows: usize) {
        self.rows = self.rows.saturating_sub(rows);
    }

    /// Whether nothing is left. A step that has done nothing has something left, however slow the machine is.
    pub(super) fn is_spent(&self) -> bool {
        self.rows == 0 || (self.rows < STEP && Instant::now() >= self.until)
    }

    /// How many rows are to be read at once.
    pub(super) fn portion(&self) -> usize {
        self.rows.min(PORTION)
    }
}

/// Who came to an end at or before these moments goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cuts {
    now: Timestamp,
    finished: Timestamp,
    dead: Timestamp,
}

impl Cuts {
    fn new(now: Timestamp, retention: &Retention) -> Self {
        Self { now, finished: now.before(retention.finished), dead: now.before(retention.dead) }
    }

    /// The moment that the others are reckoned from.
    pub(super) fn now(&self) -> Timestamp {
        self.now
    }

    /// What was accepted after this is not looked at on the tape: it can't have outlived anything.
    pub(super) fn tape(&self) -> Timestamp {
        self.finished
    }

    /// Whether a message that came to this state then has outlived the retention.
    pub(super) fn outlived(&self, state: MessageState, finished_at: Option<Timestamp>) -> bool {
        let cut = match state {
            MessageState::Pending => return false,
            MessageState::Dead => self.dead,
            MessageState::Delivered | MessageState::Cancelled => self.finished,
        };
        finished_at.is_some_and(|at| at <= cut)
    }
}

/// Does a step.
pub(super) fn step(work: &mut Work<'_>, now: Timestamp, retention: Retention) -> Result<Swept, Fault> {
    let connection = work.connection;
    let mut budget = Budget::new();
    let cuts = Cuts::new(now, &retention);
    let mut removal = Removal::new(connection)?;
    tape::cut_by_age(connection, &cuts, &mut removal, &mut budget)?;
    the_dead(connection, &cuts, &mut removal, &mut budget)?;
    for state in [MessageState::Delivered, MessageState::Cancelled] {
        set_aside(connection, state, cuts.finished, &mut removal, &mut budget)?;
    }
    if let Some(bytes) = retention.bytes {
        for_room(connection, bytes, &cuts, &mut removal, &mut budget)?;
    }
    removal.finish(connection)?;
    stale::forget(connection, now, &mut budget)?;
    Ok(if budget.is_spent() { Swept::More } else { Swept::Done })
}

/// The dead that have outlived theirs, wherever their bodies are.
fn the_dead(
    connection: &Connection,
    cuts: &Cuts,
    removal: &mut Removal<'_>,
    budget: &mut Budget,
) -> Result<(), Fault> {
    while !budget.is_spent() {
        let mut statement = connection.prepare_cached(
            "SELECT account, sequence, position, attempts, kept FROM message INDEXED BY message_dead
             WHERE state = 2 AND finished_at <= ?1 ORDER BY finished_at LIMIT ?2",
        )?;
        let found = statement
            .query_map(params![cuts.dead.as_millis(), budget.portion()], Place::read)?
            .collect::<Result<Vec<_>, _>>()?;
        if found.is_empty() {
            break;
        }
        remove(&found, MessageState::Dead, removal, budget)?;
    }
    Ok(())
}

/// Those whose bodies were set aside, and that came to this state by then.
fn set_aside(
    connection: &Connection,
    state: MessageState,
    by: Timestamp,
    removal: &mut Removal<'_>,
    budget: &mut Budget,
) -> Result<(), Fault> {
    while !budget.is_spent() {
        let found = oldest_set_aside(connection, state, by, budget.portion())?;
        if found.is_empty() {
            break;
        }
        remove(&found, state, removal, budget)?;
    }
    Ok(())
}

fn oldest_set_aside(
    connection: &Connection,
    state: MessageState,
    by: Timestamp,
    limit: usize,
) -> Result<Vec<Place>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT account, sequence, position, attempts, kept FROM message INDEXED BY message_kept
         WHERE kept = 1 AND state = ?1 AND finished_at <= ?2 ORDER BY finished_at LIMIT ?3",
    )?;
    let found =
        statement.query_map(params![rows::state_column(state), by.as_millis(), limit], Place::read)?;
    Ok(found.collect::<Result<_, _>>()?)
}

fn remove(
    found: &[Place],
    state: MessageState,
    removal: &mut Removal<'_>,
    budget: &mut Budget,
) -> Result<(), Fault> {
    for place in found {
        if budget.is_spent() {
            break;
        }
        removal.message(place, state)?;
        removal.body(place)?;
        budget.take();
    }
    Ok(())
}

/// The oldest delivered ones, while more bytes are in use than may be.
fn for_room(
    connection: &Connection,
    bytes: u64,
    cuts: &Cuts,
    removal: &mut Removal<'_>,
    budget: &mut Budget,
) -> Result<(), Fault> {
    while !budget.is_spent() && bytes_in_use(connection)? > bytes {
        let kept = oldest_set_aside(connection, MessageState::Delivered, Timestamp::NEVER, budget.portion())?;
        if !kept.is_empty() {
            remove(&kept, MessageState::Delivered, removal, budget)?;
        } else if !tape::cut_for_room(connection, cuts, removal, budget)? {
            break;
        }
    }
    Ok(())
}

/// The database's pages that are not free.
fn bytes_in_use(connection: &Connection) -> Result<u64, Fault> {
    let bytes = connection
        .prepare_cached(
            "SELECT (page_count - freelist_count) * page_size
             FROM pragma_page_count, pragma_freelist_count, pragma_page_size",
        )?
        .query_row([], |row| row.get(0))?;
    Ok(bytes)
}
