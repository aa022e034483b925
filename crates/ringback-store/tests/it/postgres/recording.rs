//! Who records while others are at the same messages: each is recorded, and counted once.

use ringback_delivery::{LaneRead, MessageId, MessageState};
use ringback_store::{
    Dispatching as _, Lease, Registrations as _, ReplayFilter, ReplayJob, Replayed, Replaying as _,
    Sharing as _, StoreError, Swept, Upkeep as _,
};
use ringback_testbed::Database;

use super::{SOMEBODY_WAITS, Session, told_store};
use crate::cast::*;
use crate::looking::*;

#[tokio::test]
async fn an_outcome_finds_its_message_however_its_row_has_changed_meanwhile() {
    let Some((database, store)) = told_store().await else { return };
    register(&store, ONE).await;
    accept_many(&store, at(1), ONE, 2).await;
    let rows = waiting(&store, ONE).await;
    let [ends, waits] = &rows[..] else { panic!("two wait") };

    let somebody = Session::begin(&database).await;
    somebody.run("UPDATE ringback.pending SET due = 1, attempts = 7").await;
    let meanwhile = async {
        until_waiting(&database, 1).await;
        somebody.commit().await;
    };
    let outcomes = vec![delivered(ONE, ends), retry(ONE, waits, at(100))];
    let (recorded, ()) = tokio::join!(store.record(at(2), outcomes, Vec::new()), meanwhile);
    recorded.unwrap();
    let left = waiting(&store, ONE).await;
    assert_eq!(left.iter().map(|row| (row.turn, row.due)).collect::<Vec<_>>(), [(waits.turn, Some(at(100)))]);
    assert_eq!(left[0].attempts, 1);
    assert_eq!(verified(&store).await.counts.delivered, 1);
}

#[tokio::test]
async fn what_was_decided_under_an_earlier_lease_is_refused_though_the_shard_is_the_nodes_again() {
    let Some((_database, store)) = told_store().await else { return };
    register(&store, ONE).await;
    accept_many(&store, at(1), ONE, 1).await;
    let rows = waiting(&store, ONE).await;
    let outcome = || vec![delivered(ONE, &rows[0])];
    let lease = |token| Lease { shard: account(ONE).shard(), token };
    store.give_back(vec![lease(1)]).await.unwrap();
    assert_eq!(store.claim(1).await.unwrap(), [lease(2)]);
    // One that comes late gives back what it was about.
    store.give_back(vec![lease(1)]).await.unwrap();
    assert_eq!(store.claim(1).await.unwrap(), []);

    let recorded = store.record_under(at(2), vec![lease(1)], outcome(), Vec::new()).await;
    assert!(
        matches!(&recorded, Err(StoreError::NotOwner(shards)) if shards[..] == [lease(1).shard]),
        "{recorded:?}"
    );
    // That it lost the first is heard late.
    store.let_go(&[lease(1)]);
    store.record_under(at(2), vec![lease(2)], outcome(), Vec::new()).await.unwrap();
    assert_eq!(verified(&store).await.counts.delivered, 1);
    store.let_go(&[lease(2)]);
    store.record_under(at(2), vec![lease(2)], outcome(), Vec::new()).await.unwrap_err();
}

/// As when an outcome is recorded again, because nobody knew what became of it, and it is still on its way.
#[tokio::test]
async fn what_is_recorded_twice_at_once_counts_once() {
    let Some((database, store)) = told_store().await else { return };
    register(&store, ONE).await;
    accept_many(&store, at(1), ONE, 3).await;
    let rows = waiting(&store, ONE).await;
    let outcomes = || rows.iter().map(|row| delivered(ONE, row)).collect();

    let somebody = Session::begin(&database).await;
    somebody.run("SELECT FROM ringback.pending FOR UPDATE").await;
    let meanwhile = async {
        until_waiting(&database, 2).await;
        somebody.end().await;
    };
    let (first, again, ()) = tokio::join!(
        store.record(at(2), outcomes(), Vec::new()),
        store.record(at(2), outcomes(), Vec::new()),
        meanwhile
    );
    first.unwrap();
    again.unwrap();
    assert_eq!(verified(&store).await.counts.delivered, 3);
    assert!(waiting(&store, ONE).await.is_empty());
}

