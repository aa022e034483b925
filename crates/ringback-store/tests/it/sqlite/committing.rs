//! Many share a commit, and nobody hears before it.

use std::sync::{Arc, Mutex, mpsc};

use ringback_delivery::{AccountId, Standing};
use ringback_store::{
    Admission, CommitListener, Dispatching as _, Fresh, Publishing, Registrations as _, Replayed,
    Replaying as _, SqliteStore, Store,
};
use tokio::task::JoinSet;

use super::{look, new_store, number};
use crate::cast::*;

/// A listener that holds the writer up until it is let go.
struct Gate {
    inside: Mutex<mpsc::Sender<()>>,
    go: Mutex<mpsc::Receiver<()>>,
}

impl Gate {
    fn at(store: &dyn Store) -> (mpsc::Receiver<()>, mpsc::Sender<()>) {
        let ((inside, is_inside), (let_go, go)) = (mpsc::channel(), mpsc::channel());
        store.listen(Arc::new(Self { inside: Mutex::new(inside), go: Mutex::new(go) }));
        (is_inside, let_go)
    }

    fn pass(&self) {
        let _ = self.inside.lock().unwrap().send(());
        let _ = self.go.lock().unwrap().recv();
    }
}

impl CommitListener for Gate {
    fn accepted(&self, _: Vec<Fresh>) {
        self.pass();
    }

    fn standing_changed(&self, _: AccountId, _: Standing) {
        self.pass();
    }
}

/// Lets everything that was spawned run until it waits for the writer.
async fn everyone_waits() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn the_listener_hears_in_the_order_in_which_the_acts_were_handed_in() {
    let (_folder, store) = new_store();
    register(&store, ONE).await;
    let id = accept(&store, at(0), message(ONE, "x")).await;
    let row = waiting(&store, ONE).await[0];
    store.record(at(1), vec![dead(ONE, &row)], Vec::new()).await.unwrap();
    let ear = Ear::at(&store);
    // The replay is cancelled, and what is accepted then is not.
    let (replayed, gone, again, accepted) = tokio::join!(
        store.replay(at(2), id),
        store.deregister(at(2), account(ONE)),
        store.register(at(2), account(ONE), registration("two")),
        store.accept(at(2), vec![message(ONE, "y")]),
    );
    assert_eq!(replayed.unwrap(), Replayed::Queued);
    assert!(gone.unwrap().is_some());
    again.unwrap();
    accepted.unwrap();
    let kinds: Vec<_> = ear
        .heard()
        .into_iter()
        .map(|heard| match heard {
            Heard::Accepted(messages) => (messages.first().map(|(_, sequence, _)| *sequence), None),
            Heard::Standing(_, standing) => (None, Some(standing.cancelled_through.0)),
            Heard::Missed(_) => (None, None),
        })
        .collect();
    assert_eq!(kinds, [(Some(1), None), (None, Some(0)), (None, Some(2)), (None, Some(2)), (Some(2), None)]);
}

#[tokio::test]
async fn what_gathers_during_a_commit_shares_the_next_one() {
    const PUBLISHERS: u64 = 200;
    let (_folder, store) = new_store();
    let store = Arc::new(store);
    register(&*store, ONE).await;
    register(&*store, TWO).await;
    let (inside, let_go) = Gate::at(&*store);

    let mut publishers = JoinSet::new();
    let publish = |store: &Arc<SqliteStore>, to| {
        let store = Arc::clone(store);
        async move { store.accept(at(1), vec![message(to, "x")]).await.unwrap().remove(0) }
    };
    publishers.spawn(publish(&store, ONE));
    everyone_waits().await;
    inside.recv().unwrap();
    // The first is committed, and still nobody was answered: the listener hears first.
    everyone_waits().await;
    assert!(publishers.try_join_next().is_none());
    let commits = store.commits();
    for n in 1..PUBLISHERS {
        publishers.spawn(publish(&store, if n % 2 == 0 { ONE } else { TWO }));
    }
    everyone_waits().await;
    drop(let_go);

    let mut numbers: Vec<_> = publishers
        .join_all()
        .await
        .into_iter()
        .map(|admission| match admission {
            Admission::Queued(id) => (id.account.number(), id.sequence.0),
            other => panic!("{other:?}"),
        })
        .collect();
    numbers.sort_unstable();
    let expected = [ONE, TWO].into_iter().flat_map(|to| (1..=PUBLISHERS / 2).map(move |n| (to, n)));
    assert_eq!(numbers, expected.collect::<Vec<_>>());
    assert_eq!(store.commits() - commits, 1);
}

#[tokio::test]
async fn a_standing_is_heard_before_the_messages_accepted_under_it() {
    let (_folder, store) = new_store();
    let store = Arc::new(store);
    let (inside, let_go) = Gate::at(&*store);
    let mut tasks = JoinSet::new();
    {
        let store = Arc::clone(&store);
        tasks.spawn(async move { register(&*store, TWO).await });
    }
    everyone_waits().await;
    inside.recv().unwrap();
    // Both wait for the same commit, the message even longer.
    let ear = Ear::at(&*store);
    for to in [ONE, TWO] {
        let store = Arc::clone(&store);
        tasks.spawn(async move { drop(store.accept(at(1), vec![message(to, "x")]).await.unwrap()) });
    }
    everyone_waits().await;
    {
        let store = Arc::clone(&store);
        tasks.spawn(async move { register(&*store, ONE).await });
    }
    everyone_waits().await;
    drop(let_go);
    tasks.join_all().await;
    let standing =
        Standing { generation: 1, registered: true, releases: 1, reinstatements: 1, ..Standing::default() };
    assert_eq!(
        ear.heard(),
        [
            Heard::Standing(account(ONE), standing),
            Heard::Accepted(vec![(account(ONE), 1, "x".into()), (account(TWO), 1, "x".into())])
        ]
    );
}

#[tokio::test]
async fn a_publisher_that_goes_away_harms_no_one() {
    let (folder, store) = new_store();
    let store = Arc::new(store);
    register(&*store, ONE).await;
    let (inside, let_go) = Gate::at(&*store);
    let mut tasks = JoinSet::new();
    for _ in 0..3 {
        let store = Arc::clone(&store);
        tasks.spawn(async move { drop(store.accept(at(1), vec![message(ONE, "x")]).await.unwrap()) });
        everyone_waits().await;
    }
    inside.recv().unwrap();
    tasks.abort_all();
    while tasks.join_next().await.is_some() {}
    drop(let_go);
    accept(&*store, at(2), message(ONE, "y")).await;
    assert_eq!(number(&look(folder.path()), "SELECT count(*) FROM message"), 4);
}

#[tokio::test]
async fn who_is_registered_has_a_signing_secret_and_the_first_look_at_the_endpoint_commits_nothing() {
    let (_folder, store) = new_store();
    register(&store, ONE).await;
    let commits = store.commits();
    let endpoint = store.endpoint(at(1), account(ONE)).await.unwrap().unwrap();
    assert_eq!((endpoint.signing.len(), store.commits()), (1, commits));
}
