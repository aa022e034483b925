//! A check finds what is planted, and says so with both numbers.

use ringback_delivery::{AccountId, Verdict};
use ringback_store::{Discrepancy, Dispatching, Replaying, Role, SqliteOptions, SqliteStore, Upkeep};
use rusqlite::Connection;
use tempfile::TempDir;

use super::{database, look, new_store};
use crate::cast::*;
use crate::looking::*;

/// Two accounts with something of everything. Of each: 1 delivered at once, 2 delivered at its second attempt, 3 dead, 4
/// cancelled, all of these set aside; 5 and 6 pending, and 7 a replay that waits at place 8.
async fn populated() -> (TempDir, SqliteStore) {
    let (folder, store) = new_store();
    for number in [TWO, ONE] {
        register(&store, number).await;
        accept_many(&store, at(0), number, 4).await;
        let rows = waiting(&store, number).await;
        let outcomes = vec![
            delivered(number, &rows[0]),
            retry(number, &rows[1], at(2)),
            dead(number, &rows[2]),
            settled(number, &rows[3], Verdict::Cancelled, answered(500)),
        ];
        store.record(hour(2), outcomes, Vec::new()).await.unwrap();
        deliver_all(&store, hour(2), number).await;
    }
    retire_all(&store, hour(2), short()).await;
    for number in [TWO, ONE] {
        let ids = accept_many(&store, hour(2), number, 3).await;
        let rows = waiting(&store, number).await;
        store.record(hour(2), vec![dead(number, &rows[2])], Vec::new()).await.unwrap();
        store.replay(hour(2), ids[2]).await.unwrap();
    }
    verified(&store).await;
    (folder, store)
}

/// Plants something, and gives what the check says of it.
async fn planted(plant: &str) -> Vec<(Option<AccountId>, String)> {
    let (folder, store) = populated().await;
    look(folder.path()).execute_batch(&plant.replace("ONE", &ONE.to_string())).unwrap();
    let report = store.verify().await.unwrap();
    report.discrepancies.into_iter().map(|Discrepancy { account, what }| (account, what)).collect()
}

/// Each corruption, and a part of what is said of it.
const CORRUPTIONS: [(&str, &str); 24] = [
    (
        "UPDATE lane SET delivered = delivered + 1 WHERE account = ONE",
        "the ledger counts 3 delivered messages, but 2 are kept",
    ),
    (
        "UPDATE lane SET delivered = delivered + 1 WHERE account = ONE",
        "7 messages were accepted, but 8 are accounted for: 3 pending, 3 delivered, 1 dead, 1 cancelled, and 0",
    ),
    ("UPDATE lane SET dead = 0 WHERE account = ONE", "the ledger counts 0 dead messages, but 1 are kept"),
    (
        "UPDATE lane SET cancelled = -1 WHERE account = ONE",
        "the ledger counts -1 cancelled messages, but 1 are kept",
    ),
    (
        "UPDATE lane SET dropped_dead = 4 WHERE account = ONE",
        "7 messages were accepted, but 11 are accounted for",
    ),
    ("DELETE FROM lane WHERE account = ONE", "the ledger counts 0 delivered messages, but 2 are kept"),
    (
        "UPDATE account SET last_sequence = 6 WHERE account = ONE",
        "a message bears the number 7, but the last that was given is 6",
    ),
    (
        "UPDATE account SET last_sequence = 9 WHERE account = ONE",
        "9 messages were accepted, but 7 are accounted for",
    ),
    (
        "UPDATE account SET last_turn = 7 WHERE account = ONE",
        "a message waits at place 8, but the last that was given is 7",
    ),
    (
        "DELETE FROM message WHERE account = ONE AND sequence = 1",
        "the ledger counts 2 delivered messages, but 1 are kept",
    ),
    (
        "DELETE FROM message WHERE account = ONE AND sequence = 1",
        "8 bodies were set aside by the retention, but 7 are of a message",
    ),
    (
        "DELETE FROM message WHERE account = ONE AND sequence = 2",
        "5 attempts are kept, but 3 are of a message that is kept; those of number 2",
    ),
    (
        "UPDATE message SET sequence = 0 WHERE account = ONE AND sequence = 1",
        "a message bears the number 0, but numbers begin at 1",
    ),
    (
        "UPDATE message SET state = 9 WHERE account = ONE AND sequence = 1",
        "1 of 7 messages are in no known state",
    ),
    (
        "DELETE FROM pending WHERE account = ONE AND turn = 5",
        "3 messages are pending, but 2 wait in the queue",
    ),
    (
        "DELETE FROM pending WHERE account = ONE AND turn = 5",
        "3 messages are pending, but 2 have their place in the queue; number 5 has none",
    ),
    (
        "UPDATE message SET state = 1, finished_at = 1 WHERE account = ONE AND sequence = 6",
        "3 places in the queue are taken, but 2 by a message that is pending there; place 6 is not",
    ),
    ("UPDATE message SET turn = 8 WHERE account = ONE AND sequence = 5", "number 5 has none"),
    ("UPDATE pending SET position = 1 WHERE account = ONE AND turn = 8", "place 8 is not"),
    ("UPDATE message SET finished_at = NULL WHERE account = ONE AND sequence = 2", "number 2 is otherwise"),
    (
        "DELETE FROM body WHERE account = ONE AND sequence = 6",
        "7 messages are kept, but 6 have their body; number 6 has none",
    ),
    (
        "DELETE FROM kept_body WHERE account = ONE AND sequence = 3",
        "7 messages are kept, but 6 have their body; number 3 has none",
    ),
    ("UPDATE body SET sequence = 5 WHERE account = ONE AND sequence = 6", "number 6 has none"),
    ("UPDATE store SET positions_through = 3", "a body is at position"),
];

