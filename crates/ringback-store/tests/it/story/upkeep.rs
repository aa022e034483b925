//! What is old goes, and the ledger adds up all the same.

use std::time::Duration;

use ringback_delivery::{LaneUpdate, MessageState, Sequence};
use ringback_store::{Admission, Counts, Retention, Session, Store, Swept, Token};

use crate::cast::*;
use crate::looking::*;

pub async fn finished_messages_go_after_their_time_and_dead_ones_after_theirs(store: &dyn Store) {
    register(store, ONE).await;
    let ids = accept_many(store, at(0), ONE, 4).await;
    let rows = waiting(store, ONE).await;
    let outcomes = vec![
        delivered(ONE, &rows[0]),
        settled(ONE, &rows[1], ringback_delivery::Verdict::Cancelled, answered(500)),
    ];
    store.record(hour(1), outcomes, Vec::new()).await.unwrap();
    store.record(hour(2), vec![dead(ONE, &rows[2])], Vec::new()).await.unwrap();
    let kept = async || {
        let mut kept = Vec::new();
        for id in &ids {
            kept.push(store.message(*id).await.unwrap().is_some());
        }
        kept
    };
    let just_before = |hours| hour(hours).before(Duration::from_millis(1));
    retire_all(store, just_before(2), short()).await;
    assert_eq!(kept().await, [true; 4]);
    retire_all(store, hour(2), short()).await;
    assert_eq!(kept().await, [false, false, true, true]);
    let counts_now = counts(store, ONE).await;
    let expected = Counts {
        accepted: 4,
        pending: 1,
        dead: 1,
        dropped_delivered: 1,
        dropped_cancelled: 1,
        ..Counts::default()
    };
    assert_eq!(counts_now, expected);
    retire_all(store, just_before(12), short()).await;
    assert_eq!(kept().await, [false, false, true, true]);
    retire_all(store, hour(12), short()).await;
    assert_eq!(kept().await, [false, false, false, true]);
    assert_eq!(counts(store, ONE).await, Counts { dead: 0, dropped_dead: 1, ..expected });
    assert_eq!(verified(store).await.accounts, 1);
}

pub async fn what_is_pending_stays_however_old_and_can_be_sent(store: &dyn Store) {
    register(store, ONE).await;
    let id = accept(store, at(0), message(ONE, "still here")).await;
    accept_many(store, hour(99), ONE, 1).await;
    retire_all(store, hour(100), short()).await;
    let row = waiting(store, ONE).await[0];
    let bodies = store.contents(vec![row.position]).await.unwrap();
    assert_eq!(text(bodies[0].as_ref().map(|content| &content.body)), "still here");
    assert_eq!(text(seen(store, id).await.body.as_ref()), "still here");
    let reel = store.reel(account(ONE), Sequence(0), 1, 100).await.unwrap();
    assert_eq!(text(reel.messages[0].body.as_ref()), "still here");
    assert_eq!(found(store, &everything()).await, [(ONE, 2), (ONE, 1)]);
    verified(store).await;

    // Its own time begins with its end.
    store.record(hour(101), vec![delivered(ONE, &row)], Vec::new()).await.unwrap();
    retire_all(store, hour(101), short()).await;
    assert!(store.message(id).await.unwrap().is_some());
    verified(store).await;
    retire_all(store, hour(102), short()).await;
    assert!(store.message(id).await.unwrap().is_none());
    assert_eq!(store.contents(vec![row.position]).await.unwrap(), [None]);
    verified(store).await;
}

pub async fn what_was_pending_for_long_and_died_is_kept_as_the_dead_are(store: &dyn Store) {
    register(store, ONE).await;
    let ids = accept_many(store, at(0), ONE, 2).await;
    retire_all(store, hour(5), short()).await;
    let rows = waiting(store, ONE).await;
    store.record(hour(6), vec![dead(ONE, &rows[0])], Vec::new()).await.unwrap();
    store.deregister(hour(6), account(ONE)).await.unwrap();
    sweep_all(store, hour(6), ONE).await;
    retire_all(store, hour(7), short()).await;
    assert_eq!(seen(store, ids[0]).await.state, MessageState::Dead);
    assert!(store.message(ids[1]).await.unwrap().is_none());
    retire_all(store, hour(16), short()).await;
    assert!(store.message(ids[0]).await.unwrap().is_none());
    let expected = Counts { accepted: 2, dropped_dead: 1, dropped_cancelled: 1, ..Counts::default() };
    assert_eq!(counts(store, ONE).await, expected);
    verified(store).await;
}

