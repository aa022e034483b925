//! Looking does not touch: messages, their attempts, and an account's reel of them.

use std::time::Duration;

use ringback_delivery::{
    Death, Failure, Health, LaneRecord, LaneUpdate, MessageId, MessageKind, MessageState, Outcome, Sequence,
    Trouble, Verdict,
};
use ringback_store::{Closed, MessageFilter, Store};

use crate::cast::*;
use crate::looking::*;

pub async fn a_message_reads_back_as_it_stands(store: &dyn Store) {
    register(store, ONE).await;
    let id = accept(store, at(3), message(ONE, "{\"a\":1}")).await;
    let (pending, attempts) = store.message(id).await.unwrap().unwrap();
    assert_eq!((pending.id, pending.kind), (id, MessageKind::UpgradeFinished));
    assert_eq!(
        (pending.state, pending.accepted_at, pending.finished_at),
        (MessageState::Pending, at(3), None)
    );
    assert_eq!((pending.attempts, pending.death, pending.due, pending.behind), (0, None, None, None));
    assert_eq!(pending.closed, None);
    assert_eq!(text(pending.body.as_ref()), "{\"a\":1}");
    assert_eq!(attempts, []);

    let row = waiting(store, ONE).await[0];
    store.record(at(9), vec![retry(ONE, &row, at(60))], Vec::new()).await.unwrap();
    let waits = seen(store, id).await;
    assert_eq!((waits.state, waits.attempts, waits.due), (MessageState::Pending, 1, Some(at(60))));

    let row = waiting(store, ONE).await[0];
    store.record(at(61), vec![dead(ONE, &row)], Vec::new()).await.unwrap();
    let died = seen(store, id).await;
    assert_eq!((died.state, died.finished_at), (MessageState::Dead, Some(at(61))));
    assert_eq!((died.death, died.attempts, died.due), (Some(Death::Attempts), 2, None));

    let old = accept(store, at(70), message(ONE, "old")).await;
    let row = waiting(store, ONE).await[0];
    store
        .record(at(99), vec![settled(ONE, &row, Verdict::Dead(Death::Age), answered(500))], Vec::new())
        .await
        .unwrap();
    assert_eq!(seen(store, old).await.death, Some(Death::Age));
}

pub async fn a_message_comes_with_all_its_attempts(store: &dyn Store) {
    register(store, ONE).await;
    let at_once = accept(store, at(0), message(ONE, "x")).await;
    let later = accept(store, at(0), message(ONE, "y")).await;
    let row = waiting(store, ONE).await[0];
    store.record(at(2), vec![delivered(ONE, &row)], Vec::new()).await.unwrap();
    let found = attempts(store, at_once).await;
    assert_eq!((found.len(), found[0].number, found[0].started_at), (1, 1, at(1)));
    assert_eq!((found[0].duration, &found[0].outcome), (Duration::from_millis(20), &answered(204)));
    assert_eq!(seen(store, at_once).await.attempts, 1);

    let again = Verdict::Retry { due: at(9), charged: 1, successes: 0 };
    for outcome in [answered(500), Outcome::Failed(Failure::Resolve), answered(301)] {
        let row = waiting(store, ONE).await[0];
        let mut settled = settled(ONE, &row, again, outcome);
        if let Some(attempt) = &mut settled.attempt {
            attempt.error = Some("it answered 500".to_owned());
            attempt.excerpt = Some(b"<html>".to_vec());
        }
        store.record(at(3), vec![settled], Vec::new()).await.unwrap();
    }
    let row = waiting(store, ONE).await[0];
    store.record(at(4), vec![delivered(ONE, &row)], Vec::new()).await.unwrap();
    let found = attempts(store, later).await;
    let outcomes: Vec<_> = found.iter().map(|attempt| (attempt.number, attempt.outcome.clone())).collect();
    assert_eq!(
        outcomes,
        [(1, answered(500)), (2, Outcome::Failed(Failure::Resolve)), (3, answered(301)), (4, answered(204))]
    );
    assert_eq!(found[1].error.as_deref(), Some("it answered 500"));
    assert_eq!(found[1].excerpt.as_deref(), Some(b"<html>".as_slice()));
    assert_eq!(seen(store, later).await.attempts, 4);
}

pub async fn a_message_is_known_by_its_whole_id(store: &dyn Store) {
    register(store, ONE).await;
    let id = accept(store, at(0), message(ONE, "x")).await;
    assert!(store.message(id).await.unwrap().is_some());
    for other in [
        MessageId { accepted_second: id.accepted_second + 1, ..id },
        MessageId { sequence: Sequence(2), ..id },
        MessageId { account: account(TWO), ..id },
        MessageId { sequence: Sequence(u64::MAX >> 18), ..id },
    ] {
        assert!(store.message(other).await.unwrap().is_none(), "{other:?}");
    }
}

