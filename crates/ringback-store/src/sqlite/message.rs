//! A message's row, and the message that a caller sees.

use ringback_delivery::{
    AccountId, Death, MessageId, MessageKind, MessageState, OrderingKey, Sequence, Standing, Timestamp, Turn,
};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::fault::Fault;
use super::runs::Runs;
use super::{lane, load, rows};
use crate::{Closed, Content, Message};

/// The columns that [`MessageRow::read`] reads, in its order, of a `message` that is called `m`.
macro_rules! message_columns {
    () => {
        "m.account, m.sequence, m.position, m.accepted_at, m.kind, m.state, m.turn, m.key, m.finished_at,
         m.attempts, m.death"
    };
}
pub(super) use message_columns;

/// Messages with one key that are looked through for the first that really waits: those before it are overtaken, and
/// soon gone.
const OVERTAKEN: usize = 200;

/// What a message's own row says.
#[derive(Debug, Clone, Copy)]
pub(super) struct MessageRow {
    pub(super) account: AccountId,
    pub(super) sequence: Sequence,
    pub(super) position: i64,
    pub(super) accepted_at: Timestamp,
    pub(super) kind: MessageKind,
    /// As the row has it: see [`MessageRow::state`].
    pub(super) row_state: MessageState,
    pub(super) turn: Turn,
    pub(super) key: Option<OrderingKey>,
    pub(super) finished_at: Option<Timestamp>,
    pub(super) attempts: u32,
    pub(super) death: Option<Death>,
}

impl MessageRow {
    /// Reads a row of those columns.
    pub(super) fn read(row: &Row<'_>) -> Result<Self, Fault> {
        let sequence = Sequence(row.get(1)?);
        Ok(Self {
            account: rows::account(row.get(0)?)?,
            sequence,
            position: row.get(2)?,
            accepted_at: rows::moment(row, 3)?,
            kind: MessageKind::from_number(row.get(4)?)
                .ok_or_else(|| Fault::damaged("a message is of no known kind"))?,
            row_state: rows::state(row.get(5)?)?,
            turn: row.get::<_, Option<u64>>(6)?.map_or(Turn(sequence.0), Turn),
            key: row.get::<_, Option<i64>>(7)?.map(OrderingKey),
            finished_at: rows::optional_moment(row, 8)?,
            attempts: row.get(9)?,
            death: row.get::<_, Option<u8>>(10)?.map(rows::death).transpose()?,
        })
    }

    /// Its public name.
    pub(super) fn id(&self) -> MessageId {
        MessageId::new(self.account, self.sequence, self.accepted_at)
    }

    /// Its state, by its account's standing: one that is overtaken is done with, though its row still waits.
    pub(super) fn state(&self, standing: &Standing) -> MessageState {
        if self.row_state != MessageState::Pending {
            self.row_state
        } else if standing.acknowledges(self.turn, self.sequence) {
            MessageState::Delivered
        } else if standing.overtakes(self.turn, self.sequence) {
            MessageState::Cancelled
        } else {
            MessageState::Pending
        }
    }

    /// The message as a caller sees it, without its body.
    pub(super) fn message(&self, connection: &Connection, standing: &Standing) -> Result<Message, Fault> {
        let state = self.state(standing);
        let (due, behind, closed) = match state {
            MessageState::Pending => {
                let closed = Closed::of(standing, &lane::read(connection, self.account)?);
                (self.due(connection)?, self.behind(connection, standing)?, closed)
            }
            _ => (None, None, None),
        };
        Ok(Message {
            id: self.id(),
            kind: self.kind,
            state,
            accepted_at: self.accepted_at,
            finished_at: self.finished_at,
            attempts: self.attempts,
            death: self.death,
            due,
            behind,
            closed,
            body: None,
            trace: None,
        })
    }

    /// What is sent of it, wherever it is.
    pub(super) fn content(&self, connection: &Connection) -> Result<Option<Content>, Fault> {
        Ok(load::contents(connection, &[self.position])?.pop().flatten())
    }

    fn due(&self, connection: &Connection) -> Result<Option<Timestamp>, Fault> {
        let due = connection
            .prepare_cached("SELECT due FROM pending WHERE account = ?1 AND turn = ?2")?
            .query_row(params![self.account.number(), self.turn.0], |row| rows::optional_moment(row, 0))
            .optional()?;
        Ok(due.flatten())
    }

    /// The first that waits with its key, if that is another one.
    fn behind(&self, connection: &Connection, standing: &Standing) -> Result<Option<MessageId>, Fault> {
        let Some(key) = self.key else { return Ok(None) };
        let runs = Runs::of(connection, self.account)?;
        let place = |row: &Row<'_>| Ok((Turn(row.get(0)?), Sequence(row.get(1)?), rows::moment(row, 2)?));
        let after = standing.cancelled_through;
        // Mostly the first is one that really waits.
        for most in [1, OVERTAKEN] {
            let columns = "turn, sequence, accepted_at";
            let before = runs.behind(connection, columns, (self.account, key), after, most, place)?;
            let is_all = before.len() < most || before.last().is_some_and(|(turn, ..)| *turn >= self.turn);
            let mut before = before.into_iter().take_while(|(turn, ..)| *turn < self.turn);
            let waits = |(turn, sequence, _): &(Turn, Sequence, _)| !standing.acknowledges(*turn, *sequence);
            if let Some((_, sequence, accepted_at)) = before.find(waits) {
                return Ok(Some(MessageId::new(self.account, sequence, accepted_at)));
            }
            if is_all {
                break;
            }
        }
        Ok(None)
    }
}

/// An account's message with this number.
pub(super) fn find(
    connection: &Connection,
    account: AccountId,
    sequence: Sequence,
) -> Result<Option<MessageRow>, Fault> {
    let mut statement = connection.prepare_cached(concat!(
        "SELECT ",
        message_columns!(),
        " FROM message m WHERE m.account = ?1 AND m.sequence = ?2"
    ))?;
    let mut found = statement.query(params![account.number(), sequence.0])?;
    found.next()?.map(MessageRow::read).transpose()
}