#[tokio::test]
async fn what_is_planted_is_found_and_told_with_both_numbers() {
    for (plant, told) in CORRUPTIONS {
        let found = planted(plant).await;
        assert!(found.iter().any(|(_, what)| what.contains(told)), "{plant}\n{told}\n{found:#?}");
        // Of the account that it is of, where it is of one.
        let others = found.iter().filter(|(whose, _)| whose.is_some_and(|whose| whose != account(ONE)));
        assert_eq!(others.count(), 0, "{plant}\n{found:#?}");
    }
}

#[tokio::test]
async fn a_body_that_is_where_it_does_not_belong_is_found() {
    let move_aside = "INSERT INTO kept_body (position, account, sequence, body) SELECT position, account, sequence, body FROM body
        WHERE account = ONE AND sequence = 6; DELETE FROM body WHERE account = ONE AND sequence = 6";
    let found = planted(move_aside).await;
    let said = |part: &str| assert!(found.iter().any(|(_, what)| what.contains(part)), "{part}\n{found:#?}");
    said("number 6 has none");
    said("bodies were set aside by the retention, but");
    said("a body was set aside from position");
}

#[tokio::test]
async fn rows_of_an_account_without_a_row_are_found() {
    for (plant, what) in [
        ("INSERT INTO lane (account, delivered) VALUES (7, 3)", "a lane (1 rows)"),
        ("INSERT INTO replay_job VALUES (7, 1, 1, 1, 1, 1, 1, 1, 1, 1)", "a replay (1 rows)"),
        ("INSERT INTO registration (account) VALUES (7)", "a registration (1 rows)"),
        ("UPDATE attempt SET account = 7 WHERE account = ONE AND sequence = 2", "attempts (2 rows)"),
        ("UPDATE message SET account = 7 WHERE account = ONE", "messages (7 rows)"),
        ("UPDATE pending SET account = 7 WHERE account = ONE", "places in the queue (3 rows)"),
    ] {
        let found = planted(plant).await;
        let stray = found.iter().find(|(whose, _)| *whose == Some(account(7)));
        assert!(stray.is_some_and(|(_, told)| told.contains(what)), "{plant}\n{found:#?}");
    }
}

#[tokio::test]
async fn numbers_that_no_account_can_have_are_found() {
    for (plant, what) in [
        ("INSERT INTO account (account) VALUES (-4)", "an account bears the number -4"),
        ("INSERT INTO account (account) VALUES (1000000000000000)", "bears the number 1000000000000000"),
        ("UPDATE attempt SET account = -4 WHERE account = ONE AND sequence = 2", "-4 has attempts (2 rows)"),
    ] {
        let found = planted(plant).await;
        let told = found.iter().find(|(whose, told)| whose.is_none() && told.contains(what));
        assert!(told.is_some(), "{plant}\n{found:#?}");
    }
}

