//! News of what other nodes did: what keeps them from being cleaned up, and what comes after a failover.

use std::time::{Duration, Instant};

use ringback_delivery::Turn;
use ringback_store::{
    Dispatching as _, Lease, PostgresStore, Registrations as _, Role, Sharing as _, StoreError,
};
use ringback_testbed::{Database, looking};

use super::{Session, options, told_store};
use crate::cast::*;
use crate::looking::*;

/// News that somebody keeps.
const KEPT: u64 = 200;
/// Looks into the news that are counted together: many more than those before them that were not counted yet.
const LOOKS: u64 = 2000;
/// Questions of each node between two looks at what was counted.
const QUESTIONS: u64 = 100;
/// Index entries that one may go over on average: a few that came since its beginning was moved last.
const FEW: u64 = 12;
/// By then it was asked several times who writes news.
const ASKED_OFTEN: Duration = Duration::from_millis(1200);

/// A node that has no shards.
async fn other_node(database: &Database<'_>) -> PostgresStore {
    let other = PostgresStore::connect(options(database, Role::Server)).await.unwrap();
    other.beat().await.unwrap();
    other
}

/// Whether these nodes, which ask for news again and again, go over few that nobody needs.
async fn is_short(database: &Database<'_>, nodes: [&PostgresStore; 2]) -> Result<(), String> {
    let counted = || -> (u64, u64) {
        let counted = database.psql(
            "SELECT idx_scan, idx_tup_read FROM pg_stat_user_indexes
             WHERE schemaname = 'ringback' AND indexrelname = 'news_pkey'",
        );
        let (looks, entries) = counted.trim().split_once('|').unwrap();
        (looks.parse().unwrap(), entries.parse().unwrap())
    };
    let before = counted();
    loop {
        for _ in 0..QUESTIONS {
            for node in nodes {
                node.tidings().await.unwrap();
            }
        }
        // A server process says what it read once in a while.
        let (looks, entries) = counted();
        let (looks, entries) = (looks - before.0, entries - before.1);
        if looks >= LOOKS {
            let is_short = entries <= looks * FEW;
            return if is_short { Ok(()) } else { Err(format!("{entries} entries in {looks} looks")) };
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn news_that_are_kept_for_somebody_are_not_walked_over_with_each_question() {
    let Some((database, owner)) = told_store().await else { return };
    let other = other_node(&database).await;
    register(&owner, ONE).await;
    let news = async || {
        for _ in 0..KEPT {
            accept_many(&other, at(1), ONE, 1).await;
            owner.tidings().await.unwrap();
        }
    };
    let snapshot = database.snapshot();
    news().await;
    looking::until("old news to be looked past", async || is_short(&database, [&owner, &other]).await).await;
    let writer = Session::begin(&database).await;
    writer.run("SELECT pg_current_xact_id()").await;
    news().await;
    looking::until("newer ones too", async || is_short(&database, [&owner, &other]).await).await;
    // Nothing is lost by that.
    accept_many(&other, at(2), ONE, 1).await;
    let accepted = owner.tidings().await.unwrap().accepted;
    assert_eq!(accepted, [(account(ONE), Some(Turn(2 * KEPT + 1)))]);
    writer.end().await;
    drop(snapshot);
}

#[tokio::test(flavor = "multi_thread")]
async fn news_of_a_transaction_that_lasts_are_heard_though_nobody_else_writes() {
    let Some((database, owner)) = told_store().await else { return };
    register(&owner, ONE).await;
    let writer = Session::begin(&database).await;
    // As who accepts, it is known as a transaction before its row has a number.
    writer.run("SELECT pg_current_xact_id()").await;
    let shard = account(ONE).shard();
    let news = format!("INSERT INTO ringback.news (shard, account, standing) VALUES ({shard}, {ONE}, false)");
    writer.run(&news).await;
    let begun = Instant::now();
    while begun.elapsed() < ASKED_OFTEN {
        assert_eq!(owner.tidings().await.unwrap().accepted, []);
    }
    writer.commit().await;
    assert_eq!(owner.tidings().await.unwrap().accepted, [(account(ONE), None)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_failover_nothing_is_heard_until_everything_is_taken_anew() {
    let Some((database, owner)) = told_store().await else { return };
    let other = other_node(&database).await;
    register(&owner, ONE).await;
    accept_many(&other, at(1), ONE, 3).await;
    let told = owner.tidings().await.unwrap();
    assert_eq!((told.accepted, told.are_of_another_server), (vec![(account(ONE), Some(Turn(3)))], false));
    assert_eq!(owner.beat().await.unwrap().held.len(), 1024);
    let third = waiting(&owner, ONE).await.remove(2);

    // As of a standby that was promoted, to which the last of it had not come.
    database.psql(
        "CREATE OR REPLACE FUNCTION ringback.timeline_1() RETURNS text LANGUAGE sql AS $$ SELECT '00000002' $$;
         DELETE FROM ringback.pending WHERE turn = 3; DELETE FROM ringback.arrival WHERE sequence = 3;
         DELETE FROM ringback.news; ALTER SEQUENCE ringback.news_id_seq RESTART",
    );
    accept_many(&other, at(2), ONE, 1).await;
    let told = owner.tidings().await.unwrap();
    assert!(told.are_of_another_server && told.accepted.is_empty(), "{told:?}");
    // What was sent in a place there is another message's here.
    let old = Lease { shard: account(ONE).shard(), token: 1 };
    let refused = owner.record_under(at(2), vec![old], vec![delivered(ONE, &third)], Vec::new()).await;
    assert!(matches!(refused, Err(StoreError::NotOwner(_))), "{refused:?}");
    let standing = owner.standing(account(ONE)).await.unwrap();
    let refused = owner.sweep(at(2), account(ONE), standing, Vec::new()).await;
    assert!(matches!(refused, Err(StoreError::NotOwner(_))), "{refused:?}");
    // A renewal that fails takes nothing.
    database.psql(
        "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not now'; END $$;
         CREATE TRIGGER fails BEFORE UPDATE ON ringback.shard EXECUTE FUNCTION fail()",
    );
    owner.beat().await.unwrap_err();
    assert!(owner.tidings().await.unwrap().are_of_another_server);
    database.psql("DROP TRIGGER fails ON ringback.shard");
    let beat = owner.beat().await.unwrap();
    assert_eq!((beat.held.len(), beat.taken_anew.len()), (0, 1024), "what it knows of them is of no use");
    assert!(beat.taken_anew.contains(&Lease { shard: account(ONE).shard(), token: 2 }));
    assert_eq!(other.claim(1024).await.unwrap(), [], "nobody comes between");
    accept_many(&other, at(3), ONE, 1).await;
    let told = owner.tidings().await.unwrap();
    assert_eq!((told.accepted, told.are_of_another_server), (vec![(account(ONE), Some(Turn(4)))], false));
    let beat = owner.beat().await.unwrap();
    assert_eq!((beat.held.len(), beat.taken_anew.len()), (1024, 0), "once");
    assert_eq!(queue(&owner, ONE).await, [1, 2, 3, 4]);
}
