//! Looking over all accounts: who is in trouble, what it adds up to, who did what.

use ringback_delivery::{Failure, Health, LaneRecord, LaneUpdate, Timestamp, Trouble};
use ringback_store::{Act, Counts, LaneCounts, Reach, Store, Tally};

use crate::cast::*;
use crate::looking::*;

const ACCOUNTS: u64 = 8;

fn on_hold(since: Timestamp) -> Health {
    Health::Hold { since, failed_probes: 1, probe_at: since, trouble: Trouble::Failure(Failure::Connect) }
}

/// Records what an account's endpoint has shown, as of its present standing.
async fn show(store: &dyn Store, number: u64, health: Health) {
    let standing = store.standing(account(number)).await.unwrap();
    let record = LaneRecord {
        successes: 0,
        health,
        releases_seen: standing.releases,
        reinstatements_seen: standing.reinstatements,
    };
    let lane = LaneUpdate { account: account(number), record };
    store.record(at(1), Vec::new(), vec![lane]).await.unwrap();
}

/// Who is in trouble, as distances from the first account.
async fn troubled(store: &dyn Store, reach: &Reach, limit: usize) -> Vec<u64> {
    let found = store.troubled(reach.clone(), limit).await.unwrap();
    found.iter().map(|summary| summary.account.number() - ONE).collect()
}

/// A store with every ailment twice over, and a healthy account at the end.
async fn hospital(store: &dyn Store) {
    for number in ONE..ONE + ACCOUNTS + 3 {
        register(store, number).await;
    }
    for (number, deaths) in [(ONE, 1), (ONE + 1, 3)] {
        accept_many(store, at(0), number, deaths).await;
        kill_all(store, at(1), number).await;
    }
    show(store, ONE + 2, Health::Open { failures: 2 }).await;
    show(store, ONE + 3, Health::Open { failures: 4 }).await;
    show(store, ONE + 4, on_hold(at(20))).await;
    show(store, ONE + 5, on_hold(at(10))).await;
    show(store, ONE + 6, Health::Suspended { since: at(40) }).await;
    show(store, ONE + 7, Health::Suspended { since: at(30) }).await;
    store.pause(at(50), account(ONE + 8)).await.unwrap();
    store.pause(at(45), account(ONE + 9)).await.unwrap();
}

pub async fn the_worst_come_first(store: &dyn Store) {
    hospital(store).await;
    let all = [7, 6, 5, 4, 3, 2, 9, 8, 1, 0];
    assert_eq!(troubled(store, &Reach::Every, 100).await, all);
    assert_eq!(troubled(store, &Reach::Every, 3).await, all[..3]);
    let worst = store.troubled(Reach::Every, 1).await.unwrap();
    assert_eq!(worst, [store.account(account(ONE + 7)).await.unwrap()]);
    // Of named accounts it is the same; the unknown and the healthy are not among them.
    let some = [ONE, ONE + 10, ONE + 3, ONE + 6, ONE + 3, ONE + 99].map(account).to_vec();
    assert_eq!(troubled(store, &Reach::Accounts(some.clone()), 100).await, [6, 3, 0]);
    assert_eq!(troubled(store, &Reach::Accounts(some), 1).await, [6]);
    assert_eq!(troubled(store, &Reach::Accounts(Vec::new()), 100).await, [0; 0]);
}

pub async fn who_was_released_or_deregistered_is_not_in_trouble(store: &dyn Store) {
    hospital(store).await;
    store.release(at(60), account(ONE + 5)).await.unwrap();
    store.release(at(60), account(ONE + 7)).await.unwrap();
    store.resume(at(60), account(ONE + 9)).await.unwrap();
    // A release ends a hold, and no suspension.
    assert_eq!(troubled(store, &Reach::Every, 100).await, [7, 6, 4, 3, 2, 8, 1, 0]);
    store.register(at(61), account(ONE + 7), registration("new")).await.unwrap();
    for number in [ONE + 6, ONE + 4, ONE + 2, ONE + 8, ONE + 1] {
        store.deregister(at(62), account(number)).await.unwrap();
    }
    // The dead stay dead without a registration, too.
    assert_eq!(troubled(store, &Reach::Every, 100).await, [3, 1, 0]);
    let named = Reach::Accounts((ONE..ONE + 11).map(account).collect());
    assert_eq!(troubled(store, &named, 100).await, [3, 1, 0]);
}