#[tokio::test]
async fn at_most_a_hundred_things_are_told() {
    let (folder, store) = new_store();
    for number in 0..150 {
        register(&store, ONE + number).await;
    }
    look(folder.path()).execute("UPDATE account SET last_sequence = 5", []).unwrap();
    let report = store.verify().await.unwrap();
    assert_eq!((report.accounts, report.discrepancies.len()), (150, 100));
}

#[tokio::test]
async fn a_command_checks_beside_a_server_at_work() {
    let (folder, store) = new_store();
    for number in 0..8 {
        register(&store, ONE + number).await;
    }
    let admin = SqliteOptions { role: Role::Admin, ..SqliteOptions::server(database(folder.path())) };
    let admin = SqliteStore::open(admin).unwrap();
    let work = async {
        for round in 0..15 {
            for number in 0..8 {
                let to = ONE + number;
                accept_many(&store, hour(round), to, 20).await;
                let rows = waiting(&store, to).await;
                let outcomes = rows.iter().map(|row| match row.sequence.0 % 7 {
                    0 => dead(to, row),
                    _ => delivered(to, row),
                });
                let outcomes = outcomes.skip(3).collect();
                store.record(hour(round), outcomes, Vec::new()).await.unwrap();
                store.retire(hour(round), short()).await.unwrap();
            }
        }
    };
    let check = async {
        let mut checks = 0;
        loop {
            verified(&admin).await;
            checks += 1;
            if checks == 40 {
                return;
            }
        }
    };
    tokio::join!(work, check);
    assert_eq!(verified(&admin).await, verified(&store).await);
}

#[tokio::test]
async fn many_messages_are_checked_in_portions() {
    let (folder, store) = new_store();
    register(&store, ONE).await;
    let mut database: Connection = look(folder.path());
    let fill = database.transaction().unwrap();
    let rows = 35_000_i64;
    for n in 1..=rows {
        let (number, now) = (i64::try_from(ONE).unwrap(), at(0).as_millis());
        let state = n % 4;
        let finished = (state != 0).then_some(now);
        let message =
            "INSERT INTO message (account, sequence, position, accepted_at, kind, state, finished_at)
             VALUES (?1, ?2, ?2, ?3, 1, ?4, ?5)";
        fill.prepare_cached(message)
            .unwrap()
            .execute(rusqlite::params![number, n, now, state, finished])
            .unwrap();
        let body = "INSERT INTO body (position, account, sequence, accepted_at, body) VALUES (?2, ?1, ?2, ?3, x'7b7d')";
        fill.prepare_cached(body).unwrap().execute(rusqlite::params![number, n, now]).unwrap();
        if state == 0 {
            let pending = "INSERT INTO pending (account, turn, sequence, position, accepted_at, born)
                 VALUES (?1, ?2, ?2, ?2, ?3, ?3)";
            fill.prepare_cached(pending).unwrap().execute(rusqlite::params![number, n, now]).unwrap();
        }
    }
    let settle = "UPDATE store SET positions_through = 65536;
        UPDATE account SET last_sequence = 35000, last_turn = 35000;
        INSERT INTO lane (account, delivered, dead, cancelled) SELECT account, 8750, 8750, 8750 FROM account";
    fill.execute_batch(settle).unwrap();
    fill.commit().unwrap();
    assert_eq!(verified(&store).await.counts.accepted, 35_000);
    // Whatever portion it is in.
    for sequence in [1, 10_000, 10_001, 30_001, 35_000] {
        let plant = format!("UPDATE body SET sequence = sequence + 1 WHERE position = {sequence}");
        database.execute(&plant, []).unwrap();
        let report = store.verify().await.unwrap();
        let told: Vec<_> = report.discrepancies.iter().map(|found| found.what.clone()).collect();
        assert_eq!(
            told,
            [
                format!("35000 messages are kept, but 34999 have their body; number {sequence} has none"),
                format!(
                    "35000 bodies lie where they came in, but 34999 are of a message; \
                     the one at position {sequence} is not"
                ),
            ]
        );
        let mend = format!("UPDATE body SET sequence = sequence - 1 WHERE position = {sequence}");
        database.execute(&mend, []).unwrap();
    }
}
