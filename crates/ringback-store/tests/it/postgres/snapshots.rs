//! Somebody else holds an old snapshot: that is told, and what is read does not grow with what it keeps.

use std::time::{Duration, Instant};

use ringback_delivery::{LaneRead, LaneUpdate};
use ringback_store::{Dispatching as _, PostgresStore, Publishing as _, Role, Upkeep as _};
use ringback_testbed::{Database, Postgres, Reads, looking};

use super::costs::{self, BUSY, Costs, Gone};
use super::options;
use crate::cast::*;

const PATIENCE: Duration = Duration::from_secs(60);
/// Messages that are accepted, claimed and delivered together.
const TOGETHER: u64 = 50;
/// Such rounds while the snapshot is held.
const ROUNDS: u64 = 200;
const ANALYZED_EACH: u64 = 20;
/// In the long test: what is measured together, and how much comes in a second.
const MINUTE: Duration = Duration::from_secs(60);
const PER_SECOND: u64 = 500;
/// In the long test: how long it goes as fast as it can, before the snapshot and behind it.
const A_WHILE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn an_old_snapshot_is_as_old_as_it_was_seen_for_and_is_forgotten_when_it_ends() {
    let Some(postgres) = Postgres::shared() else { return };
    let database = postgres.database();
    let store = PostgresStore::connect(options(&database, Role::Server)).await.unwrap();
    let look = async || store.oldest_snapshot().await.unwrap().unwrap();
    let snapshot = database.snapshot();
    // Something happens behind it, which has to be kept for it.
    database.psql("SELECT pg_current_xact_id()");
    look().await;
    let begun = Instant::now();
    database.psql("SELECT pg_current_xact_id()");
    let age = look().await;
    assert!(age >= begun.elapsed().min(Duration::from_millis(1)) && age <= PATIENCE, "{age:?}");
    assert!(look().await > age, "it grows older");
    drop(snapshot);
    let is_forgotten = async || match look().await {
        Duration::ZERO => Ok(()),
        age => Err(format!("{age:?}")),
    };
    looking::until("the snapshot to be forgotten", is_forgotten).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_old_snapshot_keeps_is_not_read_over_and_over() {
    let Some(postgres) = Postgres::shared() else { return };
    let database = postgres.database();
    costs::fill(&database, 500, 2000).await;
    let before = Costs::of(&database, 0, &Gone::default()).await;
    before.print("before");
    let mut gone = Gone::default();
    let alone = live_through(&database, 0..ROUNDS, &mut gone).await;
    let snapshot = database.snapshot();
    let behind = live_through(&database, ROUNDS..2 * ROUNDS, &mut gone).await;
    assert!(behind.rows <= alone.rows * 2, "{alone:?}, then {behind:?}");
    let dead: u64 =
        database.psql("SELECT count(*) FROM ringback.ending WHERE state = 1").trim().parse().unwrap();
    assert!(dead >= ROUNDS * TOGETHER, "so many rows of what waited are kept for the snapshot: {dead}");
    // As autovacuum does all the time: whatever the planner takes the tables for, with what is kept and without.
    database.psql("ANALYZE");
    let after = Costs::of(&database, 1, &gone).await;
    after.print("behind a snapshot");
    drop(snapshot);
    assert_not_worse(&before, &after);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes twelve minutes: the same at a steady pace, for the figures"]
async fn what_ten_minutes_old_snapshots_keep_is_not_read_over_and_over() {
    let Some(postgres) = Postgres::shared() else { return };
    let database = postgres.database();
    costs::fill(&database, 1000, 2000).await;
    let (store, mut gone) = (costs::open(&database).await, Gone::default());
    live_for(&database, &store, &mut gone, Pace::Steady, "before").await;
    live_for(&database, &store, &mut gone, Pace::Unbound, "before, as fast as it goes").await;
    drop(store);
    let before = Costs::of(&database, 0, &gone).await;
    before.print("before");
    let snapshot = database.snapshot();
    let store = costs::open(&database).await;
    for minute in 1..=10 {
        let what = format!("snapshot of {minute} minutes");
        live_for(&database, &store, &mut gone, Pace::Steady, &what).await;
    }
    live_for(&database, &store, &mut gone, Pace::Unbound, "snapshot, as fast as it goes").await;
    drop(store);
    let after = Costs::of(&database, 1, &gone).await;
    after.print("behind a snapshot");
    drop(snapshot);
    assert_not_worse(&before, &after);
    let store = costs::open(&database).await;
    live_for(&database, &store, &mut gone, Pace::Steady, "a minute after it").await;
}

/// Looking for the accounts that wait is left out: whoever takes shards over walks over what is kept, once.
fn assert_not_worse(before: &Costs, after: &Costs) {
    let each = before.each().into_iter().zip(after.each());
    for ((act, before), (_, after)) in each.filter(|((act, _), _)| *act != "look") {
        assert!(after.rows <= before.rows * 2, "{act}: {before:?}, then {after:?}");
    }
}

/// A few messages are accepted, and those that wait for the longest are claimed and delivered.
async fn live(store: &PostgresStore, round: u64, gone: &mut Gone) {
    let (number, gone) = (ONE + round % BUSY, &mut gone[(round % BUSY) as usize]);
    let messages = (0..TOGETHER).map(|_| message(number, "{\"body\":\"of some length\"}")).collect();
    store.accept(at(20), messages).await.unwrap();
    let rows = load(store, LaneRead { after: *gone, limit: 50, ..from_the_head(number) }).await.queue;
    store.contents(rows.iter().map(|(waiting, _)| waiting.position).collect()).await.unwrap();
    let outcomes = rows.iter().map(|(waiting, _)| delivered(number, waiting)).collect();
    let lanes = vec![LaneUpdate { account: account(number), record: Default::default() }];
    store.record(at(21), outcomes, lanes).await.unwrap();
    *gone = rows.last().unwrap().0.turn;
}

/// So many rounds, and what they read. Now and then the planner learns what the tables are like, as from autovacuum.
async fn live_through(database: &Database<'_>, rounds: std::ops::Range<u64>, gone: &mut Gone) -> Reads {
    database.until_left_alone().await;
    let before = costs::reads(database);
    let store = costs::open(database).await;
    for round in rounds {
        live(&store, round, gone).await;
        if round % ANALYZED_EACH == 0 {
            database.psql("ANALYZE ringback.pending, ringback.lane");
        }
    }
    drop(store);
    database.until_left_alone().await;
    costs::reads(database) - before
}

#[derive(Clone, Copy, PartialEq)]
enum Pace {
    /// [`PER_SECOND`], for a [`MINUTE`].
    Steady,
    /// One round after the other, for [`A_WHILE`].
    Unbound,
}

/// The same at a pace, and what it came to: the rate, and what the tables are like.
#[allow(clippy::disallowed_methods, reason = "a pace is time that passes: there is nothing else to wait for")]
async fn live_for(database: &Database<'_>, store: &PostgresStore, gone: &mut Gone, pace: Pace, what: &str) {
    let mut ticks = tokio::time::interval(Duration::from_millis(1000 * TOGETHER / PER_SECOND));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let until = if pace == Pace::Steady { MINUTE } else { A_WHILE };
    let (before, begun) = (costs::reads(database), Instant::now());
    let mut rounds = 0;
    while begun.elapsed() < until {
        if pace == Pace::Steady {
            ticks.tick().await;
        }
        live(store, rounds, gone).await;
        rounds += 1;
    }
    let (messages, took) = (rounds * TOGETHER, begun.elapsed());
    let read = costs::reads(database) - before;
    let tables = database.psql(
        "SELECT string_agg(format('%s %s dead, %s', relname, n_dead_tup, pg_size_pretty(pg_total_relation_size(relid))),
             '; ' ORDER BY relname)
         FROM pg_stat_user_tables
         WHERE schemaname = 'ringback' AND relname IN ('account', 'lane', 'pending', 'shard', 'node', 'news')",
    );
    eprintln!(
        "{what}: {:.0} messages/s, {:.1} rows and {:.1} blocks read for each; database {}; {}",
        messages as f64 / took.as_secs_f64(),
        read.rows as f64 / messages as f64,
        read.blocks as f64 / messages as f64,
        database.psql("SELECT pg_size_pretty(pg_database_size(current_database()))").trim(),
        tables.trim()
    );
}
