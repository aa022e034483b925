//! The database's primary dies, and Patroni promotes the synchronous standby by itself.

use std::time::{Duration, Instant};

use ringback_testbed::Patroni;

use super::house::{Cluster, NODES, SLACK};
use crate::stage::alone;

/// A node tries again at least this often to reach a database that is away.
const BACK_OFF: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_dies_takes_nothing_with_it_twice() {
    let _stage = alone().await;
    let Some(mut patroni) = Patroni::start().await else { return };
    let url = patroni.database("ringback").await;
    let mut cluster = Cluster::start(vec![url; NODES], &[]).await;
    cluster.is_at_full_speed(Instant::now(), Duration::from_secs(20)).await;

    // Its server alone: Patroni sees it at once.
    cluster.go_on(500..1000).await;
    let killed = Instant::now();
    let first = patroni.kill_the_primarys_server().await;
    patroni.until_another_leads(first).await;
    let promoted = Instant::now();
    eprintln!("promoted after {:?}", promoted - killed);
    cluster.is_at_full_speed(promoted, BACK_OFF + SLACK).await;
    cluster.had_trouble(killed);
    patroni.until_synchronous().await;

    // Its whole machine: its lock in etcd has to end first.
    cluster.go_on(500..1000).await;
    let killed = Instant::now();
    let second = patroni.kill_the_primary().await;
    patroni.until_another_leads(second).await;
    let promoted = Instant::now();
    eprintln!("promoted after {:?}", promoted - killed);
    cluster.is_at_full_speed(promoted, BACK_OFF + SLACK).await;
    cluster.had_trouble(killed);
    patroni.revive(second);
    cluster.end().await;
}
