//! The database's processes stand still: its connections live, and nothing answers.

use std::time::Instant;

use http::StatusCode;
use ringback_testbed::Postgres;
use tokio::task::JoinSet;

use super::house::{Cluster, NODES, SLACK, refused_publish};
use crate::api::Tokens;
use crate::memory::Memory;
use crate::stage::alone;

/// Publishes at once while nothing answers; and again, when all of them are answered.
const AT_ONCE: usize = 500;
/// What a node may grow by from one such wave to the next, in MiB.
const GROWTH: u64 = 32;

#[tokio::test(flavor = "multi_thread")]
async fn while_the_database_stands_still_every_publish_is_refused_and_nothing_piles_up() {
    let _stage = alone().await;
    let Some(postgres) = Postgres::own() else { return };
    let database = postgres.database();
    let mut cluster = Cluster::start(vec![database.url(); NODES], &[]).await;
    cluster.shares_evenly(&database).await;
    cluster.go_on(300..600).await;

    let frozen = Instant::now();
    postgres.freeze();
    let first = wave(&cluster).await;
    let second = wave(&cluster).await;
    for node in 0..NODES {
        let (status, answer) = cluster.api(node).get("/readyz", &Tokens::default()).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{answer}");
    }
    assert!(second.resident <= first.resident + GROWTH, "{first:?}, then {second:?}");
    // Only now: whoever was answered was answered while it stood still.
    postgres.thaw();
    cluster.had_trouble(frozen);
    cluster.shares_evenly(&database).await;
    cluster.is_at_full_speed(Instant::now(), SLACK).await;
    cluster.end().await;
}

/// Many publishes, all of which are refused; and what the node takes then.
async fn wave(cluster: &Cluster) -> Memory {
    let begun = Instant::now();
    let mut publishing = JoinSet::new();
    for _ in 0..AT_ONCE {
        publishing.spawn(refused_publish(cluster, 0));
    }
    for status in publishing.join_all().await {
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    }
    let memory = Memory::of(cluster.program(0).pid());
    eprintln!("{AT_ONCE} are refused after {:?}; {memory:?}", begun.elapsed());
    memory
}
