//! Commits whose answer is lost: the lanes hear what became of them all the same, with nothing more being published.

use std::time::Duration;

use ringback_delivery::MessageState;
use ringback_store::{Admission, PostgresOptions, PostgresStore, Publishing as _, Registrations as _, Role};
use ringback_testbed::{Database, Postgres, Proxy};

use super::{SOMEBODY_WAITS, Session, gate, options, own_everything, told_store};
use crate::cast::*;

/// For what is to be heard.
const PATIENCE: Duration = Duration::from_secs(60);
const NOBODY_WAITS: &str = "SELECT count(*) = 0 FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'";

/// A store behind a line.
async fn behind(line: &Proxy, database: &Database<'_>) -> PostgresStore {
    let mut options: PostgresOptions = options(database, Role::Server);
    options.hosts[0].port = line.port();
    let store = PostgresStore::connect(options).await.unwrap();
    own_everything(&store).await;
    register(&store, ONE).await;
    store
}

/// Waits until the listener hears of something, and gives it.
async fn heard(ear: &Ear) -> Vec<Heard> {
    tokio::time::timeout(PATIENCE, ear.hears()).await.expect("something is heard in time")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_answer_came_too_late_is_heard_of() {
    let Some(postgres) = Postgres::shared() else { return };
    let (database, line) = (postgres.database(), Proxy::start(postgres.port()).await);
    let store = behind(&line, &database).await;
    let ear = Ear::at(&store);
    let somebody = Session::begin(&database).await;
    somebody.run("SELECT FROM ringback.account FOR UPDATE").await;
    let publishing = store.accept(at(1), vec![named(ONE, 1, 1)]);
    let meanwhile = async {
        database.until(SOMEBODY_WAITS).await;
        line.stall();
        somebody.end().await;
        database.until("SELECT count(*) = 1 FROM ringback.pending").await;
    };
    let (published, ()) = tokio::join!(publishing, meanwhile);
    published.unwrap_err();
    assert_eq!(ear.heard(), []);
    line.restore();
    let body = named(ONE, 1, 1).content.body;
    assert_eq!(heard(&ear).await, [Heard::Accepted(vec![(account(ONE), 1, body)])]);

    // Sent again, it is a duplicate, of which the first answer may have told nobody.
    let again = store.accept(at(2), vec![named(ONE, 1, 1)]).await.unwrap();
    assert!(matches!(again[..], [Admission::Duplicate(_, MessageState::Pending)]), "{again:?}");
    assert_eq!(ear.heard(), [Heard::Missed(vec![account(ONE)])]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_connection_broke_is_looked_for_once_its_statement_has_ended() {
    let Some(postgres) = Postgres::shared() else { return };
    let (database, line) = (postgres.database(), Proxy::start(postgres.port()).await);
    let store = behind(&line, &database).await;
    let ear = Ear::at(&store);
    let somebody = Session::begin(&database).await;
    somebody.run("SELECT FROM ringback.account FOR UPDATE").await;
    let publishing = store.accept(at(1), vec![named(ONE, 1, 1)]);
    let meanwhile = async {
        database.until(SOMEBODY_WAITS).await;
        line.cut();
    };
    let (published, ()) = tokio::join!(publishing, meanwhile);
    published.unwrap_err();
    line.restore();
    assert_eq!(ear.heard(), []);
    somebody.end().await;
    assert_eq!(heard(&ear).await, [Heard::Missed(vec![account(ONE)])]);
    database.until(NOBODY_WAITS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deregistration_that_was_answered_to_nobody_is_heard_of() {
    let Some(postgres) = Postgres::shared() else { return };
    let (database, line) = (postgres.database(), Proxy::start(postgres.port()).await);
    let store = behind(&line, &database).await;
    let ear = Ear::at(&store);
    gate(&database, "UPDATE ON ringback.account");
    let somebody = Session::at_the_gate(&database).await;
    let meanwhile = async {
        database.until(SOMEBODY_WAITS).await;
        line.cut();
    };
    let (deregistered, ()) = tokio::join!(store.deregister(at(1), account(ONE)), meanwhile);
    deregistered.unwrap_err();
    line.restore();
    somebody.end().await;
    assert_eq!(heard(&ear).await, [Heard::Missed(vec![account(ONE)])]);

    // Asked for again it is nothing new, but told.
    assert_eq!(store.deregister(at(2), account(ONE)).await.unwrap(), None);
    let standing = store.standing(account(ONE)).await.unwrap();
    assert!(!standing.registered);
    assert_eq!(ear.heard(), [Heard::Standing(account(ONE), standing)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_standby_keeps_one_connection_however_much_is_published() {
    let Some(postgres) = Postgres::own() else { return };
    let database = postgres.database();
    let store = PostgresStore::connect(options(&database, Role::Server)).await.unwrap();
    own_everything(&store).await;
    register(&store, ONE).await;
    accept(&store, at(1), message(ONE, "before")).await;
    let ear = Ear::at(&store);
    let standbys = async |names: &str| {
        postgres.psql("postgres", &format!("ALTER SYSTEM SET synchronous_standby_names = '{names}'"));
        postgres.psql("postgres", "SELECT pg_reload_conf()");
        database.until(&format!("SELECT current_setting('synchronous_standby_names') = '{names}'")).await;
    };
    standbys("nobody").await;
    // Long enough for the first to be given up, and for the next.
    for key in 2..7 {
        store.accept(at(2), vec![named(ONE, key, key)]).await.unwrap_err();
    }
    let waiting = "SELECT count(*) FROM pg_stat_activity
                   WHERE datname = current_database() AND wait_event = 'SyncRep'";
    assert!(database.psql(waiting).trim().parse::<u32>().unwrap() <= 1);
    let connected = "SELECT count(*) FROM pg_stat_activity
                     WHERE datname = current_database() AND application_name = 'ringback'";
    let budget = options(&database, Role::Server).connection_budget();
    assert!(database.psql(connected).trim().parse::<usize>().unwrap() <= budget);
    standbys("").await;
    heard(&ear).await;
    accept(&store, at(3), message(ONE, "after")).await;
}

/// Two messages bear a key that a third one had before: they are two commits, and the second one meets somebody.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_batch_has_committed_is_not_taken_in_again_where_a_later_part_of_it_fails() {
    let Some((database, store)) = told_store().await else { return };
    register(&store, ONE).await;
    accept(&store, at(1), named(ONE, 1, 1)).await;
    let ear = Ear::at(&store);
    gate(&database, "INSERT ON ringback.pending");
    let (first, second) = (Session::at_the_gate(&database).await, Session::begin(&database).await);
    let batch = vec![message(ONE, "without a key"), named(ONE, 1, 2), named(ONE, 1, 3)];
    let meanwhile = async {
        database.until(SOMEBODY_WAITS).await;
        let release = async {
            database
                .until(
                    "SELECT count(*) = 2 FROM pg_stat_activity
                 WHERE datname = current_database() AND wait_event_type = 'Lock'",
                )
                .await;
            first.end().await;
        };
        tokio::join!(second.run("LOCK TABLE ringback.idempotency"), release);
    };
    let (published, ()) = tokio::join!(store.accept(at(2), batch), meanwhile);
    published.unwrap_err();
    second.end().await;
    let body = message(ONE, "without a key").content.body;
    assert_eq!(heard(&ear).await, [Heard::Accepted(vec![(account(ONE), 2, body)])]);
    assert_eq!(queue(&store, ONE).await, [1, 2]);
}
