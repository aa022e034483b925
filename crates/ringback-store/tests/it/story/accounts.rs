//! What an account tells of itself, and which ones are listed.

use ringback_delivery::{Health, LaneRecord, LaneUpdate};
use ringback_store::{AccountSummary, Counts, Credential, CredentialChange, Reach, Restored, Scopes, Store};

use crate::cast::*;
use crate::looking::*;
use crate::story::credentials::credential;

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
