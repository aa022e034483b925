//! Searching, the newest first: a walk that ends after so many rows, found or not, and says where to go on.
//!
//! Within an account the walk goes down the account's own messages, by their numbers. Over all accounts it goes down the
//! positions at which the bodies were appended, first on the tape and then among those that were set aside, which all
//! lie below. A position never changes while its message is there, so a walk in pages gives each message once.

use std::collections::{HashMap, HashSet};

use ringback_delivery::{AccountId, MessageState, Standing};
use rusqlite::types::ToSql;
use rusqlite::{Connection, Row, params};

use super::fault::Fault;
use super::message::{MessageRow, message_columns};
use super::standing;
use crate::{Cursor, Message, MessageFilter, Page, Reach};

/// Rows that one call walks.
const WALK: usize = 2000;
/// Bytes of bodies after which a page ends.
const PAGE_BYTES: usize = 8 * 1024 * 1024;

/// One page.
pub(super) fn search(
    connection: &Connection,
    filter: &MessageFilter,
    before: Option<Cursor>,
    limit: usize,
) -> Result<Page<Message>, Fault> {
    let before = before.map_or(i64::MAX, |cursor| i64::try_from(cursor.0).unwrap_or(i64::MAX));
    let mut walk = Walk::new(connection, filter, limit.max(1));
    let more = match filter.account {
        Some(account) if !filter.reach.includes(account) => false,
        Some(account) => walk.down(WITHIN_ACCOUNT, params![account.number(), before], 1)?,
        None if filter.state == Some(MessageState::Dead) => walk.down(THE_DEAD, params![before], 2)?,
        None => {
            // Both: where the first ends the second begins.
            walk.down(THE_TAPE, params![before], 11)? || walk.down(SET_ASIDE, params![before], 11)?
        }
    };
    let next = (more && !walk.is_past_since()).then_some(Cursor(walk.last));
    Ok(Page { items: walk.found, next })
}

const WITHIN_ACCOUNT: &str = concat!(
    "SELECT ",
    message_columns!(),
    " FROM message m WHERE m.account = ?1 AND m.sequence < ?2 ORDER BY m.sequence DESC"
);

const THE_DEAD: &str = concat!(
    "SELECT ",
    message_columns!(),
    " FROM message m INDEXED BY message_dead_position
      WHERE m.state = 2 AND m.position < ?1 ORDER BY m.position DESC"
);

macro_rules! by_position {
    ($table:literal) => {
        concat!(
            "SELECT ",
            message_columns!(),
            ", b.position FROM ",
            $table,
            " b LEFT JOIN message m
                 ON m.account = b.account AND m.sequence = b.sequence AND m.position = b.position
              WHERE b.position < ?1 ORDER BY b.position DESC"
        )
    };
}
const THE_TAPE: &str = by_position!("body");
const SET_ASIDE: &str = by_position!("kept_body");

struct Walk<'a> {
    connection: &'a Connection,
    filter: &'a MessageFilter,
    /// The accounts of the filter's reach, unless it is all.
    reached: Option<HashSet<AccountId>>,
    limit: usize,
    standings: HashMap<AccountId, Standing>,
    found: Vec<Message>,
    bytes: usize,
    walked: usize,
    /// How many of those were accepted before the time that is looked at.
    too_old: usize,
    last: u64,
}

impl<'a> Walk<'a> {
    fn new(connection: &'a Connection, filter: &'a MessageFilter, limit: usize) -> Self {
        let reached = match &filter.reach {
            Reach::Every => None,
            Reach::Accounts(accounts) => Some(accounts.iter().copied().collect()),
        };
        Self {
            connection,
            filter,
            reached,
            limit,
            standings: HashMap::new(),
            found: Vec::new(),
            bytes: 0,
            walked: 0,
            too_old: 0,
            last: 0,
        }
    }

    /// Walks what a query gives, whose column `place` says where each row is; whether there is more of it.
    fn down(&mut self, query: &str, wanted: &[&dyn ToSql], place: usize) -> Result<bool, Fault> {
        let mut statement = self.connection.prepare_cached(query)?;
        let mut rows = statement.query(wanted)?;
        while let Some(row) = rows.next()? {
            if self.is_full() {
                return Ok(true);
            }
            self.walked += 1;
            self.last = row.get(place)?;
            self.look_at(row)?;
        }
        Ok(false)
    }

    fn is_full(&self) -> bool {
        self.walked >= WALK || self.found.len() >= self.limit || self.bytes >= PAGE_BYTES
    }

    /// Nothing that was walked was young enough: what lies before it is not either. (One such row says nothing: the
    /// clock may have been wrong for a while.)
    fn is_past_since(&self) -> bool {
        self.too_old == self.walked
    }

    fn look_at(&mut self, row: &Row<'_>) -> Result<(), Fault> {
        // A body without its message is damage, for `verify` to find.
        if row.get::<_, Option<i64>>(0)?.is_none() {
            return Ok(());
        }
        let row = MessageRow::read(row)?;
        let filter = self.filter;
        if filter.since.is_some_and(|since| row.accepted_at < since) {
            self.too_old += 1;
            return Ok(());
        }
        if self.reached.as_ref().is_some_and(|reached| !reached.contains(&row.account))
            || filter.kind.is_some_and(|kind| row.kind != kind)
            || filter.until.is_some_and(|until| row.accepted_at >= until)
        {
            return Ok(());
        }
        let standing = self.standing(row.account)?;
        if filter.state.is_some_and(|state| row.state(&standing) != state) {
            return Ok(());
        }
        let mut message = row.message(self.connection, &standing)?;
        if filter.with_bodies {
            message = message.with(row.content(self.connection)?);
            self.bytes += message.body.as_ref().map_or(0, bytes::Bytes::len);
        }
        self.found.push(message);
        Ok(())
    }

    fn standing(&mut self, account: AccountId) -> Result<Standing, Fault> {
        if let Some(standing) = self.standings.get(&account) {
            return Ok(*standing);
        }
        let standing = standing::read(self.connection, account)?.unwrap_or_default();
        self.standings.insert(account, standing);
        Ok(standing)
    }
}