pub async fn the_dead_go_even_before_the_finished_where_that_is_asked_for(store: &dyn Store) {
    register(store, ONE).await;
    accept_many(store, at(0), ONE, 2).await;
    let rows = waiting(store, ONE).await;
    store.record(at(1), vec![delivered(ONE, &rows[0]), dead(ONE, &rows[1])], Vec::new()).await.unwrap();
    let hours = |hours: u64| Duration::from_secs(hours * 3600);
    let retention = Retention { finished: hours(10), dead: hours(1), bytes: None };
    retire_all(store, hour(2), retention).await;
    let expected = Counts { accepted: 2, delivered: 1, dropped_dead: 1, ..Counts::default() };
    assert_eq!(counts(store, ONE).await, expected);
    verified(store).await;
    retire_all(store, hour(11), retention).await;
    assert_eq!(counts(store, ONE).await.dropped_delivered, 1);
    verified(store).await;
}

pub async fn a_retention_goes_in_steps(store: &dyn Store) {
    register(store, ONE).await;
    register(store, TWO).await;
    for _ in 0..4 {
        accept_many(store, at(0), ONE, 500).await;
        accept_many(store, at(0), TWO, 300).await;
    }
    deliver_all(store, at(1), ONE).await;
    kill_all(store, at(1), TWO).await;
    assert_eq!(store.retire(hour(2), short()).await.unwrap(), Swept::More);
    verified(store).await;
    let gone = counts(store, ONE).await.dropped_delivered;
    assert!(gone > 0 && gone <= 1000, "{gone} in a step");
    let steps = retire_all(store, hour(2), short()).await;
    assert!(steps >= 2);
    assert_eq!(counts(store, ONE).await.dropped_delivered, 2000);
    assert_eq!(counts(store, TWO).await.dead, 1200);
    assert!(retire_all(store, hour(12), short()).await >= 2);
    assert_eq!(counts(store, TWO).await.dropped_dead, 1200);
    assert_eq!(store.retire(hour(12), short()).await.unwrap(), Swept::Done);
    verified(store).await;
}

pub async fn past_so_many_bytes_the_oldest_delivered_go_early(store: &dyn Store) {
    register(store, ONE).await;
    register(store, TWO).await;
    let body = "x".repeat(10_000);
    let batch = |number, count| (0..count).map(|_| message(number, &body)).collect::<Vec<_>>();
    let old = accept_all(store, at(0), batch(TWO, 20)).await;
    let rows = waiting(store, TWO).await;
    let outcomes = rows[..10].iter().map(|row| dead(TWO, row)).collect();
    store.record(at(1), outcomes, Vec::new()).await.unwrap();
    let ids = accept_all(store, at(1), batch(ONE, 500)).await;
    deliver_all(store, at(2), ONE).await;
    let retention = |bytes| Retention { bytes: Some(bytes), ..Retention::default() };
    retire_all(store, at(3), retention(100_000_000)).await;
    assert_eq!(counts(store, ONE).await.delivered, 500);
    retire_all(store, at(3), retention(3_400_000)).await;
    let left = counts(store, ONE).await;
    assert!(left.delivered > 100 && left.delivered < 300, "{left:?}");
    assert_eq!(left.dropped_delivered, 500 - left.delivered);
    // The oldest went, and nothing that was not delivered.
    assert!(store.message(ids[0]).await.unwrap().is_none());
    assert!(store.message(ids[499]).await.unwrap().is_some());
    let expected = Counts { accepted: 20, pending: 10, dead: 10, ..Counts::default() };
    assert_eq!(counts(store, TWO).await, expected);
    for id in [old[0], old[19]] {
        assert_eq!(text(seen(store, id).await.body.as_ref()), body);
    }
    verified(store).await;
    // Where there is no room at all, all of them go; it ends.
    retire_all(store, at(4), retention(0)).await;
    assert_eq!(counts(store, ONE).await.dropped_delivered, 500);
    assert_eq!(counts(store, TWO).await, expected);
    deliver_all(store, at(5), TWO).await;
    retire_all(store, at(6), retention(0)).await;
    assert_eq!(counts(store, TWO).await.dropped_delivered, 10);
    assert_eq!(counts(store, TWO).await.dead, 10);
    verified(store).await;
}

