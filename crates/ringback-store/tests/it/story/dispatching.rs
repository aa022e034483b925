//! Messages go out, and outcomes come back.

use std::time::Duration;

use ringback_delivery::{
    Death, Failure, Health, LaneRead, LaneRecord, LaneUpdate, MessageState, OrderingKey, Outcome, Sequence,
    Timestamp, Trouble, Turn, Verdict,
};
use ringback_store::{Settled, Store, Swept};

use crate::cast::*;
use crate::looking::{counts, sweep};

async fn accept_many(store: &dyn Store, count: usize) {
    let messages = (0..count).map(|n| message(ONE, &format!("{n}"))).collect();
    store.accept(at(0), messages).await.unwrap();
}

pub async fn a_message_knows_who_waits_before_it_with_its_key(store: &dyn Store) {
    register(store, ONE).await;
    register(store, TWO).await;
    let keys = [Some(1), Some(2), None, Some(1), None, Some(1), Some(2)];
    for key in keys {
        let message = key.map_or_else(|| message(ONE, "x"), |key| ordered(ONE, key, "x"));
        accept(store, at(0), message).await;
    }
    accept(store, at(0), ordered(TWO, 1, "x")).await;
    let before = |rows: Vec<(ringback_delivery::Waiting, Option<Turn>)>| -> Vec<_> {
        rows.into_iter().map(|(waiting, before)| (waiting.turn.0, before.map(|turn| turn.0))).collect()
    };
    assert_eq!(
        before(load(store, from_the_head(ONE)).await.queue),
        [(1, None), (2, None), (3, None), (4, Some(1)), (5, None), (6, Some(4)), (7, Some(2))]
    );
    // Also where that one lies before the window; and no longer once it has gone.
    let behind = LaneRead { after: Turn(5), ..from_the_head(ONE) };
    assert_eq!(before(load(store, behind.clone()).await.queue), [(6, Some(4)), (7, Some(2))]);
    let rows = waiting(store, ONE).await;
    store.record(at(1), vec![delivered(ONE, &rows[3])], Vec::new()).await.unwrap();
    assert_eq!(before(load(store, behind).await.queue), [(6, Some(1)), (7, Some(2))]);
    assert_eq!(before(load(store, from_the_head(TWO)).await.queue), [(1, None)]);
}

pub async fn a_window_ends_at_its_limit_and_goes_on_behind_it(store: &dyn Store) {
    register(store, ONE).await;
    accept_many(store, 5).await;
    let window = async |after, limit| {
        let rows = load(store, LaneRead { after: Turn(after), limit, ..from_the_head(ONE) }).await;
        (rows.queue.iter().map(|(waiting, _)| waiting.turn.0).collect::<Vec<_>>(), rows.end)
    };
    assert_eq!(window(0, 3).await, (vec![1, 2, 3], false));
    assert_eq!(window(3, 3).await, (vec![4, 5], true));
    assert_eq!(window(0, 5).await, (vec![1, 2, 3, 4, 5], true));
    assert_eq!(window(5, 3).await, (vec![], true));
    assert_eq!(window(0, 0).await, (vec![], false));
}

pub async fn what_is_due_comes_longest_due_first(store: &dyn Store) {
    register(store, ONE).await;
    accept_many(store, 6).await;
    let rows = waiting(store, ONE).await;
    let due = [50, 20, 40, 30, 60];
    let retries = rows.iter().zip(due).map(|(row, due)| retry(ONE, row, at(due))).collect();
    store.record(at(1), retries, Vec::new()).await.unwrap();

    let ask = async |due_by: Option<Timestamp>, limit| {
        let rows = load(store, LaneRead { due_by, limit, ..from_the_head(ONE) }).await;
        let due: Vec<_> = rows.due.iter().map(|waiting| waiting.turn.0).collect();
        (due, rows.more_due, rows.next_due)
    };
    assert_eq!(ask(None, 10).await, (vec![], false, Some(at(20))));
    assert_eq!(ask(Some(at(10)), 10).await, (vec![], false, Some(at(20))));
    assert_eq!(ask(Some(at(40)), 10).await, (vec![2, 4, 3], false, Some(at(50))));
    assert_eq!(ask(Some(at(40)), 2).await, (vec![2, 4], true, Some(at(50))));
    assert_eq!(ask(Some(at(40)), 3).await, (vec![2, 4, 3], false, Some(at(50))));
    assert_eq!(ask(Some(at(60)), 10).await, (vec![2, 4, 3, 1, 5], false, None));
}

