//! A check finds what is planted, and says so.

use ringback_delivery::{AccountId, Verdict};
use ringback_store::{Discrepancy, Dispatching as _, PostgresStore, Replaying as _, Upkeep as _};
use ringback_testbed::Database;

use super::told_store;
use crate::cast::*;
use crate::looking::*;

/// The tables that damage is done to.
const TABLES: [&str; 9] =
    ["account", "lane", "arrival", "ending", "kept", "pending", "attempt", "registration", "replay_job"];

/// A store to damage, again and again.
struct Victim {
    database: Database<'static>,
    store: PostgresStore,
}

impl Victim {
    /// Two accounts with something of everything. Of each: 1 delivered at once, 2 delivered at its second attempt, 3 dead, 4
    /// cancelled, 5 pending, all of these set aside; 6 and 7 pending, 8 a replay that waits at place 10, and 9 delivered.
    async fn new() -> Option<Self> {
        let (database, store) = told_store().await?;
        for number in [TWO, ONE] {
            register(&store, number).await;
            accept_many(&store, at(0), number, 5).await;
            let rows = waiting(&store, number).await;
            let outcomes = vec![
                delivered(number, &rows[0]),
                retry(number, &rows[1], at(2)),
                dead(number, &rows[2]),
                settled(number, &rows[3], Verdict::Cancelled, answered(500)),
            ];
            store.record(hour(2), outcomes, Vec::new()).await.unwrap();
            let rows = waiting(&store, number).await;
            store.record(hour(2), vec![delivered(number, &rows[0])], Vec::new()).await.unwrap();
        }
        retire_all(&store, hour(2), short()).await;
        for number in [TWO, ONE] {
            let ids = accept_many(&store, hour(2), number, 4).await;
            let rows = waiting(&store, number).await;
            let outcomes = vec![dead(number, &rows[3]), delivered(number, &rows[4])];
            store.record(hour(2), outcomes, Vec::new()).await.unwrap();
            store.replay(hour(2), ids[2]).await.unwrap();
        }
        let counts = verified(&store).await.counts;
        assert_eq!((counts.accepted, counts.pending, counts.delivered), (18, 8, 6), "{counts:?}");
        // What was set aside lies behind the cut too, until its day is dropped.
        let places = "SELECT (SELECT count(*) FROM ringback.kept),
            (SELECT count(*) FROM ringback.arrival, ringback.tape WHERE position > cut),
            (SELECT count(*) FROM ringback.ending, ringback.tape WHERE position > cut)";
        assert_eq!(database.psql(places).trim(), "10|8|2");
        let keep = |table| format!("CREATE TABLE saved.{table} AS TABLE ringback.{table}");
        database.psql(&format!("CREATE SCHEMA saved; {}", TABLES.map(keep).join("; ")));
        Some(Self { database, store })
    }

    /// Plants something, and gives what the check says of it; then all is as it was.
    async fn planted(&self, plant: &str) -> Vec<(Option<AccountId>, String)> {
        self.database.psql(&plant.replace("ONE", &ONE.to_string()));
        let report = self.store.verify().await.unwrap();
        let mend = |table| {
            format!("DELETE FROM ringback.{table}; INSERT INTO ringback.{table} SELECT * FROM saved.{table}")
        };
        self.database.psql(&format!("BEGIN; {}; COMMIT", TABLES.map(mend).join("; ")));
        report.discrepancies.into_iter().map(|Discrepancy { account, what }| (account, what)).collect()
    }
}