pub async fn the_retention_spares_the_keys_that_still_count(store: &dyn Store) {
    register(store, ONE).await;
    // The stories begin in the middle of a day.
    accept(store, at(0), named(ONE, 1, 1)).await;
    retire_all(store, hour(30), short()).await;
    let again = store.accept(hour(30), vec![named(ONE, 1, 1)]).await.unwrap();
    assert!(matches!(again[0], Admission::Duplicate(_, MessageState::Pending)), "{again:?}");
    retire_all(store, hour(48), short()).await;
    let anew = store.accept(hour(48), vec![named(ONE, 1, 1)]).await.unwrap();
    assert!(matches!(anew[0], Admission::Queued(_)), "{anew:?}");
}

pub async fn the_retention_forgets_tokens_sessions_and_failed_logins(store: &dyn Store) {
    let (old, young) = ([1; 32], [2; 32]);
    for (digest, until) in [(old, hour(1)), (young, hour(50))] {
        store.issue_token(digest, Token { credential: 1, expires_at: until }).await.unwrap();
    }
    for (digest, used) in [(old, hour(0)), (young, hour(20))] {
        store.open_session(digest, Session { credential: 1, last_used_at: used }).await.unwrap();
    }
    let lock = Duration::from_secs(60 * 3600);
    store.login_failed(hour(0), 1, young, 1, lock).await.unwrap();
    retire_all(store, hour(30), short()).await;
    assert_eq!(store.token(old).await.unwrap(), None);
    assert!(store.token(young).await.unwrap().is_some());
    assert_eq!(store.session(old).await.unwrap(), None);
    assert!(store.session(young).await.unwrap().is_some());
    // A lock that holds, holds.
    assert_eq!(store.login_locked(hour(31), 1, young).await.unwrap(), Some(hour(60)));
}

pub async fn a_store_knows_its_size(store: &dyn Store) {
    let before = store.size().await.unwrap();
    assert!(before.bytes > 0 && before.free_bytes != Some(0));
    register(store, ONE).await;
    let body = "x".repeat(100_000);
    accept_all(store, at(0), (0..20).map(|_| message(ONE, &body)).collect()).await;
    let after = store.size().await.unwrap();
    assert!(after.bytes >= before.bytes + 2_000_000, "{before:?} {after:?}");
    assert_eq!(after.commits, before.commits + 2);
}

pub async fn a_check_adds_up_all_accounts(store: &dyn Store) {
    assert_eq!(verified(store).await, Default::default());
    for number in [ONE, TWO] {
        register(store, number).await;
        accept_many(store, at(0), number, 6).await;
        let rows = waiting(store, number).await;
        let outcomes =
            vec![delivered(number, &rows[0]), dead(number, &rows[1]), retry(number, &rows[2], at(9))];
        let lanes = vec![LaneUpdate { account: account(number), record: Default::default() }];
        store.record(at(1), outcomes, lanes).await.unwrap();
    }
    store.deregister(at(2), account(TWO)).await.unwrap();
    verified(store).await;
    sweep_all(store, at(3), TWO).await;
    store.retire(hour(2), short()).await.unwrap();
    let report = verified(store).await;
    assert_eq!(report.accounts, 2);
    let expected = Counts {
        accepted: 12,
        pending: 4,
        dead: 2,
        dropped_delivered: 2,
        dropped_cancelled: 4,
        ..Counts::default()
    };
    assert_eq!(report.counts, expected);
}
