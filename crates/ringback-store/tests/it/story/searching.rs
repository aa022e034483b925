//! Searches among messages: what they find, and in which pages.

use std::collections::HashSet;

use ringback_delivery::{MessageKind, MessageState};
use ringback_store::{MessageFilter, NewMessage, Reach, Store};

use crate::cast::*;
use crate::looking::*;

pub async fn a_search_gives_the_newest_first(store: &dyn Store) {
    for number in [ONE, TWO] {
        register(store, number).await;
    }
    for second in 0..4 {
        accept_many(store, at(second), ONE, 1).await;
        accept_many(store, at(second), TWO, 1).await;
    }
    assert_eq!(found(store, &of(TWO)).await, [(TWO, 4), (TWO, 3), (TWO, 2), (TWO, 1)]);
    let all = found(store, &everything()).await;
    assert_eq!(all[..4], [(TWO, 4), (ONE, 4), (TWO, 3), (ONE, 3)]);
    assert_eq!(all.len(), 8);
    // However small the pages are; and the last one knows that it is.
    for limit in 1..=9 {
        for (filter, count) in [(everything(), 8_usize), (of(ONE), 4)] {
            let pages = pages(store, &filter, limit).await;
            assert_eq!(pages.len(), count.div_ceil(limit));
            let whole = found(store, &filter).await;
            let parts: Vec<_> = pages.iter().flat_map(|page| names(&page.items)).collect();
            assert_eq!(parts, whole);
        }
    }
}

pub async fn a_search_keeps_to_what_is_asked_for(store: &dyn Store) {
    register(store, ONE).await;
    register(store, TWO).await;
    for (second, kind) in MessageKind::ALL.into_iter().enumerate() {
        let now = at(i64::try_from(second).unwrap());
        for number in [ONE, TWO] {
            accept(store, now, NewMessage { kind, ..message(number, "x") }).await;
        }
    }
    let rows = waiting(store, ONE).await;
    store.record(at(9), vec![delivered(ONE, &rows[0]), dead(ONE, &rows[1])], Vec::new()).await.unwrap();

    let reached = MessageFilter { reach: Reach::Accounts(vec![account(TWO)]), ..everything() };
    assert_eq!(found(store, &reached).await, [(TWO, 4), (TWO, 3), (TWO, 2), (TWO, 1)]);
    let beyond = MessageFilter { account: Some(account(ONE)), ..reached.clone() };
    assert_eq!(found(store, &beyond).await, []);
    let nobody = MessageFilter { reach: Reach::Accounts(Vec::new()), ..everything() };
    assert_eq!(found(store, &nobody).await, []);

    let kind = MessageFilter { kind: Some(MessageKind::UpgradeScheduled), ..everything() };
    assert_eq!(found(store, &kind).await, [(TWO, 2), (ONE, 2)]);
    let time = MessageFilter { since: Some(at(1)), until: Some(at(3)), ..everything() };
    assert_eq!(found(store, &time).await, [(TWO, 3), (ONE, 3), (TWO, 2), (ONE, 2)]);
    for (filter, all) in [(of(ONE), 2), (everything(), 6)] {
        let state = |state| MessageFilter { state: Some(state), ..filter.clone() };
        assert_eq!(found(store, &state(MessageState::Delivered)).await, [(ONE, 1)]);
        assert_eq!(found(store, &state(MessageState::Dead)).await, [(ONE, 2)]);
        assert_eq!(found(store, &state(MessageState::Cancelled)).await, []);
        assert_eq!(found(store, &state(MessageState::Pending)).await.len(), all);
        let of_two =
            MessageFilter { reach: Reach::Accounts(vec![account(TWO)]), ..state(MessageState::Dead) };
        assert_eq!(found(store, &of_two).await, []);
    }
}

