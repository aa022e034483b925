//! Nodes die, sleep and are restarted; the others take over, and give back.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use ringback_testbed::Postgres;
use rustix::process::Signal;

use super::house::{Cluster, LEASE, LONGEST_REQUEST, NODES, RENEWED_EVERY, SLACK};
use crate::stage::{alone, scale};

const KILLS: usize = 3;
const SCHEMA: &str = "SELECT max(version) FROM ringback.schema_version";

#[tokio::test(flavor = "multi_thread")]
async fn whichever_node_is_killed_nothing_is_lost_and_the_others_take_over() {
    let _stage = alone().await;
    let Some(postgres) = Postgres::shared() else { return };
    let database = postgres.database();
    let mut cluster = Cluster::start(vec![database.url(); NODES], &[]).await;
    for _ in 0..KILLS * scale() {
        cluster.go_on(100..800).await;
        let node = cluster.rng.usize(..NODES);
        cluster.kill(node);
        cluster.go_on(0..400).await;
        cluster.revive(node);
    }
    cluster.shares_evenly(&database).await;
    // This one does not come back before the others have its shards.
    let killed = Instant::now();
    cluster.kill(0);
    cluster.is_at_full_speed(killed, LEASE + RENEWED_EVERY + SLACK).await;
    cluster.revive(0);
    cluster.shares_evenly(&database).await;
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_slept_past_its_lease_writes_nothing_and_sends_nothing_new() {
    let _stage = alone().await;
    let Some(postgres) = Postgres::shared() else { return };
    let database = postgres.database();
    let mut cluster = Cluster::start(vec![database.url(); NODES], &[]).await;
    cluster.shares_evenly(&database).await;
    cluster.go_on(500..1000).await;
    let slept = Instant::now();
    cluster.program(1).signal(Signal::STOP);
    cluster.is_at_full_speed(slept, LEASE + RENEWED_EVERY + SLACK).await;
    cluster.program(1).signal(Signal::CONT);
    cluster.was_asleep(slept);
    cluster.shares_evenly(&database).await;
    cluster.is_at_full_speed(Instant::now(), SLACK).await;
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_are_restarted_one_after_another_and_nothing_is_repeated() {
    restart_all(None).await;
}

/// The first of the newer nodes brings the schema up, while the older ones go on with it.
#[tokio::test(flavor = "multi_thread")]
async fn an_older_build_is_replaced_node_by_node_and_nothing_is_repeated() {
    let Some(older) = std::env::var_os("RINGBACK_OLDER_BINARY") else {
        eprintln!("SKIPPED: RINGBACK_OLDER_BINARY names no older build of the program");
        return;
    };
    restart_all(Some(older.into())).await;
}

async fn restart_all(build: Option<PathBuf>) {
    let _stage = alone().await;
    let Some(postgres) = Postgres::shared() else { return };
    let database = postgres.database();
    let mut cluster = Cluster::start_as(build, vec![database.url(); NODES], &[]).await;
    cluster.shares_evenly(&database).await;
    eprintln!("schema {}", database.psql(SCHEMA).trim());
    cluster.upgrade();
    for node in 0..NODES {
        cluster.go_on(300..600).await;
        let stopping = cluster.ask_to_stop(node);
        // It gives its shards back: nobody waits for a lease to end, but for a request that shares a shard with a probe.
        cluster.is_at_full_speed(stopping.asked, LONGEST_REQUEST + Duration::from_secs(1)).await;
        stopping.end();
        cluster.revive(node);
        cluster.shares_evenly(&database).await;
    }
    eprintln!("schema {}", database.psql(SCHEMA).trim());
    cluster.end().await;
}