pub async fn what_is_overtaken_shows_so_at_once(store: &dyn Store) {
    register(store, ONE).await;
    let ids = accept_many(store, at(0), ONE, 4).await;
    store.acknowledge(at(1), account(ONE), 1).await.unwrap();
    let states = async || {
        let mut states = Vec::new();
        for id in &ids {
            states.push(seen(store, *id).await.state);
        }
        states
    };
    use MessageState::{Cancelled, Delivered, Pending};
    assert_eq!(states().await, [Delivered, Pending, Pending, Pending]);
    store.deregister(at(2), account(ONE)).await.unwrap();
    assert_eq!(states().await, [Delivered, Cancelled, Cancelled, Cancelled]);
    store.acknowledge(at(3), account(ONE), 2).await.unwrap();
    assert_eq!(states().await, [Delivered, Delivered, Cancelled, Cancelled]);
    for filter in [everything(), of(ONE)] {
        for (state, expected) in [(Pending, vec![]), (Delivered, vec![2, 1]), (Cancelled, vec![4, 3])] {
            let filter = MessageFilter { state: Some(state), ..filter.clone() };
            let numbers: Vec<_> = found(store, &filter).await.into_iter().map(|(_, number)| number).collect();
            assert_eq!(numbers, expected);
        }
    }
    let reel = store.reel(account(ONE), Sequence(0), 10, 1000).await.unwrap();
    let told: Vec<_> = reel.messages.iter().map(|message| message.state).collect();
    assert_eq!(told, [Delivered, Delivered, Cancelled, Cancelled]);
    assert_eq!(store.account(account(ONE)).await.unwrap().oldest_pending, None);
    // Nothing else comes of it once the rows have followed.
    sweep_all(store, at(4), ONE).await;
    assert_eq!(states().await, [Delivered, Delivered, Cancelled, Cancelled]);
}

pub async fn a_pending_message_tells_who_goes_before_it(store: &dyn Store) {
    register(store, ONE).await;
    let mut ids = Vec::new();
    for key in [Some(1), None, Some(1), Some(2), Some(1), None] {
        let message = key.map_or_else(|| message(ONE, "x"), |key| ordered(ONE, key, "x"));
        ids.push(accept(store, at(0), message).await);
    }
    let behind = async || {
        let mut behind = Vec::new();
        for id in &ids {
            let before = seen(store, *id).await.behind;
            assert!(before.is_none_or(|before| ids.contains(&before)));
            behind.push(before.map(|before| before.sequence.0));
        }
        behind
    };
    assert_eq!(behind().await, [None, None, Some(1), None, Some(1), None]);
    let rows = waiting(store, ONE).await;
    store.record(at(1), vec![delivered(ONE, &rows[0])], Vec::new()).await.unwrap();
    assert_eq!(behind().await, [None, None, None, None, Some(3), None]);
    // What is overtaken keeps nobody waiting.
    store.acknowledge(at(2), account(ONE), 3).await.unwrap();
    assert_eq!(behind().await, [None; 6]);
    store.deregister(at(3), account(ONE)).await.unwrap();
    register(store, ONE).await;
    let first = accept(store, at(4), ordered(ONE, 1, "x")).await;
    let second = accept(store, at(4), ordered(ONE, 1, "x")).await;
    assert_eq!(seen(store, first).await.behind, None);
    assert_eq!(seen(store, second).await.behind, Some(first));
    let listed = store.search(everything(), None, 2).await.unwrap().items;
    assert_eq!(listed.iter().map(|message| message.behind).collect::<Vec<_>>(), [Some(first), None]);
}

