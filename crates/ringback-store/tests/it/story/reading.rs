//! Looking does not touch: messages, their attempts, accounts.

use std::collections::HashSet;
use std::time::Duration;

use ringback_delivery::{
    Death, Failure, Health, LaneRecord, LaneUpdate, MessageId, MessageKind, MessageState, Outcome, Sequence,
    Trouble, Verdict,
};
use ringback_store::{
    AccountSummary, Closed, Counts, Credential, CredentialChange, MessageFilter, NewMessage, Reach, Restored,
    Scopes, Store,
};

use crate::cast::*;
use crate::looking::*;
use crate::story::credentials::credential;

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

async fn summary(store: &dyn Store, number: u64) -> AccountSummary {
    store.account(account(number)).await.unwrap()
}

pub async fn an_account_tells_its_ledger_and_its_trouble(store: &dyn Store) {
    assert_eq!(summary(store, ONE).await, AccountSummary::untouched(account(ONE)));
    register(store, ONE).await;
    let fresh = summary(store, ONE).await;
    assert_eq!((fresh.account, fresh.counts), (account(ONE), Counts::default()));
    assert_eq!((fresh.lane, fresh.oldest_pending), (LaneRecord::default(), None));
    assert_eq!(fresh.standing, store.standing(account(ONE)).await.unwrap());

    for second in 1..=5 {
        accept_many(store, at(second), ONE, 1).await;
    }
    let rows = waiting(store, ONE).await;
    let health = Health::Hold {
        since: at(6),
        failed_probes: 2,
        probe_at: at(20),
        trouble: ringback_delivery::Trouble::Status(503),
    };
    let record = LaneRecord { successes: 1, health, ..LaneRecord::default() };
    let outcomes = vec![delivered(ONE, &rows[0]), dead(ONE, &rows[3]), retry(ONE, &rows[1], at(60))];
    let lanes = vec![LaneUpdate { account: account(ONE), record }];
    store.record(at(7), outcomes, lanes).await.unwrap();
    let busy = summary(store, ONE).await;
    let counts = Counts { accepted: 5, pending: 3, delivered: 1, dead: 1, ..Counts::default() };
    assert_eq!((busy.counts, busy.lane), (counts, record));
    assert_eq!(busy.oldest_pending, Some(at(2)));
    let last = busy.last_attempt.unwrap();
    assert_eq!((last.number, last.outcome), (1, answered(500)));
}

pub async fn an_account_tells_since_when_it_is_registered(store: &dyn Store) {
    let since = async || summary(store, ONE).await.registered_at;
    store.set_pull(at(0), account(ONE), true).await.unwrap();
    assert_eq!(since().await, None);
    store.register(at(10), account(ONE), registration("one")).await.unwrap();
    assert_eq!(since().await, Some(at(10)));
    store.register(at(20), account(ONE), registration("two")).await.unwrap();
    assert_eq!(since().await, Some(at(20)));
    // What is brought back is what it was.
    assert_eq!(store.restore_registration(at(30), account(ONE)).await.unwrap(), Restored::Restored);
    assert_eq!(since().await, Some(at(10)));
    store.deregister(at(40), account(ONE)).await.unwrap();
    assert_eq!(since().await, None);
}

pub async fn accounts_are_listed_within_reach_by_number(store: &dyn Store) {
    let numbers = [ONE + 30, ONE + 10, ONE + 20, ONE];
    for number in numbers {
        register(store, number).await;
    }
    accept_many(store, at(0), ONE + 20, 2).await;
    let list = async |reach: &Reach, after: Option<u64>, limit| -> Vec<(u64, u64)> {
        let found = store.accounts(reach.clone(), after.map(account), limit).await.unwrap();
        found.iter().map(|summary| (summary.account.number() - ONE, summary.counts.pending)).collect()
    };
    assert_eq!(list(&Reach::Every, None, 10).await, [(0, 0), (10, 0), (20, 2), (30, 0)]);
    assert_eq!(list(&Reach::Every, None, 2).await, [(0, 0), (10, 0)]);
    assert_eq!(list(&Reach::Every, Some(ONE + 10), 2).await, [(20, 2), (30, 0)]);
    assert_eq!(list(&Reach::Every, Some(ONE + 30), 2).await, []);
    // Named twice, in any order, or untouched.
    let some = [ONE + 20, ONE + 5, ONE, ONE + 20].map(account).to_vec();
    let some = Reach::Accounts(some);
    assert_eq!(list(&some, None, 10).await, [(0, 0), (5, 0), (20, 2)]);
    assert_eq!(list(&some, None, 1).await, [(0, 0)]);
    assert_eq!(list(&some, Some(ONE + 5), 1).await, [(20, 2)]);
}

pub async fn an_account_is_listed_once_a_credential_names_it(store: &dyn Store) {
    register(store, ONE + 10).await;
    for (name, accounts) in [("one", vec![ONE + 5, ONE + 10]), ("two", vec![ONE + 5, ONE + 20, ONE])] {
        let reach = Reach::Accounts(accounts.into_iter().map(account).collect());
        store.create_credential(Credential { reach, ..credential(name) }).await.unwrap();
    }
    let page = async |after: Option<u64>| -> Vec<u64> {
        let found = store.accounts(Reach::Every, after.map(account), 2).await.unwrap();
        found.iter().map(|summary| summary.account.number() - ONE).collect()
    };
    assert_eq!(page(None).await, [0, 5]);
    assert_eq!(page(Some(ONE + 5)).await, [10, 20]);
    assert_eq!(page(Some(ONE + 20)).await, [0; 0]);
    let tally = store.tally(Reach::Every, None, 100).await.unwrap();
    assert_eq!((tally.accounts, tally.lanes.active, tally.lanes.unregistered), (4, 1, 3));
    // A page goes on from the same place, whatever came before it meanwhile; and what existed goes on existing.
    store.change_credential(at(1), "two", CredentialChange::Revoke).await.unwrap();
    let reach = Reach::Accounts(vec![account(ONE + 1), account(ONE + 15)]);
    let grant = CredentialChange::Grant { reach, scopes: Scopes::default() };
    store.change_credential(at(1), "one", grant).await.unwrap();
    assert_eq!(page(Some(ONE + 5)).await, [10, 15]);
    assert_eq!(page(Some(ONE + 15)).await, [20]);
}
