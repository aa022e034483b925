//! Dropping a day's partitions: the last numbers of the accounts that are to be read off them are written down before, and
//! each account is looked at once for that, however many there are.

use ringback_store::{Swept, Upkeep as _};
use ringback_testbed::Postgres;

use super::costs::{add_idle, open, reads};
use super::told_store;
use crate::cast::*;
use crate::looking::*;

/// Accounts: the portions in which they are looked at are some twenty.
const ACCOUNTS: u64 = 40_000;
/// In milliseconds.
const DAY: i64 = 86_400_000;
/// What may be read for each of them: its key to see how far a portion goes, its row to see whether its number is to be
/// written down, and what that takes.
const READS_EACH: u64 = 10;

#[tokio::test(flavor = "multi_thread")]
async fn each_account_is_looked_at_once_before_a_day_is_dropped() {
    let Some(postgres) = Postgres::shared() else { return };
    let database = postgres.database();
    drop(open(&database).await);
    add_idle(&database, ACCOUNTS);
    // Each had its fifth message on the first day, and nothing since; that all outlived their time is known.
    let day = at(0).as_millis() / DAY;
    let (first, behind) = ((day * DAY) << 20, ((day + 1) * DAY) << 20);
    database.psql(&format!(
        "SELECT ringback.make_day_1({day});
         UPDATE ringback.account SET tail_from = {first};
         INSERT INTO ringback.arrival (shard, account, sequence, position, accepted_at, kind, body)
             SELECT shard, account, 5, {first} + account % 1000, 0, 1, '' FROM ringback.account;
         UPDATE ringback.tape SET cut = {behind}, floor = {behind}"
    ));
    database.psql("VACUUM ANALYZE ringback.account, ringback.arrival");
    database.until_left_alone().await;
    let before = reads(&database);
    let store = open(&database).await;
    while store.retire(hour(72), short()).await.unwrap() == Swept::More {}
    drop(store);
    database.until_left_alone().await;
    let there = database.psql(&format!("SELECT to_regclass('ringback.arrival_{day}') IS NULL"));
    assert_eq!(there.trim(), "t", "the day is dropped");
    let left = "SELECT count(*) FROM ringback.account WHERE base_sequence <> 5";
    assert_eq!(database.psql(left).trim(), "0", "every last number is written down");
    let reads = reads(&database) - before;
    assert!(reads.rows < ACCOUNTS * READS_EACH, "{reads:?}");
}

/// As after a clock that was wrong, here or in what was copied.
#[tokio::test]
async fn messages_are_taken_in_though_their_positions_lie_in_a_far_day() {
    let Some((database, store)) = told_store().await else { return };
    register(&store, ONE).await;
    let floor = (at(0).as_millis() + 10 * DAY) << 20;
    database.psql(&format!("UPDATE ringback.tape SET floor = {floor}"));
    accept_many(&store, at(1), ONE, 2).await;
    let first: i64 = database.psql("SELECT min(position) FROM ringback.arrival").trim().parse().unwrap();
    assert!(first > floor);
    assert_eq!(verified(&store).await.counts.pending, 2);
}
