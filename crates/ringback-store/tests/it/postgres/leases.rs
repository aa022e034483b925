//! Shards change hands, and the answer that says so is lost: what a node does not know that it holds, it gives back.

use ringback_delivery::SHARDS;
use ringback_store::{Lease, PostgresStore, Role, Sharing as _, StoreError};
use ringback_testbed::{Database, Postgres, Proxy, looking};

use super::{SOMEBODY_WAITS, Session, gate, options};

#[tokio::test(flavor = "multi_thread")]
async fn shards_that_were_claimed_or_given_back_without_an_answer_are_claimed_anew() {
    let Some(postgres) = Postgres::shared() else { return };
    let (database, line) = (postgres.database(), Proxy::start(postgres.port()).await);
    let mut options = options(&database, Role::Server);
    options.hosts[0].port = line.port();
    let store = PostgresStore::connect(options).await.unwrap();
    store.beat().await.unwrap();
    gate(&database, "UPDATE ON ringback.shard");

    // It does not know that it has them; nor does it begin to send for them.
    let all = usize::from(SHARDS);
    lose_the_answer(store.claim(all), &database, &line, "count(owner) = 1024").await;
    assert_eq!(again(|| store.beat()).await.held, []);
    let claimed = again(|| store.claim(all)).await;
    assert_eq!((claimed.len(), lowest_token(&claimed)), (all, 2));

    // It does not know that they have gone, and has let go of them all the same.
    lose_the_answer(
        store.give_back([3, 5].map(|shard| Lease { shard, token: 2 }).to_vec()),
        &database,
        &line,
        "count(owner) = 1022",
    )
    .await;
    let held = again(|| store.beat()).await.held;
    assert_eq!((held.len(), lowest_token(&held)), (all - 2, 2));
    let mut claimed = again(|| store.claim(all)).await;
    claimed.sort_unstable_by_key(|lease| lease.shard);
    assert_eq!(claimed, [Lease { shard: 3, token: 3 }, Lease { shard: 5, token: 3 }]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_under_way_takes_nothing_from_a_node_that_joins_meanwhile() {
    let Some(postgres) = Postgres::shared() else { return };
    let database = postgres.database();
    drop(PostgresStore::connect(options(&database, Role::Server)).await.unwrap());
    // It goes from one free shard to the next, and waits at the first.
    database.psql(&format!(
        "CREATE FUNCTION pass() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN NEW; END $$;
         CREATE TRIGGER gate BEFORE UPDATE ON ringback.shard
             FOR EACH ROW WHEN (OLD.shard = 0) EXECUTE FUNCTION pass();
         ALTER DATABASE {0} SET enable_hashjoin = off; ALTER DATABASE {0} SET enable_mergejoin = off;
         ALTER DATABASE {0} SET enable_material = off",
        database.name()
    ));
    let one = PostgresStore::connect(options(&database, Role::Server)).await.unwrap();
    one.beat().await.unwrap();
    let somebody = Session::at_the_gate(&database).await;
    let meanwhile = async {
        database.until(SOMEBODY_WAITS).await;
        let two = PostgresStore::connect(options(&database, Role::Server)).await.unwrap();
        two.beat().await.unwrap();
        let claimed = two.claim(1).await.unwrap();
        somebody.end().await;
        claimed
    };
    let (ones, twos) = tokio::join!(one.claim(2), meanwhile);
    assert_eq!(twos, [Lease { shard: 1, token: 1 }]);
    assert_eq!(ones.unwrap(), [Lease { shard: 0, token: 1 }, Lease { shard: 2, token: 1 }]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_node_claimed_behind_its_leaving_is_free() {
    let Some(postgres) = Postgres::shared() else { return };
    let database = postgres.database();
    let one = PostgresStore::connect(options(&database, Role::Server)).await.unwrap();
    one.beat().await.unwrap();
    database.psql("UPDATE ringback.shard SET owner = 4711, token = 1 WHERE shard = 5");
    let claimed = one.claim(usize::from(SHARDS)).await.unwrap();
    assert!(claimed.contains(&Lease { shard: 5, token: 2 }), "{claimed:?}");
}

/// Lets an act's commit happen, and the connection die before its answer.
async fn lose_the_answer<T: std::fmt::Debug>(
    act: impl Future<Output = Result<T, StoreError>>,
    database: &Database<'_>,
    line: &Proxy,
    committed: &str,
) {
    let somebody = Session::at_the_gate(database).await;
    let meanwhile = async {
        database.until(SOMEBODY_WAITS).await;
        line.lose_answers();
        somebody.end().await;
        database.until(&format!("SELECT {committed} FROM ringback.shard")).await;
        line.cut();
        line.restore();
    };
    let (done, ()) = tokio::join!(act, meanwhile);
    done.unwrap_err();
}

/// Asks until the database is found again.
async fn again<T, F: Future<Output = Result<T, StoreError>>>(ask: impl Fn() -> F) -> T {
    let ask = async || ask().await.map_err(|error| error.to_string());
    looking::until("the database to be found again", ask).await
}

fn lowest_token(leases: &[Lease]) -> u64 {
    leases.iter().map(|lease| lease.token).min().unwrap()
}
