//! What the retention leaves behind in the file: nothing that nobody needs, and pages to be used again.

use std::path::Path;

use ringback_delivery::Verdict;
use ringback_store::{Reading, ReplayFilter, Replaying, Retention, Store, Swept, Upkeep};
use rusqlite::Connection;

use super::{look, new_store, number};
use crate::cast::*;
use crate::looking::*;

fn rows(database: &Connection, table: &str) -> i64 {
    number(database, &format!("SELECT count(*) FROM {table}"))
}

#[tokio::test]
async fn all_that_belongs_to_a_message_goes_with_it() {
    let (folder, store) = new_store();
    register(&store, ONE).await;
    for key in 1..=6 {
        accept(&store, at(0), named(ONE, key, key)).await;
    }
    for _ in 0..3 {
        let rows = waiting(&store, ONE).await;
        let outcomes = rows.iter().map(|row| retry(ONE, row, at(1))).collect();
        store_record(&store, outcomes).await;
    }
    let rows_left = waiting(&store, ONE).await;
    let mut outcomes: Vec<_> = rows_left[..2].iter().map(|row| delivered(ONE, row)).collect();
    outcomes.extend(rows_left[2..4].iter().map(|row| dead(ONE, row)));
    outcomes.push(settled(ONE, &rows_left[4], Verdict::Cancelled, answered(500)));
    store_record(&store, outcomes).await;
    let database = look(folder.path());
    assert_eq!((rows(&database, "attempt"), rows(&database, "body")), (23, 6));

    // In two parts: the bodies of the dead and of the pending one are set aside, then the dead go too.
    retire_all(&store, hour(5), short()).await;
    let left = ["message", "attempt", "body", "kept_body", "pending"].map(|table| rows(&database, table));
    assert_eq!(left, [3, 11, 0, 3, 1]);
    retire_all(&store, hour(20), short()).await;
    let left = ["message", "attempt", "body", "kept_body", "pending"].map(|table| rows(&database, table));
    assert_eq!(left, [1, 3, 0, 1, 1]);
    assert_eq!(rows(&database, "idempotency"), 6);
    retire_all(&store, hour(72), short()).await;
    assert_eq!(rows(&database, "idempotency"), 0);
    verified(&store).await;
}

async fn store_record(store: &dyn Store, outcomes: Vec<ringback_store::Settled>) {
    store.record(at(1), outcomes, Vec::new()).await.unwrap();
}

#[tokio::test]
async fn old_keys_tokens_sessions_and_logins_go_in_steps() {
    let (folder, store) = new_store();
    let mut database = look(folder.path());
    let fill = database.transaction().unwrap();
    for n in 0..1500_i64 {
        let key = n.to_be_bytes();
        let sql = [
            "INSERT INTO idempotency VALUES (3, ?1, ?2, x'00', 1, 1)",
            "INSERT INTO token VALUES (?2, ?1, 1)",
            "INSERT INTO session VALUES (?2, ?1, 1)",
            "INSERT INTO failed_login VALUES (?1, ?2, 1, 1, NULL)",
        ];
        for sql in sql {
            fill.execute(sql, rusqlite::params![n, key]).unwrap();
        }
    }
    fill.commit().unwrap();
    assert_eq!(store.retire(at(0), Retention::default()).await.unwrap(), Swept::More);
    assert!(rows(&database, "idempotency") >= 500);
    assert!(retire_all(&store, at(0), Retention::default()).await >= 5);
    for table in ["idempotency", "token", "session", "failed_login"] {
        assert_eq!(rows(&database, table), 0, "{table}");
    }
}

#[tokio::test]
async fn a_body_of_no_message_is_no_obstacle() {
    let (folder, store) = new_store();
    register(&store, ONE).await;
    accept_many(&store, at(0), ONE, 3).await;
    deliver_all(&store, at(1), ONE).await;
    let database = look(folder.path());
    database.execute("DELETE FROM message WHERE sequence = 1", []).unwrap();
    database.execute("UPDATE lane SET delivered = 0", []).unwrap();
    retire_all(&store, hour(2), short()).await;
    assert_eq!((rows(&database, "body"), rows(&database, "message")), (0, 0));
    // The counters took no harm beyond that of the damage, and the account goes on.
    assert_eq!(number(&database, "SELECT delivered FROM lane"), 0);
    accept_many(&store, hour(3), ONE, 1).await;
}

fn pages(folder: &Path) -> i64 {
    number(&look(folder), "PRAGMA page_count")
}

