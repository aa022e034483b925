//! Messages come in.

use ringback_delivery::{MessageState, Sequence, Turn};
use ringback_store::{Admission, Store};

use crate::cast::*;
use crate::looking::sweep;

pub async fn accepted_messages_are_numbered_and_wait_in_order(store: &dyn Store) {
    register(store, ONE).await;
    register(store, TWO).await;
    let batch = vec![ordered(ONE, 5, "a"), message(TWO, "b"), message(ONE, "c")];
    let admissions = store.accept(at(10), batch).await.unwrap();
    let numbers: Vec<_> = admissions
        .iter()
        .map(|admission| match admission {
            Admission::Queued(id) => (id.account.number(), id.sequence.0, id.accepted_second),
            other => panic!("{other:?}"),
        })
        .collect();
    let second = u32::try_from(at(10).as_seconds()).unwrap();
    assert_eq!(numbers, [(ONE, 1, second), (TWO, 1, second), (ONE, 2, second)]);

    let rows = waiting(store, ONE).await;
    assert_eq!(
        rows.iter().map(|row| (row.turn, row.sequence)).collect::<Vec<_>>(),
        [(Turn(1), Sequence(1)), (Turn(2), Sequence(2))]
    );
    assert_eq!((rows[0].accepted_at, rows[0].born, rows[0].due), (at(10), at(10), None));
    assert_eq!((rows[0].attempts, rows[0].charged, rows[0].replay), (0, 0, false));
    assert_eq!(rows[0].key.map(|key| key.0), Some(5));
    let standing = store.standing(account(ONE)).await.unwrap();
    assert_eq!((standing.last_turn, standing.last_sequence), (Turn(2), Sequence(2)));
}

pub async fn an_account_without_a_registration_keeps_nothing_and_gets_no_row(store: &dyn Store) {
    let admissions = store.accept(at(0), vec![named(ONE, 1, 1), message(ONE, "x")]).await.unwrap();
    assert_eq!(admissions, [Admission::Unregistered, Admission::Unregistered]);
    assert_eq!(store.standing(account(ONE)).await.unwrap(), Default::default());

    // Nothing was remembered either, and the first number is not used up.
    register(store, ONE).await;
    assert_eq!(accept(store, at(1), named(ONE, 1, 2)).await.sequence, Sequence(1));

    store.deregister(at(2), account(ONE)).await.unwrap();
    assert_eq!(store.accept(at(3), vec![message(ONE, "x")]).await.unwrap(), [Admission::Unregistered]);
}

pub async fn pull_keeps_messages_without_a_registration(store: &dyn Store) {
    store.set_pull(at(0), account(ONE), true).await.unwrap();
    accept(store, at(1), message(ONE, "x")).await;
    store.set_pull(at(2), account(ONE), false).await.unwrap();
    assert_eq!(store.accept(at(3), vec![message(ONE, "x")]).await.unwrap(), [Admission::Unregistered]);
    assert_eq!(queue(store, ONE).await, [1]);
}

pub async fn the_same_key_and_message_is_a_duplicate_with_the_first_id(store: &dyn Store) {
    register(store, ONE).await;
    let first = accept(store, at(0), named(ONE, 1, 1)).await;
    let again = store.accept(at(60), vec![named(ONE, 1, 1)]).await.unwrap();
    assert_eq!(again, [Admission::Duplicate(first, MessageState::Pending)]);
    assert_eq!(queue(store, ONE).await, [1]);
}

pub async fn the_same_key_with_another_message_is_a_conflict(store: &dyn Store) {
    register(store, ONE).await;
    accept(store, at(0), named(ONE, 1, 1)).await;
    assert_eq!(store.accept(at(1), vec![named(ONE, 1, 2)]).await.unwrap(), [Admission::Conflict]);
    assert_eq!(queue(store, ONE).await, [1]);
}

