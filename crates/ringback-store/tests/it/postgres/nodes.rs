//! Several nodes on one database, and what each knows of the others.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ringback_delivery::{AccountId, OrderingKey, Standing, Turn};
use ringback_store::{
    CommitListener, Dispatching as _, Fresh, Lease, NewMessage, PostgresStore, Publishing as _, Role,
    Sharing as _,
};
use ringback_testbed::{Database, Postgres, looking};

use super::options;
use crate::cast::*;
use crate::looking::*;

async fn node(database: &Database<'_>, name: &str, hints: bool) -> PostgresStore {
    let mut options = options(database, Role::Server);
    options.node_name = name.to_owned();
    options.notify = hints;
    options.lease_term = Duration::from_secs(2);
    PostgresStore::connect(options).await.unwrap()
}

#[tokio::test]
async fn every_node_knows_of_this_one_and_of_the_others() {
    let Some(postgres) = Postgres::shared() else { return };
    let database = postgres.database();
    let (one, two) = (node(&database, "one", true).await, node(&database, "two", false).await);
    assert_eq!(one.nodes().await.unwrap(), []);
    one.beat().await.unwrap();
    one.claim(600).await.unwrap();
    two.beat().await.unwrap();
    two.claim(1000).await.unwrap();
    // The connection that listens is made beside all else.
    let listens = async || {
        one.beat().await.unwrap();
        two.beat().await.unwrap();
        let nodes = one.nodes().await.unwrap();
        if nodes[0].is_listening == Some(true) { Ok(nodes) } else { Err(format!("{nodes:?}")) }
    };
    let nodes = looking::until("one to listen", listens).await;
    let told: Vec<_> = nodes
        .iter()
        .map(|node| (node.name.as_str(), node.is_this, node.shards, node.is_alive, node.is_leaving))
        .collect();
    assert_eq!(told, [("one", true, 600, true, false), ("two", false, 424, true, false)]);
    assert_eq!(nodes[1].is_listening, Some(false));
    for node in &nodes {
        assert_eq!(node.release, env!("CARGO_PKG_VERSION"));
        assert!(node.beat_at.unwrap() >= node.started_at);
    }
    let others: Vec<bool> = two.nodes().await.unwrap().iter().map(|node| node.is_this).collect();
    assert_eq!(others, [false, true]);

    // One that says nothing more is listed on, as one that was not heard of.
    let last = nodes[0].beat_at;
    while two.nodes().await.unwrap()[0].is_alive {
        two.beat().await.unwrap();
    }
    let lost = two.nodes().await.unwrap().remove(0);
    assert_eq!((lost.name.as_str(), lost.beat_at, lost.shards), ("one", last, 600));
    // One that leaves is gone.
    one.beat().await.unwrap();
    one.leave().await.unwrap();
    assert_eq!(two.nodes().await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_leaves_takes_no_more_and_the_others_hear_that_its_shards_are_free() {
    let Some(postgres) = Postgres::shared() else { return };
    let database = postgres.database();
    let (one, two) = (node(&database, "one", true).await, node(&database, "two", true).await);
    one.beat().await.unwrap();
    one.claim(1024).await.unwrap();
    assert_eq!(two.beat().await.unwrap().share, 512);
    let listens = async || match two.beat().await.map(|_| two.nodes()).unwrap().await.unwrap()[1].is_listening
    {
        Some(true) => Ok(()),
        other => Err(format!("{other:?}")),
    };
    looking::until("two to listen", listens).await;
    // What two has told itself in the meantime.
    let free = async || two.tidings().await.unwrap().shards_are_free;
    assert!(!free().await);

    one.be_leaving();
    let beat = one.beat().await.unwrap();
    assert_eq!((beat.held.len(), beat.share), (1024, 0), "it keeps what it has, and should have nothing");
    assert_eq!(one.claim(1).await.unwrap(), []);
    assert!(two.nodes().await.unwrap()[0].is_leaving);
    assert_eq!(two.beat().await.unwrap().share, 1024);

    one.give_back(vec![Lease { shard: 3, token: 1 }]).await.unwrap();
    two.hint().await;
    looking::until("it to be told", async || if free().await { Ok(()) } else { Err("not told".to_owned()) })
        .await;
    assert_eq!(two.claim(1024).await.unwrap().len(), 1);
    looking::until(
        "none to be free",
        async || if free().await { Err("some are".to_owned()) } else { Ok(()) },
    )
    .await;
    one.leave().await.unwrap();
    two.hint().await;
    looking::until("it to be told", async || if free().await { Ok(()) } else { Err("not told".to_owned()) })
        .await;
    assert_eq!(two.claim(1024).await.unwrap().len(), 1023);
}

#[tokio::test]
async fn who_takes_in_for_another_node_hears_whether_callbacks_wait_there() {
    const NOBODY: [u16; 0] = [];
    let Some(postgres) = Postgres::shared() else { return };
    let database = postgres.database();
    let mut owner = options(&database, Role::Server);
    owner.node_name = "owner".to_owned();
    let owner = PostgresStore::connect(owner).await.unwrap();
    owner.beat().await.unwrap();
    owner.claim(1024).await.unwrap();
    let other = node(&database, "other", false).await;
    other.beat().await.unwrap();
    register(&owner, ONE).await;
    let (of_owner, of_other) = (Behind::at(&owner), Behind::at(&other));
    let shard = account(ONE).shard();

    accept_many(&other, at(1), ONE, 1).await;
    assert_eq!(of_other.heard(), NOBODY);
    owner.say_behind(true).await.unwrap();
    accept_many(&other, at(1), ONE, 2).await;
    assert_eq!(of_other.heard(), [shard]);
    // It knows that by itself.
    accept_many(&owner, at(1), ONE, 1).await;
    assert_eq!(of_owner.heard(), NOBODY);
    owner.say_behind(false).await.unwrap();
    accept_many(&other, at(1), ONE, 1).await;
    assert_eq!(of_other.heard(), NOBODY);
    // It counts for a moment only: its node may have died.
    owner.say_behind(true).await.unwrap();
    database.until("SELECT max(behind_until) < clock_timestamp() FROM ringback.node").await;
    accept_many(&other, at(1), ONE, 1).await;
    assert_eq!(of_other.heard(), NOBODY);
}

#[tokio::test]
async fn what_others_took_in_comes_along_with_the_owners_next_batch() {
    let Some(postgres) = Postgres::shared() else { return };
    let database = postgres.database();
    let (owner, other) = (node(&database, "owner", false).await, node(&database, "other", false).await);
    owner.beat().await.unwrap();
    owner.claim(1024).await.unwrap();
    other.beat().await.unwrap();
    register(&owner, ONE).await;
    register(&owner, TWO).await;
    let (of_owner, of_other) = (Queues::at(&owner), Queues::at(&other));
    let of = account(ONE);

    // What the owner knows nothing of before it has heard of the account, its lane reads.
    accept_many(&other, at(1), ONE, 2).await;
    accept_many(&owner, at(1), ONE, 1).await;
    assert_eq!(of_owner.heard(), [(false, of, 3)]);
    let sent = named(ONE, 1, 1);
    let sent = NewMessage { key: Some(OrderingKey(7)), ..sent };
    other.accept(at(2), vec![sent.clone()]).await.unwrap();
    accept_many(&other, at(2), ONE, 1).await;
    accept_many(&owner, at(3), TWO, 1).await;
    of_owner.heard();
    accept_many(&owner, at(3), ONE, 1).await;
    assert_eq!(of_owner.heard(), [(true, of, 4), (true, of, 5), (false, of, 6)]);
    let brought = of_owner.last_brought();
    assert_eq!((brought.waiting.key, &brought.content), (sent.key, &sent.content));
    assert_eq!((brought.waiting.accepted_at, brought.waiting.attempts), (at(2), 0));
    // Read back, it is the same.
    let read = load(&owner, from_the_head(ONE)).await.queue;
    assert!(read.iter().any(|(waiting, _)| *waiting == brought.waiting), "{read:?}");
    accept_many(&owner, at(3), ONE, 1).await;
    assert_eq!(of_owner.heard(), [(false, of, 7)], "it comes once");
    accept_many(&owner, at(3), TWO, 1).await;
    accept_many(&other, at(3), TWO, 1).await;
    let heard = of_other.heard();
    assert!(heard.iter().all(|(brought, ..)| !brought), "the owner alone wants it: {heard:?}");

    // Of what tidings tell the lane reads what it lacks.
    owner.tidings().await.unwrap();
    accept_many(&other, at(4), ONE, 3).await;
    assert_eq!(owner.tidings().await.unwrap().accepted, [(of, Some(Turn(10)))]);
    accept_many(&other, at(4), ONE, 1).await;
    of_owner.heard();
    accept_many(&owner, at(4), ONE, 1).await;
    assert_eq!(of_owner.heard(), [(true, of, 11), (false, of, 12)]);
    // What is more than a read's worth is read.
    let many = vec![message(ONE, "one of many"); 513];
    other.accept(at(5), many[1..].to_vec()).await.unwrap();
    accept_many(&owner, at(5), ONE, 1).await;
    assert_eq!(of_owner.heard().len(), 513);
    other.accept(at(5), many).await.unwrap();
    accept_many(&owner, at(5), ONE, 1).await;
    let heard = of_owner.heard();
    assert_eq!(heard.len(), 1);
    // So is what is larger, and what is behind it in the queue.
    let next = heard[0].2 + 1;
    let large = "x".repeat(700_000);
    other
        .accept(
            at(6),
            vec![message(ONE, &large), message(ONE, &large), message(ONE, &large), message(ONE, "small")],
        )
        .await
        .unwrap();
    accept_many(&owner, at(6), ONE, 1).await;
    assert_eq!(of_owner.heard(), [(true, of, next), (true, of, next + 1), (false, of, next + 4)]);
}

/// Hears of messages in the order in which they are told: whether one was brought along, whose it is, and its turn.
#[derive(Default)]
struct Queues(Mutex<Vec<(bool, AccountId, u64)>>, Mutex<Vec<Fresh>>);

impl Queues {
    fn at(store: &PostgresStore) -> Arc<Self> {
        let ear = Arc::new(Self::default());
        store.listen(Arc::clone(&ear) as Arc<dyn CommitListener>);
        ear
    }

    fn heard(&self) -> Vec<(bool, AccountId, u64)> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    /// The first of those that were brought along last.
    fn last_brought(&self) -> Fresh {
        self.1.lock().unwrap()[0].clone()
    }

    fn hear(&self, fresh: &[Fresh], brought: bool) {
        let told = fresh.iter().map(|fresh| (brought, fresh.account, fresh.waiting.turn.0));
        self.0.lock().unwrap().extend(told);
    }
}

impl CommitListener for Queues {
    fn accepted(&self, fresh: Vec<Fresh>) {
        self.hear(&fresh, false);
    }

    fn brought_along(&self, brought: Vec<Fresh>) {
        self.hear(&brought, true);
        *self.1.lock().unwrap() = brought;
    }

    fn standing_changed(&self, _: AccountId, _: Standing) {}
}

/// Hears of shards whose callbacks wait at another node.
#[derive(Default)]
struct Behind(Mutex<Vec<u16>>);

impl Behind {
    fn at(store: &PostgresStore) -> Arc<Self> {
        let ear = Arc::new(Self::default());
        store.listen(Arc::clone(&ear) as Arc<dyn CommitListener>);
        ear
    }

    /// What was heard since this was asked last.
    fn heard(&self) -> Vec<u16> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl CommitListener for Behind {
    fn accepted(&self, _: Vec<Fresh>) {}

    fn standing_changed(&self, _: AccountId, _: Standing) {}

    fn behind(&self, shards: Vec<u16>) {
        self.0.lock().unwrap().extend(shards);
    }
}