/// Each corruption, and a part of what is said of it.
const CORRUPTIONS: [(&str, &str); 26] = [
    (
        "UPDATE ringback.lane SET delivered = delivered + 1 WHERE account = ONE",
        "the ledger counts 4 delivered messages, but 3 are kept",
    ),
    (
        "UPDATE ringback.lane SET delivered = delivered + 1 WHERE account = ONE",
        "9 messages were accepted, but 10 are accounted for: 4 pending, 4 delivered, 1 dead, 1 cancelled, and 0",
    ),
    (
        "UPDATE ringback.lane SET dead = 0 WHERE account = ONE",
        "the ledger counts 0 dead messages, but 1 are kept",
    ),
    (
        "UPDATE ringback.lane SET cancelled = -1 WHERE account = ONE",
        "the ledger counts -1 cancelled messages, but 1 are kept",
    ),
    (
        "UPDATE ringback.lane SET dropped_dead = 4 WHERE account = ONE",
        "9 messages were accepted, but 13 are accounted for",
    ),
    (
        "DELETE FROM ringback.lane WHERE account = ONE",
        "the ledger counts 0 delivered messages, but 3 are kept",
    ),
    (
        "UPDATE ringback.account SET base_sequence = 11 WHERE account = ONE",
        "11 messages were accepted, but 9 are accounted for",
    ),
    (
        "UPDATE ringback.account SET base_sequence = 8, tail_from = 9223372036854775807 WHERE account = ONE",
        "a message bears the number 9, but the last that was given is 8",
    ),
    (
        "UPDATE ringback.account SET replays = 0 WHERE account = ONE",
        "a message waits at place 10, but the last that was given is 9",
    ),
    (
        "UPDATE ringback.account SET shard = (shard + 1) % 1024 WHERE account = ONE",
        "but belongs in",
    ),
    (
        "DELETE FROM ringback.kept WHERE account = ONE AND sequence = 1",
        "the ledger counts 3 delivered messages, but 2 are kept",
    ),
    (
        "DELETE FROM ringback.ending WHERE account = ONE",
        "the ledger counts 3 delivered messages, but 2 are kept",
    ),
    (
        "DELETE FROM ringback.ending WHERE account = ONE",
        "5 messages are pending, but 4 wait in the queue",
    ),
    (
        "UPDATE ringback.kept SET sequence = 0 WHERE account = ONE AND sequence = 1",
        "a message bears the number 0, but numbers begin at 1",
    ),
    (
        "UPDATE ringback.kept SET state = 9 WHERE account = ONE AND sequence = 1",
        "1 messages are in no known state",
    ),
    ("UPDATE ringback.ending SET state = 9 WHERE account = ONE", "1 messages are in no known state"),
    (
        "DELETE FROM ringback.pending WHERE account = ONE AND turn = 6",
        "4 messages are pending, but 3 wait in the queue",
    ),
    (
        "INSERT INTO ringback.ending (shard, account, sequence, position, turn, state, finished_at, attempts)
         SELECT shard, account, sequence, position, 6, 1, 1, 1 FROM ringback.arrival WHERE account = ONE AND sequence = 6",
        "1 places in the queue are taken by no message that is pending there; the first is place 6",
    ),
    (
        "UPDATE ringback.kept SET state = 1 WHERE account = ONE AND sequence = 5",
        "1 places in the queue are taken by no message that is pending there; the first is place 5",
    ),
    (
        "UPDATE ringback.pending SET position = 1 WHERE account = ONE AND turn = 10",
        "1 places in the queue are taken by no message that is pending there; the first is place 10",
    ),
    (
        "UPDATE ringback.pending SET sequence = 7 WHERE account = ONE AND turn IN (6, 10)",
        "2 places in the queue are taken by no message that is pending there; the first is place 6",
    ),
    (
        "DELETE FROM ringback.arrival WHERE account = ONE AND sequence = 6",
        "1 places in the queue are taken by no message that is pending there; the first is place 6",
    ),
    (
        "DELETE FROM ringback.arrival WHERE account = ONE AND sequence = 9",
        "1 messages have an end, but no body; the first is number 9",
    ),
    (
        "DELETE FROM ringback.kept WHERE account = ONE AND sequence = 2",
        "2 attempts are of no message that is kept; the first is of number 2",
    ),
    (
        "DELETE FROM ringback.arrival WHERE account = ONE AND sequence = 8",
        "1 attempts are of no message that is kept; the first is of number 8",
    ),
    (
        "UPDATE ringback.attempt SET sequence = 77 WHERE account = ONE AND sequence = 2",
        "2 attempts are of no message that is kept; the first is of number 77",
    ),
];

#[tokio::test]
async fn what_is_planted_is_found_and_told_with_both_numbers() {
    let Some(victim) = Victim::new().await else { return };
    for (plant, told) in CORRUPTIONS {
        let found = victim.planted(plant).await;
        assert!(found.iter().any(|(_, what)| what.contains(told)), "{plant}\n{told}\n{found:#?}");
        // Of the account that it is of.
        let others = found.iter().filter(|(whose, _)| *whose != Some(account(ONE)));
        assert_eq!(others.count(), 0, "{plant}\n{found:#?}");
    }
    verified(&victim.store).await;
}

#[tokio::test]
async fn rows_of_an_account_without_a_row_are_found() {
    let Some(victim) = Victim::new().await else { return };
    for (plant, what) in [
        ("UPDATE ringback.lane SET account = 7 WHERE account = ONE", "a lane (1 rows)"),
        ("UPDATE ringback.arrival SET account = 7 WHERE account = ONE", "messages (9 rows)"),
        ("UPDATE ringback.kept SET account = 7 WHERE account = ONE", "messages that were set aside (5 rows)"),
        ("UPDATE ringback.ending SET account = 7 WHERE account = ONE", "ends of messages (5 rows)"),
        ("UPDATE ringback.pending SET account = 7 WHERE account = ONE", "places in the queue (4 rows)"),
        ("UPDATE ringback.attempt SET account = 7 WHERE account = ONE AND sequence = 2", "attempts (2 rows)"),
        ("UPDATE ringback.registration SET account = 7 WHERE account = ONE", "a registration (1 rows)"),
        ("INSERT INTO ringback.replay_job VALUES (1, 7, 1, 1, 1, 1, 1, 1, 1, 1, 1)", "a replay (1 rows)"),
    ] {
        let found = victim.planted(plant).await;
        let told = format!("7 has {what}, but no account's row (0 rows)");
        let stray = found.iter().find(|(whose, what)| *whose == Some(account(7)) && *what == told);
        assert!(stray.is_some(), "{plant}\n{found:#?}");
    }
    verified(&victim.store).await;
}

#[tokio::test]
async fn numbers_that_no_account_can_have_are_found() {
    let Some(victim) = Victim::new().await else { return };
    for (plant, what) in [
        ("INSERT INTO ringback.account (shard, account) VALUES (1, -4)", "an account bears the number -4"),
        (
            "INSERT INTO ringback.account (shard, account) VALUES (1, 1000000000000000)",
            "bears the number 1000000000000000",
        ),
        (
            "UPDATE ringback.attempt SET account = -4 WHERE account = ONE AND sequence = 2",
            "-4 has attempts (2 rows)",
        ),
        (
            "INSERT INTO ringback.account (shard, account) VALUES (1, -4);
             INSERT INTO ringback.pending (shard, account, turn, sequence, position, accepted_at, born)
             VALUES (1, -4, 3, 3, 3, 3, 3)",
            "of -4: 1 places in the queue are taken by no message that is pending there; the first is place 3",
        ),
    ] {
        let found = victim.planted(plant).await;
        let told = found.iter().find(|(whose, told)| whose.is_none() && told.contains(what));
        assert!(told.is_some(), "{plant}\n{found:#?}");
    }
    verified(&victim.store).await;
}