#[tokio::test]
async fn a_message_ends_where_the_retention_has_put_it_meanwhile() {
    let Some((database, store)) = told_store().await else { return };
    register(&store, ONE).await;
    let id = accept(&store, at(1), message(ONE, "waits for long")).await;
    let row = waiting(&store, ONE).await.remove(0);

    let somebody = Session::begin(&database).await;
    somebody.run("SELECT FROM ringback.tape FOR UPDATE").await;
    let recorded = async {
        // The retention has the message's row, and waits.
        until_waiting(&database, 1).await;
        let meanwhile = async {
            until_waiting(&database, 2).await;
            somebody.end().await;
        };
        tokio::join!(store.record(hour(3), vec![delivered(ONE, &row)], Vec::new()), meanwhile).0
    };
    let (retired, recorded) = tokio::join!(store.retire(hour(3), short()), recorded);
    retired.unwrap();
    recorded.unwrap();
    assert_eq!(database.psql("SELECT state FROM ringback.kept").trim(), "1");
    assert_eq!(seen(&store, id).await.state, MessageState::Delivered);
    assert_eq!(verified(&store).await.counts.delivered, 1);
}

/// Waits until so many wait for somebody else's locks.
async fn until_waiting(database: &Database<'_>, count: usize) {
    let condition = format!(
        "SELECT count(*) = {count} FROM pg_stat_activity
         WHERE datname = current_database() AND wait_event_type = 'Lock'"
    );
    database.until(&condition).await;
}

/// More than one step of a release, with a wait that is being recorded as it comes to it.
#[tokio::test]
async fn a_release_goes_on_behind_what_is_recorded_meanwhile() {
    let Some((database, store)) = told_store().await else { return };
    register(&store, ONE).await;
    accept_many(&store, at(1), ONE, 600).await;
    let all = || load(&store, LaneRead { limit: 1000, ..from_the_head(ONE) });
    let waits: Vec<_> = all().await.queue.into_iter().map(|(waits, _)| waits).collect();
    let outcomes = waits.iter().zip(0..).map(|(waits, nth)| retry(ONE, waits, at(1000 + nth)));
    store.record(at(2), outcomes.collect(), Vec::new()).await.unwrap();

    let somebody = Session::begin(&database).await;
    somebody.run("UPDATE ringback.pending SET attempts = 7 WHERE sequence = 3").await;
    let meanwhile = async {
        until_waiting(&database, 1).await;
        somebody.commit().await;
    };
    let (hastened, ()) = tokio::join!(store.hasten(at(3), account(ONE)), meanwhile);
    assert_eq!(hastened.unwrap(), Swept::More, "there are more than a step takes");
    while store.hasten(at(3), account(ONE)).await.unwrap() == Swept::More {}
    let due: Vec<_> = all().await.queue.into_iter().map(|(waits, _)| waits.due).collect();
    assert_eq!(due, [Some(at(3)); 600]);
}

/// As when an account is registered anew, and what was cancelled is asked for, while the last of it is being answered.
#[tokio::test(flavor = "multi_thread")]
async fn what_arrives_while_it_is_replayed_is_counted_once() {
    let Some((database, store)) = told_store().await else { return };
    for (step, of_job) in [(0, false), (10, true)] {
        let owner = if of_job { TWO } else { ONE };
        register(&store, owner).await;
        accept_many(&store, at(step), owner, 1).await;
        let row = waiting(&store, owner).await.remove(0);
        store.deregister(at(step + 1), account(owner)).await.unwrap();
        register(&store, owner).await;
        // Whoever comes first has it first.
        let somebody = Session::begin(&database).await;
        somebody.run(&format!("SELECT FROM ringback.pending WHERE account = {owner} FOR UPDATE")).await;
        let record = store.record(at(step + 2), vec![delivered(owner, &row)], Vec::new());
        let replay = async {
            database.until(SOMEBODY_WAITS).await;
            if of_job {
                let cancelled =
                    ReplayFilter { state: Some(MessageState::Cancelled), since: None, until: None };
                let begun = store.begin_replay(at(step + 2), account(owner), cancelled).await.unwrap();
                assert!(matches!(begun, ReplayJob::Kept(_)), "{begun:?}");
                store.replay_step(at(step + 3)).await.map(|_| ())
            } else {
                let id = MessageId::new(account(owner), row.sequence, row.accepted_at);
                store.replay(at(step + 3), id).await.map(|replayed| assert_eq!(replayed, Replayed::Queued))
            }
        };
        let both_wait = async {
            database.until(&SOMEBODY_WAITS.replace("> 0", "> 1")).await;
            somebody.end().await;
        };
        let (recorded, replayed, ()) = tokio::join!(record, replay, both_wait);
        recorded.unwrap();
        replayed.unwrap();
        let counts = verified(&store).await.counts;
        if of_job {
            assert_eq!(
                (counts.pending, counts.delivered, counts.cancelled),
                (1, 1, 0),
                "it has arrived: it is left alone"
            );
        } else {
            assert_eq!(
                (counts.pending, counts.delivered, counts.cancelled),
                (1, 0, 0),
                "it is sent again all the same"
            );
        }
    }
}