pub async fn bodies_come_along_where_they_are_asked_for(store: &dyn Store) {
    register(store, ONE).await;
    accept_many(store, at(0), ONE, 3).await;
    let bare = store.search(of(ONE), None, 10).await.unwrap();
    assert!(bare.items.iter().all(|message| message.body.is_none()));
    for filter in [of(ONE), everything()] {
        let filter = MessageFilter { with_bodies: true, ..filter };
        let whole = store.search(filter, None, 10).await.unwrap();
        let bodies: Vec<_> = whole.items.iter().map(|message| text(message.body.as_ref())).collect();
        assert_eq!(bodies, [format!("{ONE} 2"), format!("{ONE} 1"), format!("{ONE} 0")]);
    }
}

pub async fn a_page_of_large_bodies_ends_before_its_limit(store: &dyn Store) {
    register(store, ONE).await;
    let large = "x".repeat(1024 * 1024);
    let messages = (0..20).map(|_| message(ONE, &large)).collect();
    accept_all(store, at(0), messages).await;
    let filter = MessageFilter { with_bodies: true, ..of(ONE) };
    let pages = pages(store, &filter, 100).await;
    assert!(pages.len() > 1);
    let numbers: Vec<_> = pages.iter().flat_map(|page| names(&page.items)).collect();
    assert_eq!(numbers, (1..=20).rev().map(|n| (ONE, n)).collect::<Vec<_>>());
}

pub async fn pages_neither_repeat_nor_skip_while_messages_come_and_go(store: &dyn Store) {
    register(store, ONE).await;
    register(store, TWO).await;
    // The first thirty are old and dead, the rest are young: a retention sets the bodies of the first aside.
    accept_many(store, at(0), ONE, 15).await;
    accept_many(store, at(0), TWO, 15).await;
    kill_all(store, at(1), ONE).await;
    accept_many(store, hour(3), ONE, 30).await;
    for filter in [everything(), of(ONE), MessageFilter { state: Some(MessageState::Dead), ..everything() }] {
        let before = found(store, &filter).await;
        let mut cursor = None;
        let mut met = Vec::new();
        for turn in 0.. {
            let page = store.search(filter.clone(), cursor, 7).await.unwrap();
            met.extend(names(&page.items));
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
            accept_many(store, hour(3), TWO, 2).await;
            if turn == 3 {
                retire_all(store, hour(3), short()).await;
            }
        }
        assert_eq!(met, before);
        assert_eq!(met.iter().collect::<HashSet<_>>().len(), met.len());
    }
    verified(store).await;
}

pub async fn a_search_that_finds_nothing_for_long_says_where_to_go_on(store: &dyn Store) {
    register(store, ONE).await;
    register(store, TWO).await;
    accept(store, at(0), NewMessage { kind: MessageKind::FirmwareList, ..message(ONE, "x") }).await;
    for _ in 0..9 {
        accept_many(store, at(1), ONE, 500).await;
    }
    for filter in [everything(), of(ONE)] {
        let rare = MessageFilter { kind: Some(MessageKind::FirmwareList), ..filter };
        let pages = pages(store, &rare, 10).await;
        assert!(pages.len() > 1, "a walk of 4,500 messages in one call");
        assert!(pages.len() < 10);
        assert!(pages[0].items.is_empty());
        assert_eq!(names(&pages.last().unwrap().items), [(ONE, 1)]);
    }
}

pub async fn a_search_since_a_time_ends_soon_behind_it(store: &dyn Store) {
    register(store, ONE).await;
    for _ in 0..24 {
        accept_many(store, at(0), ONE, 500).await;
    }
    accept_many(store, at(10), ONE, 3).await;
    // A clock that was wrong for a while hides nothing.
    accept_many(store, at(-1_000_000), ONE, 50).await;
    accept_many(store, at(11), ONE, 3).await;
    for filter in [everything(), of(ONE)] {
        let since = MessageFilter { since: Some(at(10)), ..filter };
        let pages = pages(store, &since, 100).await;
        assert!(pages.len() <= 2, "{} pages", pages.len());
        assert_eq!(pages.iter().map(|page| page.items.len()).sum::<usize>(), 6);
    }
}