pub async fn a_pending_message_tells_what_closes_its_account(store: &dyn Store) {
    register(store, ONE).await;
    register(store, TWO).await;
    let id = accept(store, at(0), message(ONE, "x")).await;
    let done = accept(store, at(0), message(ONE, "x")).await;
    accept(store, at(0), message(TWO, "x")).await;
    let row = waiting(store, ONE).await[1];
    let health = Health::Hold {
        since: at(1),
        failed_probes: 0,
        probe_at: at(6),
        trouble: Trouble::Failure(Failure::Connect),
    };
    let lane = async |health| {
        let standing = store.standing(account(ONE)).await.unwrap();
        let (releases_seen, reinstatements_seen) = (standing.releases, standing.reinstatements);
        let record = LaneRecord { successes: 1, health, releases_seen, reinstatements_seen };
        LaneUpdate { account: account(ONE), record }
    };
    store.record(at(1), vec![delivered(ONE, &row)], vec![lane(health).await]).await.unwrap();
    let closed = async || {
        let alone = seen(store, id).await.closed;
        // In a list too, and of the account's own messages only, while they wait.
        let listed = store.search(everything(), None, 10).await.unwrap().items;
        let told: Vec<_> = listed.iter().map(|message| (message.id.account, message.closed)).collect();
        assert_eq!(told, [(account(TWO), None), (account(ONE), None), (account(ONE), alone)]);
        let reel = store.reel(account(ONE), Sequence(0), 10, 1000).await.unwrap();
        assert_eq!(reel.messages.iter().map(|message| message.closed).collect::<Vec<_>>(), [alone, None]);
        assert_eq!(seen(store, done).await.closed, None);
        alone
    };
    let trouble = Trouble::Failure(Failure::Connect);
    assert_eq!(closed().await, Some(Closed::OnHold { since: at(1), probe_at: at(6), trouble }));
    store.pause(at(2), account(ONE)).await.unwrap();
    assert_eq!(closed().await, Some(Closed::Paused { since: at(2) }));
    // It releases the lane too.
    store.resume(at(3), account(ONE)).await.unwrap();
    assert_eq!(closed().await, None);
    let suspended = lane(Health::Suspended { since: at(4) }).await;
    store.record(at(4), Vec::new(), vec![suspended]).await.unwrap();
    assert_eq!(closed().await, Some(Closed::Suspended { since: at(4) }));
    store.deregister(at(5), account(ONE)).await.unwrap();
    store.set_pull(at(5), account(ONE), true).await.unwrap();
    let kept = accept(store, at(6), message(ONE, "x")).await;
    assert_eq!(seen(store, kept).await.closed, Some(Closed::Unregistered { pull: true }));
}

pub async fn a_reel_gives_all_messages_in_order_behind_a_number(store: &dyn Store) {
    register(store, ONE).await;
    let nothing = store.reel(account(ONE), Sequence(0), 10, 1000).await.unwrap();
    assert_eq!((nothing.first, nothing.last), (Sequence(1), Sequence(0)));
    assert!(nothing.messages.is_empty());

    accept_many(store, at(0), ONE, 5).await;
    accept_many(store, at(0), TWO, 0).await;
    let rows = waiting(store, ONE).await;
    store.record(at(1), vec![delivered(ONE, &rows[1]), dead(ONE, &rows[3])], Vec::new()).await.unwrap();
    let reel = store.reel(account(ONE), Sequence(1), 10, 1000).await.unwrap();
    assert_eq!((reel.first, reel.last), (Sequence(1), Sequence(5)));
    let told: Vec<_> = reel
        .messages
        .iter()
        .map(|message| (message.id.sequence.0, message.state, text(message.body.as_ref())))
        .collect();
    let body = |n: u64| format!("{ONE} {}", n - 1);
    let bodies: Vec<String> = (2..=5).map(body).collect();
    assert_eq!(
        told,
        [
            (2, MessageState::Delivered, bodies[0].as_str()),
            (3, MessageState::Pending, bodies[1].as_str()),
            (4, MessageState::Dead, bodies[2].as_str()),
            (5, MessageState::Pending, bodies[3].as_str()),
        ]
    );
    let numbers = async |after, limit, bytes| -> Vec<u64> {
        let reel = store.reel(account(ONE), Sequence(after), limit, bytes).await.unwrap();
        reel.messages.iter().map(|message| message.id.sequence.0).collect()
    };
    assert_eq!(numbers(0, 2, 1000).await, [1, 2]);
    assert_eq!(numbers(5, 2, 1000).await, [0; 0]);
    assert_eq!(numbers(u64::MAX, 2, 1000).await, [0; 0]);
    // Bytes bound it too, but one comes at least.
    assert_eq!(numbers(0, 10, bodies[0].len() * 3).await, [1, 2, 3]);
    assert_eq!(numbers(2, 10, 1).await, [3]);
}

pub async fn a_reel_begins_with_what_is_kept(store: &dyn Store) {
    register(store, ONE).await;
    accept_many(store, at(0), ONE, 3).await;
    deliver_all(store, at(1), ONE).await;
    accept_many(store, hour(2), ONE, 2).await;
    retire_all(store, hour(2), short()).await;
    let reel = store.reel(account(ONE), Sequence(0), 10, 1000).await.unwrap();
    assert_eq!((reel.first, reel.last), (Sequence(4), Sequence(5)));
    assert_eq!(names(&reel.messages), [(ONE, 4), (ONE, 5)]);
    deliver_all(store, hour(3), ONE).await;
    retire_all(store, hour(9), short()).await;
    let reel = store.reel(account(ONE), Sequence(0), 10, 1000).await.unwrap();
    assert_eq!((reel.first, reel.last), (Sequence(6), Sequence(5)));
    assert!(reel.messages.is_empty());
}
