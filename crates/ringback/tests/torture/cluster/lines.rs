//! The line from a node to the database breaks, or lets nothing through.

use std::time::{Duration, Instant};

use http::StatusCode;
use ringback_testbed::{Postgres, Proxy};

use super::house::{Cluster, LEASE, NODES, RENEWED_EVERY, SLACK, refusal};
use crate::api::Tokens;
use crate::stage::alone;

/// While the database is away, a publish is refused within this.
const REFUSED_WITHIN: Duration = Duration::from_secs(2);
/// For the answer to get here, on a machine with other things to do.
const ON_THE_WAY: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread")]
async fn a_node_without_its_database_says_so_and_goes_on_when_it_is_back() {
    let _stage = alone().await;
    let Some(postgres) = Postgres::shared() else { return };
    let database = postgres.database();
    let mut lines = Vec::new();
    for _ in 0..NODES {
        lines.push(Proxy::start(postgres.port()).await);
    }
    let stores = lines.iter().map(|line| database.url_at(line.port())).collect();
    let mut cluster = Cluster::start(stores, &[]).await;
    cluster.shares_evenly(&database).await;

    // Shorter than a lease: the node keeps its shards, and records what it could not when the line is back.
    cluster.go_on(300..600).await;
    let stalled = Instant::now();
    lines[0].stall();
    cluster.go_on(2000..2500).await;
    lines[0].restore();
    cluster.had_trouble(stalled);
    cluster.is_at_full_speed(Instant::now(), SLACK).await;

    // Longer: the others take over.
    let cut = Instant::now();
    lines[1].cut();
    let (status, took) = refusal(&cluster, 1).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(took <= REFUSED_WITHIN + ON_THE_WAY, "refused after {took:?}");
    let (status, answer) = cluster.api(1).get("/readyz", &Tokens::default()).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{answer}");
    cluster.is_at_full_speed(cut, LEASE + RENEWED_EVERY + SLACK).await;
    lines[1].restore();
    cluster.had_trouble(cut);
    cluster.shares_evenly(&database).await;
    cluster.is_at_full_speed(Instant::now(), SLACK).await;
    cluster.end().await;
}
