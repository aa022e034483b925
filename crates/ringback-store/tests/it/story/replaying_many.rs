//! Many messages of an account are sent again, in steps.

use ringback_delivery::{Death, MessageState, Standing, Timestamp};
use ringback_store::{Counts, ReplayCount, ReplayFilter, ReplayJob, Store, Swept};

use crate::cast::*;
use crate::looking::*;
use crate::story::replaying::{ALL, only};

/// Ten messages: dead, delivered, pending, and so on; the pending ones are 3, 6 and 9.
async fn mixed(store: &dyn Store) {
    register(store, ONE).await;
    for second in 0..10 {
        accept_many(store, at(second), ONE, 1).await;
    }
    let rows = waiting(store, ONE).await;
    let mut outcomes = Vec::new();
    for row in &rows {
        match row.sequence.0 % 3 {
            1 => outcomes.push(dead(ONE, row)),
            2 => outcomes.push(delivered(ONE, row)),
            _ => {}
        }
    }
    store.record(at(20), outcomes, Vec::new()).await.unwrap();
}

pub async fn an_accounts_replay_sends_what_was_asked_for_the_oldest_first(store: &dyn Store) {
    mixed(store).await;
    let times = |since, until| ReplayFilter { since: Some(at(since)), until: Some(at(until)), ..ALL };
    for (filter, numbers) in [
        (ALL, vec![1, 2, 4, 5, 7, 8, 10]),
        (only(MessageState::Dead), vec![1, 4, 7, 10]),
        (only(MessageState::Delivered), vec![2, 5, 8]),
        (only(MessageState::Cancelled), vec![]),
        (only(MessageState::Pending), vec![]),
        (times(3, 7), vec![4, 5, 7]),
    ] {
        let before = waiting(store, ONE).await;
        let standing = store.standing(account(ONE)).await.unwrap();
        let count = numbers.len() as u64;
        assert_eq!(store.count_replay(account(ONE), filter).await.unwrap(), ReplayCount::exactly(count));
        assert_eq!(store.begin_replay(at(30), account(ONE), filter).await.unwrap(), kept(count));
        let released = Standing { releases: standing.releases + 1, ..standing };
        assert_eq!(store.standing(account(ONE)).await.unwrap(), released);
        replay_all(store, at(31)).await;
        let rows = waiting(store, ONE).await;
        let (old, new) = rows.split_at(before.len());
        assert_eq!(old, before);
        assert_eq!(new.iter().map(|row| row.sequence.0).collect::<Vec<_>>(), numbers);
        assert!(new.iter().all(|row| row.replay && row.born == at(31)));
        assert!(rows.is_sorted_by_key(|row| row.turn));
        verified(store).await;
        // Back to what they were.
        let mut outcomes = Vec::new();
        for row in new {
            let is_dead = row.sequence.0 % 3 == 1;
            outcomes.push(if is_dead { dead(ONE, row) } else { delivered(ONE, row) });
        }
        store.record(at(20), outcomes, Vec::new()).await.unwrap();
    }
    assert_eq!(store.count_replay(account(TWO), ALL).await.unwrap(), ReplayCount::exactly(0));
}

pub async fn an_accounts_replay_goes_in_steps_and_one_at_a_time(store: &dyn Store) {
    register(store, ONE).await;
    for _ in 0..3 {
        accept_many(store, at(0), ONE, 500).await;
    }
    kill_all(store, at(1), ONE).await;
    let begun = store.begin_replay(at(2), account(ONE), ALL).await.unwrap();
    assert_eq!(begun, kept(1500));
    assert_eq!(store.begin_replay(at(2), account(ONE), ALL).await.unwrap(), ReplayJob::Busy);
    assert_eq!(store.replay_step(at(3)).await.unwrap(), Swept::More);
    let first = counts(store, ONE).await.pending;
    assert!(first > 0 && first <= 500, "{first} in a step");
    replay_all(store, at(3)).await;
    assert_eq!(counts(store, ONE).await.pending, 1500);
    assert_eq!(store.replay_step(at(4)).await.unwrap(), Swept::Done);
    // The next one may come.
    kill_all(store, at(5), ONE).await;
    let begun = store.begin_replay(at(6), account(ONE), ALL).await.unwrap();
    assert_eq!(begun, kept(1500));
    verified(store).await;
}