pub async fn the_parts_add_up_to_all_accounts(store: &dyn Store) {
    hospital(store).await;
    store.set_pull(at(0), account(TWO + 100), true).await.unwrap();
    accept_many(store, at(7), ONE + 10, 2).await;
    accept_many(store, at(3), ONE + 4, 1).await;
    let whole = store.tally(Reach::Every, None, 100).await.unwrap();
    let lanes = LaneCounts { active: 5, paused: 2, on_hold: 2, suspended: 2, unregistered: 1 };
    assert_eq!((whole.accounts, whole.lanes, whole.next), (12, lanes, None));
    assert_eq!(whole.counts, Counts { accepted: 7, pending: 3, dead: 4, ..Counts::default() });
    assert_eq!(whole.waiting, [(account(ONE + 4), at(3)), (account(ONE + 10), at(7))]);
    for limit in 1..=13 {
        let mut sum = Tally::default();
        loop {
            let part = store.tally(Reach::Every, sum.next, limit).await.unwrap();
            assert!(part.accounts <= limit as u64);
            sum.add(part);
            if sum.next.is_none() {
                break;
            }
        }
        assert_eq!(sum, whole, "in parts of {limit}");
    }
    let some = Reach::Accounts([ONE + 4, ONE + 99, ONE, ONE].map(account).to_vec());
    let part = store.tally(some, None, 100).await.unwrap();
    assert_eq!((part.accounts, part.counts.accepted, part.counts.dead), (3, 2, 1));
    assert_eq!(part.waiting, [(account(ONE + 4), at(3))]);
}

pub async fn what_is_due_first_is_free_to_go_in_an_open_lane(store: &dyn Store) {
    let first_due = async || store.tally(Reach::Every, None, 100).await.unwrap().first_due;
    for number in ONE..ONE + 4 {
        register(store, number).await;
    }
    assert_eq!(first_due().await, None);

    // One that waits by its schedule, and one behind it that was accepted long ago.
    accept(store, at(0), ordered(ONE, 7, "first")).await;
    accept(store, at(1), ordered(ONE, 7, "second")).await;
    assert_eq!(first_due().await, Some(at(0)));
    let first = waiting(store, ONE).await.remove(0);
    store.record(at(2), vec![retry(ONE, &first, hour(24))], Vec::new()).await.unwrap();
    assert_eq!(first_due().await, Some(hour(24)));
    // One of another key beside them, and one without.
    accept(store, at(90), ordered(ONE, 8, "other")).await;
    assert_eq!(first_due().await, Some(at(90)));
    accept(store, at(60), message(TWO, "none")).await;
    assert_eq!(first_due().await, Some(at(60)));

    // What keeps an account's messages waiting keeps them out, and what is cancelled or acknowledged does not wait.
    accept(store, at(10), message(ONE + 2, "held")).await;
    show(store, ONE + 2, on_hold(at(20))).await;
    accept(store, at(11), message(ONE + 3, "paused")).await;
    store.pause(at(50), account(ONE + 3)).await.unwrap();
    assert_eq!(first_due().await, Some(at(60)));
    store.resume(at(61), account(ONE + 3)).await.unwrap();
    assert_eq!(first_due().await, Some(at(11)));
    store.deregister(at(62), account(ONE + 3)).await.unwrap();
    assert_eq!(first_due().await, Some(at(60)));
    store.acknowledge(at(63), account(TWO), 1).await.unwrap();
    assert_eq!(first_due().await, Some(at(90)));
}

pub async fn acts_are_told_the_newest_first(store: &dyn Store) {
    assert_eq!(store.acts(None, None, 10).await.unwrap(), []);
    let act = |second: i64, on: Option<u64>| Act {
        at: at(second),
        credential: 7,
        by: "night shift".to_owned(),
        account: on.map(account),
        what: format!("did {second}"),
    };
    let acts = [act(1, Some(ONE)), act(2, None), act(3, Some(TWO)), act(4, Some(ONE))];
    for act in &acts {
        store.note(act.clone()).await.unwrap();
    }
    let told = async |on: Option<u64>, before, limit| -> Vec<(i64, Act)> {
        let kept = store.acts(on.map(account), before, limit).await.unwrap();
        kept.into_iter().map(|kept| (kept.number, kept.act)).collect()
    };
    let all = told(None, None, 10).await;
    assert!(all.iter().map(|(_, act)| act).eq(acts.iter().rev()));
    assert!(all.windows(2).all(|pair| pair[0].0 > pair[1].0));
    assert_eq!(told(None, None, 2).await, all[..2]);
    assert_eq!(told(None, Some(all[1].0), 10).await, all[2..]);
    assert_eq!(told(Some(ONE), None, 10).await, [all[0].clone(), all[3].clone()]);
    assert_eq!(told(Some(ONE + 50), None, 10).await, []);
}

pub async fn a_bounded_number_of_acts_is_kept(store: &dyn Store) {
    let most = usize::try_from(ringback_store::overseeing::ACTS_KEPT).unwrap();
    let act =
        |n: usize| Act { at: at(0), credential: 0, by: String::new(), account: None, what: n.to_string() };
    // Many at once share a commit.
    let mut notes = Vec::new();
    for n in 0..most + 3 {
        notes.push(store.note(act(n)));
        if notes.len() == 500 || n == most + 2 {
            for noted in futures_util::future::join_all(notes.drain(..)).await {
                noted.unwrap();
            }
        }
    }
    let (mut kept, mut before) = (0, None);
    loop {
        let page = store.acts(None, before, 1000).await.unwrap();
        let Some(last) = page.last() else { break };
        before = Some(last.number);
        kept += page.len();
    }
    assert_eq!(kept, most);
}