pub async fn followers_of_a_key_come_in_order_and_eight_at_most(store: &dyn Store) {
    register(store, ONE).await;
    for turn in 0..24_i64 {
        accept(store, at(0), ordered(ONE, turn % 2, "x")).await;
    }
    let followers = vec![(OrderingKey(1), Turn(20)), (OrderingKey(0), Turn(3)), (OrderingKey(9), Turn(0))];
    let rows = load(store, LaneRead { followers, limit: 0, ..from_the_head(ONE) }).await;
    let turns: Vec<_> = rows.followers.iter().map(|waiting| waiting.turn.0).collect();
    assert_eq!(turns, [5, 7, 9, 11, 13, 15, 17, 19, 22, 24]);
}

pub async fn lanes_are_listed_once_each_in_order_behind_the_last(store: &dyn Store) {
    for number in [30, 10, 20, 40] {
        register(store, number).await;
        if number != 40 {
            accept(store, at(0), message(number, "a")).await;
            accept(store, at(0), message(number, "b")).await;
        }
    }
    let lanes = async |after: Option<u64>, limit| -> Vec<u64> {
        let found = store.lanes_waiting(after.map(account), limit).await.unwrap();
        found.into_iter().map(|lane| lane.number()).collect()
    };
    assert_eq!(lanes(None, 10).await, [10, 20, 30]);
    assert_eq!(lanes(None, 2).await, [10, 20]);
    assert_eq!(lanes(Some(20), 10).await, [30]);
    assert_eq!(lanes(Some(30), 10).await, [0; 0]);
}

pub async fn bodies_come_back_in_the_order_asked_for(store: &dyn Store) {
    register(store, ONE).await;
    accept_many(store, 3).await;
    let positions: Vec<i64> = waiting(store, ONE).await.iter().map(|row| row.position).collect();
    let asked = vec![positions[2], -1, positions[0], positions[2]];
    let bodies = store.contents(asked).await.unwrap();
    let texts: Vec<_> = bodies.iter().map(|found| found.as_ref().map(|content| &content.body[..])).collect();
    assert_eq!(texts, [Some(&b"2"[..]), None, Some(b"0"), Some(b"2")]);
}

pub async fn a_delivered_message_is_gone_from_the_queue(store: &dyn Store) {
    register(store, ONE).await;
    accept(store, at(0), named(ONE, 1, 1)).await;
    accept(store, at(0), named(ONE, 2, 2)).await;
    let rows = waiting(store, ONE).await;
    store.record(at(1), vec![delivered(ONE, &rows[0])], Vec::new()).await.unwrap();
    assert_eq!(queue(store, ONE).await, [2]);
    assert_eq!(state(store, at(2), ONE, 1, 1).await, MessageState::Delivered);
}

pub async fn a_retry_waits_with_what_was_counted(store: &dyn Store) {
    register(store, ONE).await;
    accept(store, at(0), named(ONE, 1, 1)).await;
    let row = waiting(store, ONE).await[0];
    store.record(at(1), vec![retry(ONE, &row, at(6))], Vec::new()).await.unwrap();
    let after = waiting(store, ONE).await[0];
    assert_eq!(
        after,
        ringback_delivery::Waiting { attempts: 1, charged: 1, due: Some(at(6)), successes: 7, ..row }
    );
    assert_eq!(state(store, at(2), ONE, 1, 1).await, MessageState::Pending);

    // And once more, with an outcome that is no answer.
    let verdict = Verdict::Retry { due: at(60), charged: 1, successes: 9 };
    let timed_out = settled(ONE, &after, verdict, Outcome::Failed(Failure::Timeout));
    store.record(at(7), vec![timed_out], Vec::new()).await.unwrap();
    let after = waiting(store, ONE).await[0];
    assert_eq!((after.attempts, after.due, after.successes), (2, Some(at(60)), 9));
}

pub async fn a_dead_message_is_gone_from_the_queue(store: &dyn Store) {
    register(store, ONE).await;
    accept(store, at(0), named(ONE, 1, 1)).await;
    let row = waiting(store, ONE).await[0];
    store.record(at(1), vec![dead(ONE, &row)], Vec::new()).await.unwrap();
    assert_eq!(queue(store, ONE).await, [0; 0]);
    assert_eq!(state(store, at(2), ONE, 1, 1).await, MessageState::Dead);
}

