//! Cutting the start off the tape of bodies: what may go goes, what may not is set aside.

use ringback_delivery::{MessageState, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::fault::Fault;
use super::removal::{Place, Removal};
use super::retire::{Budget, Cuts};
use super::rows;

/// How far behind the first body it is looked for one that tells the first one's age: twice as far each time.
const LOOKS: std::ops::RangeInclusive<u32> = 1..=24;

/// Cuts off what is older than the retention of the finished.
pub(super) fn cut_by_age(
    connection: &Connection,
    cuts: &Cuts,
    removal: &mut Removal<'_>,
    budget: &mut Budget,
) -> Result<(), Fault> {
    while !budget.is_spent() {
        let past_the_future = begins_with_the_future(connection, cuts)?;
        let is_young = |at: Timestamp| at > cuts.tape() && !(past_the_future && at > cuts.now());
        if !cut(connection, is_young, cuts, false, removal, budget)? {
            break;
        }
    }
    Ok(())
}

/// Whether the first body was accepted by a clock that was ahead, so long ago that one behind it is old by now. It must
/// not hold up all the others until its time has come.
fn begins_with_the_future(connection: &Connection, cuts: &Cuts) -> Result<bool, Fault> {
    let mut from = connection.prepare_cached(
        "SELECT position, accepted_at FROM body WHERE position >= ?1 ORDER BY position LIMIT 1",
    )?;
    let mut look = |position: i64| {
        from.query_row([position], |row| Ok((row.get::<_, i64>(0)?, rows::moment(row, 1)?))).optional()
    };
    let Some((first, accepted_at)) = look(i64::MIN)? else { return Ok(false) };
    if accepted_at <= cuts.now() {
        return Ok(false);
    }
    for doubled in LOOKS {
        match look(first.saturating_add(1 << doubled))? {
            Some((_, accepted_at)) if accepted_at <= cuts.tape() => return Ok(true),
            Some(_) => {}
            None => break,
        }
    }
    Ok(false)
}

/// Cuts a portion off, however young it is, and the delivered ones with it. False when the tape is empty.
pub(super) fn cut_for_room(
    connection: &Connection,
    cuts: &Cuts,
    removal: &mut Removal<'_>,
    budget: &mut Budget,
) -> Result<bool, Fault> {
    cut(connection, |_| false, cuts, true, removal, budget)
}

/// A body on the tape, and its message if that is as it should be.
struct Entry {
    position: i64,
    accepted_at: Timestamp,
    message: Option<(Place, MessageState, Option<Timestamp>)>,
}

/// Cuts off one portion, up to the first that was accepted when `is_young` says; false when there was none.
fn cut(
    connection: &Connection,
    is_young: impl Fn(Timestamp) -> bool,
    cuts: &Cuts,
    for_room: bool,
    removal: &mut Removal<'_>,
    budget: &mut Budget,
) -> Result<bool, Fault> {
    let mut through = None;
    for entry in oldest(connection, budget.portion())? {
        if is_young(entry.accepted_at) || budget.is_spent() {
            break;
        }
        // A body without its message is of no use to anyone.
        if let Some((place, state, finished_at)) = &entry.message {
            let early = for_room && *state == MessageState::Delivered;
            if early || cuts.outlived(*state, *finished_at) {
                removal.message(place, *state)?;
            } else {
                set_aside(connection, place)?;
            }
        }
        budget.take();
        through = Some(entry.position);
    }
    let Some(through) = through else { return Ok(false) };
    connection.prepare_cached("DELETE FROM body WHERE position <= ?1")?.execute([through])?;
    Ok(true)
}

fn oldest(connection: &Connection, limit: usize) -> Result<Vec<Entry>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT b.account, b.sequence, b.position, m.attempts, m.kept, b.accepted_at, m.state, m.finished_at
         FROM body b LEFT JOIN message m
             ON m.account = b.account AND m.sequence = b.sequence AND m.position = b.position
         ORDER BY b.position LIMIT ?1",
    )?;
    let mut found = statement.query([limit])?;
    let mut entries = Vec::with_capacity(limit);
    while let Some(row) = found.next()? {
        entries.push(entry(row)?);
    }
    Ok(entries)
}

fn entry(row: &Row<'_>) -> Result<Entry, Fault> {
    let message = match row.get::<_, Option<u8>>(6)? {
        // What is in no known state is damage, for `verify` to find. It holds up nothing: it is set aside.
        Some(state) => {
            let state = rows::state(state).unwrap_or(MessageState::Pending);
            Some((Place::read(row)?, state, rows::optional_moment(row, 7)?))
        }
        None => None,
    };
    Ok(Entry { position: row.get(2)?, accepted_at: rows::moment(row, 5)?, message })
}

/// Copies a body to where it outlives the tape's start.
fn set_aside(connection: &Connection, place: &Place) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO kept_body (position, account, sequence, body, trace)
             SELECT position, account, sequence, body, trace FROM body WHERE position = ?1",
        )?
        .execute([place.position])?;
    connection
        .prepare_cached("UPDATE message SET kept = 1 WHERE account = ?1 AND sequence = ?2")?
        .execute(params![place.account, place.sequence])?;
    Ok(())
}