/// What was looked at before it begins is bounded; what a person asked for is looked at further.
pub async fn a_replay_of_a_great_many_begins_without_counting_them_all(store: &dyn Store) {
    const MANY: usize = 10_250;
    register(store, ONE).await;
    for _ in 0..MANY / 1025 {
        accept_many(store, at(0), ONE, 1025).await;
    }
    deliver_all(store, at(1), ONE).await;
    let delivered = only(MessageState::Delivered);
    let counted = store.count_replay(account(ONE), delivered).await.unwrap();
    assert_eq!(counted, ReplayCount::exactly(MANY as u64));
    let begun = store.begin_replay(at(2), account(ONE), delivered).await.unwrap();
    assert_eq!(begun, ReplayJob::Kept(ReplayCount { messages: 10_000, at_least: true }));
}

pub async fn a_replay_sends_each_message_once_whatever_becomes_of_it_meanwhile(store: &dyn Store) {
    register(store, ONE).await;
    for _ in 0..2 {
        accept_many(store, at(0), ONE, 500).await;
    }
    kill_all(store, at(1), ONE).await;
    let ids = accept_many(store, at(2), ONE, 100).await;
    assert_eq!(store.begin_replay(at(10), account(ONE), ALL).await.unwrap(), kept(1000));
    let mut sent = Vec::new();
    for second in 11.. {
        let swept = store.replay_step(at(second)).await.unwrap();
        // All that waits comes to an end at once, what waited as the replay began too; what is accepted now is not
        // part of it either.
        while let rows = waiting(store, ONE).await
            && !rows.is_empty()
        {
            sent.extend(rows.iter().filter(|row| row.replay).map(|row| row.sequence.0));
            let outcomes = rows.iter().map(|row| dead(ONE, row)).collect();
            store.record(at(second), outcomes, Vec::new()).await.unwrap();
        }
        accept_many(store, at(second), ONE, 10).await;
        if swept == Swept::Done {
            break;
        }
    }
    assert_eq!(sent, (1..=1000).collect::<Vec<_>>());
    assert_eq!(seen(store, ids[0]).await.death, Some(Death::Attempts));
    verified(store).await;
}

pub async fn a_replay_leaves_alone_what_was_acknowledged_since_it_began(store: &dyn Store) {
    register(store, ONE).await;
    let ids = accept_many(store, at(0), ONE, 3).await;
    kill_all(store, at(1), ONE).await;
    accept_many(store, at(2), ONE, 2).await;
    // The fourth was acknowledged before, and has not been swept; the first was sent again since, and is pending.
    store.acknowledge(at(3), account(ONE), 4).await.unwrap();
    store.replay(at(3), ids[0]).await.unwrap();
    assert_eq!(store.begin_replay(at(4), account(ONE), ALL).await.unwrap(), kept(3));
    // That one is acknowledged too now, and the fifth.
    store.acknowledge(at(5), account(ONE), 4).await.unwrap();
    assert_eq!(seen(store, ids[0]).await.state, MessageState::Delivered);
    store.acknowledge(at(5), account(ONE), 5).await.unwrap();
    replay_all(store, at(6)).await;
    sweep_all(store, at(7), ONE).await;
    assert_eq!(queue(store, ONE).await, [2, 3, 4]);
    verified(store).await;
}

