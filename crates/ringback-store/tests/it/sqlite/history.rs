//! What stays of a message's attempts.

use ringback_delivery::{Death, Failure, MessageState, Outcome, Trouble, Verdict};
use ringback_store::{Dispatching, Registrations, Settled};
use rusqlite::Connection;

use super::{look, new_store, number};
use crate::cast::*;

fn attempts(connection: &Connection) -> Vec<(u32, u16)> {
    let mut statement =
        connection.prepare("SELECT number, outcome FROM attempt ORDER BY account, sequence, number").unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

#[tokio::test]
async fn a_success_at_the_first_attempt_stands_in_the_messages_own_row() {
    let (folder, store) = new_store();
    register(&store, ONE).await;
    accept(&store, at(0), message(ONE, "x")).await;
    let row = waiting(&store, ONE).await[0];
    store.record(at(5), vec![delivered(ONE, &row)], Vec::new()).await.unwrap();
    let look = look(folder.path());
    let found: (i64, i64, i64, i64, i64) = look
        .query_row("SELECT status, started_at, duration, attempts, finished_at FROM message", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
        })
        .unwrap();
    assert_eq!(found, (204, at(1).as_millis(), 20, 1, at(5).as_millis()));
    assert_eq!(attempts(&look), []);
}

#[tokio::test]
async fn every_other_attempt_is_a_row_with_how_it_ended() {
    let (folder, store) = new_store();
    register(&store, ONE).await;
    accept(&store, at(0), message(ONE, "x")).await;
    let again = Verdict::Retry { due: at(9), charged: 1, successes: 0 };
    let outcomes = [answered(500), Outcome::Failed(Failure::Tls), Outcome::NotStarted, answered(429)];
    for outcome in outcomes {
        let row = waiting(&store, ONE).await[0];
        let mut settled = settled(ONE, &row, again, outcome);
        if let Some(attempt) = &mut settled.attempt {
            attempt.error = Some("why".to_owned());
            attempt.excerpt = Some(b"what it said".to_vec());
        }
        store.record(at(1), vec![settled], Vec::new()).await.unwrap();
    }
    let row = waiting(&store, ONE).await[0];
    store.record(at(2), vec![delivered(ONE, &row)], Vec::new()).await.unwrap();
    let look = look(folder.path());
    let tls = Trouble::Failure(Failure::Tls).number();
    // Where nothing was sent there is nothing to tell.
    assert_eq!(attempts(&look), [(1, 500), (2, tls), (4, 429), (5, 204)]);
    assert_eq!(number(&look, "SELECT attempts FROM message"), 5);
    let kept: (String, Vec<u8>) = look
        .query_row("SELECT error, excerpt FROM attempt WHERE number = 1", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    assert_eq!(kept, ("why".to_owned(), b"what it said".to_vec()));
    assert_eq!(number(&look, "SELECT count(*) FROM message WHERE status IS NOT NULL"), 0);
}

#[tokio::test]
async fn the_last_hundred_attempts_are_kept() {
    let (folder, store) = new_store();
    register(&store, ONE).await;
    accept(&store, at(0), message(ONE, "x")).await;
    let mut row = waiting(&store, ONE).await[0];
    let mut retries: Vec<Settled> = Vec::new();
    for _ in 0..130 {
        retries.push(retry(ONE, &row, at(9)));
        row.attempts += 1;
    }
    store.record(at(1), retries, Vec::new()).await.unwrap();
    store.record(at(2), vec![dead(ONE, &row)], Vec::new()).await.unwrap();
    let numbers: Vec<u32> = attempts(&look(folder.path())).into_iter().map(|(number, _)| number).collect();
    assert_eq!(numbers, (32..=131).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_outcome_recorded_twice_is_counted_once() {
    let (folder, store) = new_store();
    register(&store, ONE).await;
    accept(&store, at(0), message(ONE, "x")).await;
    accept(&store, at(0), message(ONE, "y")).await;
    let rows = waiting(&store, ONE).await;
    let outcomes = vec![retry(ONE, &rows[0], at(9)), dead(ONE, &rows[1])];
    store.record(at(1), outcomes.clone(), Vec::new()).await.unwrap();
    store.record(at(1), outcomes, Vec::new()).await.unwrap();
    let look = look(folder.path());
    assert_eq!(attempts(&look), [(1, 500), (1, 500)]);
    assert_eq!(number(&look, "SELECT dead FROM lane"), 1);
    assert_eq!(number(&look, "SELECT death FROM message WHERE state = 2"), 1);
}

#[tokio::test]
async fn a_failed_first_attempt_of_an_acknowledged_message_is_a_row() {
    let (folder, store) = new_store();
    register(&store, ONE).await;
    accept(&store, at(0), named(ONE, 1, 1)).await;
    let row = waiting(&store, ONE).await[0];
    store.acknowledge(at(1), account(ONE), 1).await.unwrap();
    let failed = settled(ONE, &row, Verdict::Dead(Death::Age), answered(404));
    store.record(at(2), vec![failed], Vec::new()).await.unwrap();
    assert_eq!(state(&store, at(3), ONE, 1, 1).await, MessageState::Delivered);
    let look = look(folder.path());
    assert_eq!(attempts(&look), [(1, 404)]);
    assert_eq!(number(&look, "SELECT count(*) FROM message WHERE status IS NULL AND death IS NULL"), 1);
}