#[tokio::test]
async fn the_file_settles_under_a_steady_load() {
    let (folder, store) = new_store();
    register(&store, ONE).await;
    register(&store, TWO).await;
    let body = "x".repeat(1500);
    let mut sizes = Vec::new();
    for round in 0..10 {
        let now = hour(2 * round);
        for number in [ONE, TWO] {
            let batch = (0..400).map(|_| message(number, &body)).collect();
            accept_all(&store, now, batch).await;
        }
        // Of one account all is delivered; of the other a few die, and are set aside.
        deliver_all(&store, now, ONE).await;
        let rows = waiting(&store, TWO).await;
        let outcomes = rows.iter().enumerate().map(|(n, row)| match n % 50 {
            0 => dead(TWO, row),
            _ => delivered(TWO, row),
        });
        let outcomes = outcomes.collect();
        store_record(&store, outcomes).await;
        deliver_all(&store, now, TWO).await;
        retire_all(&store, now, short()).await;
        sizes.push(pages(folder.path()));
    }
    assert!(sizes[9] * 10 <= sizes[4] * 12, "{sizes:?}");
    // What is free is used: it is not that nothing was ever removed.
    assert!(number(&look(folder.path()), "SELECT count(*) FROM body") <= 800);
    verified(&store).await;
}

#[tokio::test]
async fn the_file_stays_near_the_bytes_that_it_may_have() {
    const MOST: u64 = 2_000_000;
    let (folder, store) = new_store();
    register(&store, ONE).await;
    let body = "x".repeat(1500);
    let retention = Retention { bytes: Some(MOST), ..Retention::default() };
    for round in 0..12 {
        let batch = (0..200).map(|_| message(ONE, &body)).collect();
        accept_all(&store, at(round), batch).await;
        deliver_all(&store, at(round), ONE).await;
        retire_all(&store, at(round), retention).await;
    }
    let bytes = u64::try_from(pages(folder.path())).unwrap() * 4096;
    assert!(bytes < MOST * 3 / 2, "{bytes}");
    assert!(counts(&store, ONE).await.delivered > 500);
    verified(&store).await;
}

#[tokio::test]
async fn messages_from_a_clock_that_was_ahead_hold_up_nothing() {
    // More of them than a step reads at once, and so few that it reads young ones along with them.
    for (wrong, right) in [(200, 100), (30, 6)] {
        let (folder, store) = new_store();
        register(&store, ONE).await;
        // A year ahead for a while; then it is set right.
        let ahead = hour(365 * 24);
        let ids = accept_many(&store, ahead, ONE, wrong).await;
        deliver_all(&store, ahead, ONE).await;
        for n in 0..5 {
            accept_many(&store, hour(n), ONE, right).await;
            deliver_all(&store, hour(n), ONE).await;
        }
        let database = look(folder.path());
        let bodies = || {
            let there = |table| usize::try_from(rows(&database, table)).unwrap();
            (there("body"), there("kept_body"))
        };
        // While nothing behind them is old, they stay where they are.
        retire_all(&store, at(10), short()).await;
        assert_eq!(bodies(), (wrong + 5 * right, 0));
        retire_all(&store, hour(3), short()).await;
        assert_eq!(bodies(), (2 * right, wrong));
        assert!(store.message(ids[0]).await.unwrap().is_some());
        verified(&store).await;
        // A clock that is behind takes nothing along.
        retire_all(&store, hour(-1_000_000), short()).await;
        assert_eq!(bodies(), (2 * right, wrong));
        retire_all(&store, ahead.after(short().finished), short()).await;
        assert_eq!((rows(&database, "message"), bodies()), (0, (0, 0)));
        verified(&store).await;
    }
}

#[tokio::test]
async fn a_step_of_large_bodies_takes_no_longer() {
    let (folder, store) = new_store();
    register(&store, ONE).await;
    let large = "x".repeat(1024 * 1024);
    let messages = (0..60).map(|_| message(ONE, &large)).collect();
    accept_all(&store, at(0), messages).await;
    assert_eq!(store.retire(hour(2), short()).await.unwrap(), Swept::More);
    let aside = rows(&look(folder.path()), "kept_body");
    assert!(aside > 0 && aside < 60, "{aside} of 60 MiB in a step");
    retire_all(&store, hour(2), short()).await;
    assert_eq!(rows(&look(folder.path()), "kept_body"), 60);
    verified(&store).await;
}

#[tokio::test]
async fn a_row_that_makes_no_sense_holds_up_neither_retention_nor_replay() {
    let (folder, store) = new_store();
    register(&store, ONE).await;
    accept_many(&store, at(0), ONE, 4).await;
    kill_all(&store, at(1), ONE).await;
    let database = look(folder.path());
    database.execute("UPDATE message SET state = 9 WHERE sequence = 2", []).unwrap();
    let all = ReplayFilter { state: None, since: None, until: None };
    assert_eq!(store.begin_replay(at(2), account(ONE), all).await.unwrap(), kept(3));
    replay_all(&store, at(3)).await;
    assert_eq!(queue(&store, ONE).await, [1, 3, 4]);
    deliver_all(&store, at(4), ONE).await;
    retire_all(&store, hour(2), short()).await;
    assert_eq!((rows(&database, "message"), rows(&database, "body")), (1, 0));
}