pub async fn a_replay_of_the_cancelled_finds_them_swept_or_not(store: &dyn Store) {
    register(store, ONE).await;
    for _ in 0..3 {
        accept_many(store, at(0), ONE, 400).await;
    }
    store.deregister(at(1), account(ONE)).await.unwrap();
    register(store, ONE).await;
    let filter = only(MessageState::Cancelled);
    assert_eq!(store.begin_replay(at(2), account(ONE), filter).await.unwrap(), kept(1200));
    // The sweep and the replay go on side by side.
    loop {
        sweep(store, at(3), ONE, Vec::new()).await;
        if store.replay_step(at(3)).await.unwrap() == Swept::Done {
            break;
        }
    }
    sweep_all(store, at(4), ONE).await;
    assert_eq!(counts(store, ONE).await, Counts { accepted: 1200, pending: 1200, ..Counts::default() });
    verified(store).await;
}

pub async fn a_deregistration_ends_the_accounts_replay(store: &dyn Store) {
    register(store, ONE).await;
    register(store, TWO).await;
    for number in [ONE, TWO] {
        for _ in 0..2 {
            accept_many(store, at(0), number, 400).await;
        }
        kill_all(store, at(1), number).await;
        let begun = store.begin_replay(at(2), account(number), ALL).await.unwrap();
        assert_eq!(begun, kept(800));
    }
    store.replay_step(at(3)).await.unwrap();
    store.deregister(at(4), account(ONE)).await.unwrap();
    register(store, ONE).await;
    replay_all(store, at(5)).await;
    sweep_all(store, at(6), ONE).await;
    assert_eq!(queue(store, ONE).await, [0; 0]);
    assert_eq!(counts(store, TWO).await.pending, 800);
    verified(store).await;
    // And another one may begin.
    let begun = store.begin_replay(at(7), account(ONE), ALL).await.unwrap();
    assert_eq!(begun, kept(800));
}

pub async fn replays_of_different_accounts_take_turns(store: &dyn Store) {
    for number in [ONE, TWO] {
        register(store, number).await;
        for _ in 0..4 {
            accept_many(store, at(0), number, 500).await;
        }
        kill_all(store, at(1), number).await;
    }
    store.begin_replay(at(2), account(ONE), ALL).await.unwrap();
    store.replay_step(at(3)).await.unwrap();
    store.begin_replay(at(4), account(TWO), ALL).await.unwrap();
    store.replay_step(at(5)).await.unwrap();
    store.replay_step(at(5)).await.unwrap();
    for number in [ONE, TWO] {
        let pending = counts(store, number).await.pending;
        assert!(pending > 0 && pending < 2000, "{number}: {pending}");
    }
    replay_all(store, at(6)).await;
    for number in [ONE, TWO] {
        assert_eq!(counts(store, number).await.pending, 2000);
    }
}

pub async fn a_step_of_large_bodies_is_a_short_one(store: &dyn Store) {
    register(store, ONE).await;
    let large = "x".repeat(1024 * 1024);
    let messages = (0..20).map(|_| message(ONE, &large)).collect();
    accept_all(store, at(0), messages).await;
    kill_all(store, at(1), ONE).await;
    store.begin_replay(at(2), account(ONE), ALL).await.unwrap();
    assert!(replay_all(store, at(3)).await > 2);
    assert_eq!(queue(store, ONE).await, (1..=20).collect::<Vec<_>>());
}

/// Both ends of a filter, to the millisecond.
pub async fn a_replay_counts_from_its_beginning_to_before_its_end(store: &dyn Store) {
    register(store, ONE).await;
    let moment = |millis: i64| Timestamp::from_millis(at(0).as_millis() + millis);
    for millis in 0..4 {
        accept_many(store, moment(millis), ONE, 1).await;
    }
    kill_all(store, at(1), ONE).await;
    let count = async |since: Option<i64>, until: Option<i64>| {
        let filter = ReplayFilter { state: None, since: since.map(moment), until: until.map(moment) };
        store.count_replay(account(ONE), filter).await.unwrap().messages
    };
    assert_eq!(count(Some(1), Some(3)).await, 2);
    assert_eq!(count(Some(1), None).await, 3);
    assert_eq!(count(None, Some(3)).await, 3);
    assert_eq!(count(Some(3), Some(1)).await, 0);
}
