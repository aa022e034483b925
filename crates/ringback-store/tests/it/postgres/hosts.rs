//! A URL of several hosts, of which some are silent.

use std::time::{Duration, Instant};

use ringback_store::{PostgresHost, PostgresOptions, PostgresStore, Role, Sharing as _, StoreError};
use ringback_testbed::{Database, Postgres, Proxy, Silence};

use super::{options, own_everything};
use crate::cast::*;

/// By when somebody who asks again and again has an answer, once a server takes writes.
const FOUND_WITHIN: Duration = Duration::from_secs(6);

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_off_keeps_nobody_from_the_one_behind_it() {
    let silence = Silence::fall().await;
    is_passed_over(silence.port()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_hangs_keeps_nobody_from_the_one_behind_it() {
    let Some(postgres) = Postgres::shared() else { return };
    let frozen = Proxy::start(postgres.port()).await;
    frozen.stall();
    is_passed_over(frozen.port()).await;
}

/// Opens a store whose first host is silent, and loses and finds the second.
async fn is_passed_over(silent: u16) {
    let Some(postgres) = Postgres::shared() else { return };
    let (database, line) = (postgres.database(), Proxy::start(postgres.port()).await);
    let store = PostgresStore::connect(at_ports(&database, &[silent, line.port()])).await.unwrap();
    own_everything(&store).await;
    accept(&store).await.unwrap();

    line.cut();
    accept(&store).await.unwrap_err();
    line.restore();
    answers(|| accept(&store)).await;
    answers(|| store.nodes()).await;
    // Who comes anew has nothing to remember.
    PostgresStore::connect(at_ports(&database, &[silent, line.port()])).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_comes_about_though_it_takes_longer_than_anybody_waits() {
    let Some(postgres) = Postgres::shared() else { return };
    let (database, line) = (postgres.database(), Proxy::start(postgres.port()).await);
    let (silence, other) = (Silence::fall().await, Proxy::start(postgres.port()).await);
    let mut ports = vec![silence.port(); 9];
    (ports[0], ports[8]) = (line.port(), other.port());
    let options = at_ports(&database, &ports);
    let budget = options.connection_budget();
    let store = PostgresStore::connect(options).await.unwrap();
    own_everything(&store).await;

    // The way to the last host leads by seven that are silent.
    line.cut();
    answers(|| accept(&store)).await;
    answers(|| store.nodes()).await;
    let open = database.psql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'ringback' AND datname = current_database()");
    assert!(open.trim().parse::<usize>().unwrap() <= budget, "{open} connections");
}

fn at_ports(database: &Database<'_>, ports: &[u16]) -> PostgresOptions {
    let host = |port: &u16| PostgresHost { host: "127.0.0.1".to_owned(), port: *port };
    PostgresOptions { hosts: ports.iter().map(host).collect(), ..options(database, Role::Server) }
}

async fn accept(store: &PostgresStore) -> Result<(), StoreError> {
    use ringback_store::Publishing as _;
    store.accept(at(1), vec![message(ONE, "{}")]).await.map(drop)
}

/// Asks again and again.
async fn answers<T, F: Future<Output = Result<T, StoreError>>>(ask: impl Fn() -> F) {
    let begun = Instant::now();
    while let Err(error) = ask().await {
        assert!(begun.elapsed() < FOUND_WITHIN, "{error}");
        tokio::task::yield_now().await;
    }
    assert!(begun.elapsed() < FOUND_WITHIN, "it took {:?}", begun.elapsed());
}
