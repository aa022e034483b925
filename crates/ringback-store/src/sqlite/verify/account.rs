//! An account's counters against the numbers of its rows, all of one snapshot.

use ringback_delivery::AccountId;
use rusqlite::{Connection, OptionalExtension};

use super::findings::Findings;
use crate::Counts;
use crate::sqlite::fault::Fault;

/// The account behind this number, as a number: damage may have left any.
pub(super) fn next(connection: &Connection, after: Option<i64>) -> Result<Option<i64>, Fault> {
    let found = connection
        .prepare_cached("SELECT account FROM account WHERE account > ?1 ORDER BY account LIMIT 1")?
        .query_row([after.unwrap_or(i64::MIN)], |row| row.get(0))
        .optional()?;
    Ok(found)
}

/// The account with this number, if it can be one.
pub(super) fn of_number(number: i64) -> Option<AccountId> {
    u64::try_from(number).ok().and_then(AccountId::from_number)
}

/// As the rows have it: damage may have left anything there.
struct Ledger {
    last_sequence: i64,
    last_turn: i64,
    delivered: i64,
    dead: i64,
    cancelled: i64,
    dropped_delivered: i64,
    dropped_dead: i64,
    dropped_cancelled: i64,
}

struct Messages {
    all: i64,
    pending: i64,
    delivered: i64,
    dead: i64,
    cancelled: i64,
    first: Option<i64>,
    last: Option<i64>,
}

struct Queue {
    all: i64,
    last_turn: Option<i64>,
}

/// Checks an account; how many messages it has.
pub(super) fn check(
    connection: &Connection,
    account: AccountId,
    findings: &mut Findings,
) -> Result<u64, Fault> {
    let ledger = ledger(connection, account)?;
    let messages = messages(connection, account)?;
    let queue = queue(connection, account)?;
    for what in ledger.disagreements(&messages, &queue) {
        findings.tell(Some(account), what);
    }
    findings.add(ledger.counts(&queue));
    Ok(messages.all.unsigned_abs())
}

impl Ledger {
    fn disagreements(&self, messages: &Messages, queue: &Queue) -> Vec<String> {
        let mut wrong = Vec::new();
        for (state, counted, found) in [
            ("delivered", self.delivered, messages.delivered),
            ("dead", self.dead, messages.dead),
            ("cancelled", self.cancelled, messages.cancelled),
        ] {
            if counted != found {
                wrong.push(format!("the ledger counts {counted} {state} messages, but {found} are kept"));
            }
        }
        if messages.pending != queue.all {
            let (pending, waiting) = (messages.pending, queue.all);
            wrong.push(format!("{pending} messages are pending, but {waiting} wait in the queue"));
        }
        let other = messages.all - messages.pending - messages.delivered - messages.dead - messages.cancelled;
        if other != 0 {
            wrong.push(format!("{other} of {} messages are in no known state", messages.all));
        }
        let dropped = self.dropped_delivered + self.dropped_dead + self.dropped_cancelled;
        let sum = queue.all + self.delivered + self.dead + self.cancelled + dropped;
        if self.last_sequence != sum {
            wrong.push(format!(
                "{} messages were accepted, but {sum} are accounted for: {} pending, {} delivered, {} dead, \
                 {} cancelled, and {dropped} dropped by the retention",
                self.last_sequence, queue.all, self.delivered, self.dead, self.cancelled
            ));
        }
        if let Some(first) = messages.first.filter(|first| *first < 1) {
            wrong.push(format!("a message bears the number {first}, but numbers begin at 1"));
        }
        if let Some(last) = messages.last.filter(|last| *last > self.last_sequence) {
            let given = self.last_sequence;
            wrong.push(format!("a message bears the number {last}, but the last that was given is {given}"));
        }
        if let Some(turn) = queue.last_turn.filter(|turn| *turn > self.last_turn) {
            let given = self.last_turn;
            wrong.push(format!("a message waits at place {turn}, but the last that was given is {given}"));
        }
        wrong
    }

    fn counts(&self, queue: &Queue) -> Counts {
        let count = |number: i64| u64::try_from(number).unwrap_or(0);
        Counts {
            accepted: count(self.last_sequence),
            pending: count(queue.all),
            delivered: count(self.delivered),
            dead: count(self.dead),
            cancelled: count(self.cancelled),
            dropped_delivered: count(self.dropped_delivered),
            dropped_dead: count(self.dropped_dead),
            dropped_cancelled: count(self.dropped_cancelled),
        }
    }
}

fn ledger(connection: &Connection, account: AccountId) -> Result<Ledger, Fault> {
    let found = connection
        .prepare_cached(
            "SELECT a.last_sequence, a.last_turn,
                    coalesce(l.delivered, 0), coalesce(l.dead, 0), coalesce(l.cancelled, 0),
                    coalesce(l.dropped_delivered, 0), coalesce(l.dropped_dead, 0),
                    coalesce(l.dropped_cancelled, 0)
             FROM account a LEFT JOIN lane l ON l.account = a.account WHERE a.account = ?1",
        )?
        .query_row([account.number()], |row| {
            Ok(Ledger {
                last_sequence: row.get(0)?,
                last_turn: row.get(1)?,
                delivered: row.get(2)?,
                dead: row.get(3)?,
                cancelled: row.get(4)?,
                dropped_delivered: row.get(5)?,
                dropped_dead: row.get(6)?,
                dropped_cancelled: row.get(7)?,
            })
        })?;
    Ok(found)
}

fn messages(connection: &Connection, account: AccountId) -> Result<Messages, Fault> {
    let found = connection
        .prepare_cached(
            "SELECT count(*), coalesce(sum(state = 0), 0), coalesce(sum(state = 1), 0),
                    coalesce(sum(state = 2), 0), coalesce(sum(state = 3), 0), min(sequence), max(sequence)
             FROM message WHERE account = ?1",
        )?
        .query_row([account.number()], |row| {
            Ok(Messages {
                all: row.get(0)?,
                pending: row.get(1)?,
                delivered: row.get(2)?,
                dead: row.get(3)?,
                cancelled: row.get(4)?,
                first: row.get(5)?,
                last: row.get(6)?,
            })
        })?;
    Ok(found)
}

fn queue(connection: &Connection, account: AccountId) -> Result<Queue, Fault> {
    let found = connection
        .prepare_cached("SELECT count(*), max(turn) FROM pending WHERE account = ?1")?
        .query_row([account.number()], |row| Ok(Queue { all: row.get(0)?, last_turn: row.get(1)? }))?;
    Ok(found)
}