pub async fn a_message_that_is_settled_already_is_left_alone(store: &dyn Store) {
    register(store, ONE).await;
    accept(store, at(0), named(ONE, 1, 1)).await;
    let row = waiting(store, ONE).await[0];
    // Twice in one batch, and once more behind it: as when a commit was in doubt.
    store.record(at(1), vec![delivered(ONE, &row), dead(ONE, &row)], Vec::new()).await.unwrap();
    store.record(at(2), vec![dead(ONE, &row), retry(ONE, &row, at(9))], Vec::new()).await.unwrap();
    assert_eq!(queue(store, ONE).await, [0; 0]);
    assert_eq!(state(store, at(3), ONE, 1, 1).await, MessageState::Delivered);
    // A place that never was, too.
    let never = ringback_delivery::Waiting { turn: Turn(77), sequence: Sequence(77), ..row };
    store.record(at(4), vec![delivered(ONE, &never), delivered(TWO, &row)], Vec::new()).await.unwrap();
}

pub async fn a_message_that_died_waiting_has_no_attempt(store: &dyn Store) {
    register(store, ONE).await;
    accept(store, at(0), named(ONE, 1, 1)).await;
    let row = waiting(store, ONE).await[0];
    let mut aged = settled(ONE, &row, Verdict::Dead(Death::Age), Outcome::NotStarted);
    aged.settlement.attempts = 0;
    aged.attempt = None;
    store.record(at(1), vec![aged], Vec::new()).await.unwrap();
    assert_eq!(state(store, at(2), ONE, 1, 1).await, MessageState::Dead);
}

/// Four messages, each with another verdict that comes after `overtaken` was decided; what waits then, and their states.
async fn settle_after(store: &dyn Store, overtaken: impl AsyncFnOnce()) -> (Vec<u64>, Vec<MessageState>) {
    register(store, ONE).await;
    for key in 1..=4 {
        accept(store, at(0), named(ONE, key, key)).await;
    }
    let rows = waiting(store, ONE).await;
    overtaken().await;
    let settled: Vec<Settled> = vec![
        delivered(ONE, &rows[0]),
        retry(ONE, &rows[1], at(60)),
        dead(ONE, &rows[2]),
        settled(ONE, &rows[3], Verdict::Cancelled, answered(500)),
    ];
    store.record(at(2), settled, Vec::new()).await.unwrap();
    let waits = queue(store, ONE).await;
    let mut states = Vec::new();
    for key in 1..=4 {
        states.push(state(store, at(3), ONE, key, key).await);
    }
    (waits, states)
}

pub async fn what_was_cancelled_under_way_is_cancelled_unless_it_was_delivered(store: &dyn Store) {
    let (waits, states) = settle_after(store, async || {
        store.deregister(at(1), account(ONE)).await.unwrap();
    })
    .await;
    use MessageState::{Cancelled, Delivered};
    assert_eq!(states, [Delivered, Cancelled, Cancelled, Cancelled]);
    // What was to be tried again is swept by its lane, which may send it before it hears.
    assert_eq!(waits, [2]);
    let sent = waiting(store, ONE).await[0];
    assert_eq!(sent.due, Some(at(60)));
    store.record(at(4), vec![delivered(ONE, &sent)], Vec::new()).await.unwrap();
    assert_eq!(state(store, at(5), ONE, 2, 2).await, Delivered);
    let counts = counts(store, ONE).await;
    assert_eq!((counts.delivered, counts.cancelled, counts.pending), (2, 2, 0));
}

pub async fn what_was_acknowledged_under_way_is_delivered_whatever_came(store: &dyn Store) {
    let (waits, states) = settle_after(store, async || {
        store.acknowledge(at(1), account(ONE), 4).await.unwrap();
        // It was cancelled after that; who has it has it.
        store.deregister(at(1), account(ONE)).await.unwrap();
    })
    .await;
    assert_eq!((waits, states), (vec![], vec![MessageState::Delivered; 4]));
}

pub async fn a_lane_record_is_kept_as_it_was_given(store: &dyn Store) {
    let healths = [
        Health::Open { failures: 4 },
        Health::Hold {
            since: at(1),
            failed_probes: 3,
            probe_at: at(90),
            trouble: Trouble::Failure(Failure::Tls),
        },
        Health::Hold { since: at(1), failed_probes: 0, probe_at: at(6), trouble: Trouble::Status(503) },
        Health::Suspended { since: at(7) },
        Health::default(),
    ];
    assert_eq!(load(store, from_the_head(ONE)).await.opening, Some(Default::default()));
    for (successes, health) in (1..).zip(healths) {
        let record = LaneRecord { successes, health, releases_seen: 5, reinstatements_seen: 6 };
        let update = LaneUpdate { account: account(ONE), record };
        store.record(at(1), Vec::new(), vec![update]).await.unwrap();
        assert_eq!(load(store, from_the_head(ONE)).await.opening, Some((Default::default(), record)));
    }
    let closed = LaneRead { opening: false, ..from_the_head(ONE) };
    assert_eq!(load(store, closed).await.opening, None);
}

