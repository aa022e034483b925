//! What there is for those who count: what each commit moved.

use ringback_store::{Movements, Replayed, Store};

use crate::cast::*;
use crate::looking::sweep;

pub async fn every_commit_tells_what_it_moved(store: &dyn Store) {
    let ear = Ear::at(store);
    register(store, ONE).await;
    let mut ids = Vec::new();
    for body in ["one", "two", "three", "four"] {
        ids.push(accept(store, at(1), message(ONE, body)).await);
    }
    let rows = waiting(store, ONE).await;
    let settled = vec![delivered(ONE, &rows[0]), dead(ONE, &rows[1]), retry(ONE, &rows[2], at(60))];
    store.record(at(2), settled.clone(), Vec::new()).await.unwrap();
    let after = Movements { accepted: 4, delivered: 1, dead: 1, outcomes: 3, ..Movements::default() };
    assert_eq!(ear.moved(), after);
    // Recorded again after a commit in doubt: nothing moves twice.
    store.record(at(3), settled, Vec::new()).await.unwrap();
    assert_eq!(ear.moved(), Movements { outcomes: 6, ..after });
    assert_eq!(store.replay(at(4), ids[1]).await.unwrap(), Replayed::Queued);
    assert_eq!(ear.moved(), Movements { outcomes: 6, replayed: 1, ..after });
    store.deregister(at(5), account(ONE)).await.unwrap();
    while sweep(store, at(6), ONE, Vec::new()).await == ringback_store::Swept::More {}
    assert_eq!(ear.moved(), Movements { outcomes: 6, replayed: 1, cancelled: 3, ..after });
}