pub async fn a_key_counts_within_one_batch_and_within_its_account_only(store: &dyn Store) {
    register(store, ONE).await;
    register(store, TWO).await;
    let batch = vec![named(ONE, 1, 1), named(ONE, 1, 1), named(ONE, 1, 2), named(TWO, 1, 1)];
    let admissions = store.accept(at(0), batch).await.unwrap();
    let Admission::Queued(first) = admissions[0] else { panic!("{admissions:?}") };
    assert_eq!(admissions[1], Admission::Duplicate(first, MessageState::Pending));
    assert_eq!(admissions[2], Admission::Conflict);
    assert!(matches!(admissions[3], Admission::Queued(id) if id.account == account(TWO)));
}

pub async fn a_key_holds_for_a_day_and_over_a_midnight(store: &dyn Store) {
    const DAY: i64 = 24 * 60 * 60;
    register(store, ONE).await;
    let before_midnight = at(DAY - at(0).as_seconds().rem_euclid(DAY) - 1);
    assert_eq!(before_midnight.as_seconds().rem_euclid(DAY), DAY - 1);
    let second = std::time::Duration::from_secs(1);
    let first = accept(store, before_midnight, named(ONE, 1, 1)).await;
    for later in [before_midnight.after(second), before_midnight.after(second * 86_400)] {
        let again = store.accept(later, vec![named(ONE, 1, 1)]).await.unwrap();
        assert_eq!(again, [Admission::Duplicate(first, MessageState::Pending)]);
    }
    // The clock was set back over midnight: what came after it still counts.
    let after = accept(store, before_midnight.after(second), named(ONE, 2, 2)).await;
    let again = store.accept(before_midnight, vec![named(ONE, 2, 2)]).await.unwrap();
    assert_eq!(again, [Admission::Duplicate(after, MessageState::Pending)]);
}

pub async fn a_duplicate_is_told_the_present_state_even_after_a_deregistration(store: &dyn Store) {
    register(store, ONE).await;
    for key in 1..=4 {
        accept(store, at(0), named(ONE, key, key)).await;
    }
    let rows = waiting(store, ONE).await;
    store.record(at(1), vec![delivered(ONE, &rows[0]), dead(ONE, &rows[1])], Vec::new()).await.unwrap();
    store.deregister(at(2), account(ONE)).await.unwrap();
    // As a search tells it, before any row says so.
    assert_eq!(state(store, at(2), ONE, 3, 3).await, MessageState::Cancelled);
    sweep(store, at(3), ONE, vec![Turn(4)]).await;
    assert_eq!(state(store, at(4), ONE, 1, 1).await, MessageState::Delivered);
    assert_eq!(state(store, at(4), ONE, 2, 2).await, MessageState::Dead);
    assert_eq!(state(store, at(4), ONE, 3, 3).await, MessageState::Cancelled);
    assert_eq!(state(store, at(4), ONE, 4, 4).await, MessageState::Cancelled);
}

pub async fn the_listener_hears_before_the_publisher_does(store: &dyn Store) {
    register(store, ONE).await;
    let ear = Ear::at(store);
    let batch = vec![named(ONE, 1, 1), message(TWO, "nobody's"), named(ONE, 1, 1), message(ONE, "c")];
    store.accept(at(0), batch).await.unwrap();
    let one = account(ONE);
    assert_eq!(
        ear.heard(),
        [Heard::Accepted(vec![(one, 1, "{\"message\":1}".into()), (one, 2, "c".into())])]
    );
    // Where nothing was accepted nothing is handed over.
    store.accept(at(1), vec![named(ONE, 1, 1), message(TWO, "nobody's")]).await.unwrap();
    let heard = ear.heard();
    assert!(heard.iter().all(|heard| matches!(heard, Heard::Missed(_))), "{heard:?}");
}

pub async fn no_messages_are_no_commit(store: &dyn Store) {
    assert_eq!(store.accept(at(0), Vec::new()).await.unwrap(), []);
}