pub async fn a_sweep_settles_in_steps_and_spares_what_is_under_way(store: &dyn Store) {
    register(store, ONE).await;
    accept_many(store, 1200).await;
    store.deregister(at(1), account(ONE)).await.unwrap();
    register(store, ONE).await;
    accept(store, at(2), message(ONE, "after it")).await;
    let under_way = vec![Turn(1), Turn(600), Turn(1200)];
    let mut steps = 0;
    loop {
        steps += 1;
        let before = load(store, LaneRead { limit: 2000, ..from_the_head(ONE) }).await.queue.len();
        let swept = sweep(store, at(3), ONE, under_way.clone()).await;
        let after = load(store, LaneRead { limit: 2000, ..from_the_head(ONE) }).await.queue.len();
        assert!(before - after <= 500, "a step of {}", before - after);
        if swept == Swept::Done {
            break;
        }
        assert!(steps < 10);
    }
    assert_eq!(queue(store, ONE).await, [1, 600, 1200, 1201]);
    assert_eq!(sweep(store, at(4), ONE, Vec::new()).await, Swept::Done);
    assert_eq!(queue(store, ONE).await, [1201]);
    assert_eq!(sweep(store, at(4), TWO, Vec::new()).await, Swept::Done);
}

pub async fn a_sweep_leaves_what_was_cancelled_after_the_standing_that_it_goes_by(store: &dyn Store) {
    register(store, ONE).await;
    accept(store, at(0), message(ONE, "cancelled")).await;
    store.deregister(at(1), account(ONE)).await.unwrap();
    let known = store.standing(account(ONE)).await.unwrap();
    register(store, ONE).await;
    accept(store, at(2), message(ONE, "its lane may be about to send it")).await;
    store.deregister(at(3), account(ONE)).await.unwrap();
    assert_eq!(store.sweep(at(4), account(ONE), known, Vec::new()).await.unwrap(), Swept::Done);
    assert_eq!(queue(store, ONE).await, [2]);
    let sent = waiting(store, ONE).await[0];
    store.record(at(5), vec![delivered(ONE, &sent)], Vec::new()).await.unwrap();
    let counts = counts(store, ONE).await;
    assert_eq!((counts.cancelled, counts.delivered, counts.pending), (1, 1, 0));
}

pub async fn an_acknowledgement_sweeps_up_to_its_number_only(store: &dyn Store) {
    register(store, ONE).await;
    for key in 1..=5 {
        accept(store, at(0), named(ONE, key, key)).await;
    }
    store.acknowledge(at(1), account(ONE), 3).await.unwrap();
    assert_eq!(sweep(store, at(2), ONE, vec![Turn(2)]).await, Swept::Done);
    assert_eq!(queue(store, ONE).await, [2, 4, 5]);
    assert_eq!(state(store, at(3), ONE, 1, 1).await, MessageState::Delivered);
    assert_eq!(state(store, at(3), ONE, 3, 3).await, MessageState::Delivered);
}

pub async fn a_step_hastens_what_is_not_due_yet(store: &dyn Store) {
    register(store, ONE).await;
    accept_many(store, 601).await;
    let rows = load(store, LaneRead { limit: 700, ..from_the_head(ONE) }).await.queue;
    let retries =
        rows.iter().skip(1).map(|(row, _)| retry(ONE, row, at(100).after(Duration::from_secs(row.turn.0))));
    store.record(at(1), retries.collect(), Vec::new()).await.unwrap();
    assert_eq!(store.hasten(at(50), account(ONE)).await.unwrap(), Swept::More);
    assert_eq!(store.hasten(at(50), account(ONE)).await.unwrap(), Swept::Done);
    let read = LaneRead { due_by: Some(at(50)), limit: 700, ..from_the_head(ONE) };
    let rows = load(store, read).await;
    assert_eq!((rows.due.len(), rows.next_due), (600, None));
    assert!(rows.due.iter().all(|row| row.due == Some(at(50))));
    // What never was tried is not due; it waits for its turn.
    assert_eq!(rows.queue[0].0.due, None);
}
