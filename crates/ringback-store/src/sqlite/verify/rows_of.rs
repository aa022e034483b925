//! An account's rows against one another, a portion at a time: every message has its body, every pending one its place in
//! the queue, every place its message, every attempt its message.

use ringback_delivery::AccountId;
use rusqlite::{Connection, Row, params};

use super::PORTION;
use super::findings::Findings;
use crate::sqlite::fault::Fault;

/// How many were looked at, how many of those were wrong, and the first of them.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    pub(super) all: u64,
    pub(super) wrong: u64,
    pub(super) first: Option<i64>,
}

impl Tally {
    pub(super) fn add(&mut self, all: u64, wrong: u64, first: Option<i64>) {
        self.all += all;
        self.wrong += wrong;
        self.first = self.first.or(first);
    }

    /// A sentence, if something was wrong, of: how many, how many of those are right, and which is not.
    pub(super) fn sentence(&self, sentence: impl FnOnce(u64, u64, i64) -> String) -> Option<String> {
        let first = self.first?;
        (self.wrong > 0).then(|| sentence(self.all, self.all - self.wrong, first))
    }
}

/// A walk over an account's rows.
pub(super) struct RowsOf {
    account: AccountId,
    /// Messages were looked at through this number, and places in the queue through this one.
    through: Option<i64>,
    queue_through: Option<i64>,
    bodies: Tally,
    waiting: Tally,
    ends: Tally,
    queue: Tally,
    attempts: Tally,
}

impl RowsOf {
    pub(super) fn new(account: AccountId) -> Self {
        Self {
            account,
            through: Some(i64::MIN),
            queue_through: Some(i64::MIN),
            bodies: Tally::default(),
            waiting: Tally::default(),
            ends: Tally::default(),
            queue: Tally::default(),
            attempts: Tally::default(),
        }
    }

    /// Looks at a portion; how many rows it had.
    pub(super) fn step(&mut self, connection: &Connection) -> Result<u64, Fault> {
        if let Some(after) = self.through {
            self.look_at_messages(connection, after)
        } else if let Some(after) = self.queue_through {
            self.look_at_the_queue(connection, after)
        } else {
            Ok(0)
        }
    }

    fn look_at_messages(&mut self, connection: &Connection, after: i64) -> Result<u64, Fault> {
        let account = self.account.number();
        let (all, last) = connection
            .prepare_cached(
                "SELECT count(*), max(m.sequence),
                     sum(m.lacks_body), min(CASE WHEN m.lacks_body THEN m.sequence END),
                     sum(m.state = 0), sum(m.lacks_place), min(CASE WHEN m.lacks_place THEN m.sequence END),
                     sum(m.lacks_end), min(CASE WHEN m.lacks_end THEN m.sequence END)
                 FROM (SELECT m.sequence, m.state,
                           (m.state = 0) <> (m.finished_at IS NULL) AS lacks_end,
                           m.state = 0 AND p.sequence IS NOT m.sequence AS lacks_place,
                           CASE m.kept WHEN 0 THEN b.account IS NOT m.account OR b.sequence IS NOT m.sequence
                               ELSE k.account IS NOT m.account OR k.sequence IS NOT m.sequence
                           END AS lacks_body
                       FROM (SELECT * FROM message WHERE account = ?1 AND sequence > ?2
                             ORDER BY sequence LIMIT ?3) m
                       LEFT JOIN body b ON b.position = CASE m.kept WHEN 0 THEN m.position END
                       LEFT JOIN kept_body k ON k.position = CASE m.kept WHEN 1 THEN m.position END
                       LEFT JOIN pending p ON p.account = m.account
                           AND p.turn = CASE m.state WHEN 0 THEN coalesce(m.turn, m.sequence) END) m",
            )?
            .query_row(params![account, after, PORTION], |row| {
                let all: u64 = row.get(0)?;
                self.bodies.add(all, sum(row, 2)?, row.get(3)?);
                self.waiting.add(sum(row, 4)?, sum(row, 5)?, row.get(6)?);
                self.ends.add(all, sum(row, 7)?, row.get(8)?);
                Ok((all, row.get::<_, Option<i64>>(1)?))
            })?;
        let last = last.filter(|_| all == PORTION);
        connection
            .prepare_cached(
                "SELECT count(*), sum(m.account IS NULL), min(CASE WHEN m.account IS NULL THEN t.sequence END)
                 FROM attempt t LEFT JOIN message m ON m.account = t.account AND m.sequence = t.sequence
                 WHERE t.account = ?1 AND t.sequence > ?2 AND t.sequence <= ?3",
            )?
            .query_row(params![account, after, last.unwrap_or(i64::MAX)], |row| {
                self.attempts.add(row.get(0)?, sum(row, 1)?, row.get(2)?);
                Ok(())
            })?;
        self.through = last;
        Ok(all)
    }

    fn look_at_the_queue(&mut self, connection: &Connection, after: i64) -> Result<u64, Fault> {
        let (all, last) = connection
            .prepare_cached(
                "SELECT count(*), max(turn), sum(is_wrong), min(CASE WHEN is_wrong THEN turn END)
                 FROM (SELECT p.turn, m.state IS NOT 0 OR coalesce(m.turn, m.sequence) <> p.turn
                           OR m.position <> p.position AS is_wrong
                       FROM (SELECT * FROM pending WHERE account = ?1 AND turn > ?2
                             ORDER BY turn LIMIT ?3) p
                       LEFT JOIN message m ON m.account = p.account AND m.sequence = p.sequence)",
            )?
            .query_row(params![self.account.number(), after, PORTION], |row| {
                let all: u64 = row.get(0)?;
                self.queue.add(all, sum(row, 2)?, row.get(3)?);
                Ok((all, row.get::<_, Option<i64>>(1)?))
            })?;
        self.queue_through = last.filter(|_| all == PORTION);
        Ok(all)
    }

    /// Tells what is wrong once all was looked at; whether it was.
    pub(super) fn tell(&self, findings: &mut Findings) -> bool {
        if self.through.is_some() || self.queue_through.is_some() {
            return false;
        }
        let sentences = [
            self.bodies.sentence(|all, right, first| {
                format!("{all} messages are kept, but {right} have their body; number {first} has none")
            }),
            self.waiting.sentence(|all, right, first| {
                let have = format!("{right} have their place in the queue");
                format!("{all} messages are pending, but {have}; number {first} has none")
            }),
            self.ends.sentence(|all, right, first| {
                let have = format!("{right} have an end if they are not pending, and none if they are");
                format!("{all} messages are kept, but {have}; number {first} is otherwise")
            }),
            self.queue.sentence(|all, right, first| {
                let by = format!("{right} by a message that is pending there");
                format!("{all} places in the queue are taken, but {by}; place {first} is not")
            }),
            self.attempts.sentence(|all, right, first| {
                let of = format!("{right} are of a message that is kept");
                format!("{all} attempts are kept, but {of}; those of number {first} are not")
            }),
        ];
        for what in sentences.into_iter().flatten() {
            findings.tell(Some(self.account), what);
        }
        true
    }
}

/// A sum of no rows is nothing.
pub(super) fn sum(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(row.get::<_, Option<u64>>(column)?.unwrap_or(0))
}
