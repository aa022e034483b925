//! Through PgBouncer in transaction mode, which gives each transaction some session.

use std::time::Instant;

use ringback_testbed::{PgBouncer, Postgres};

use super::house::{Cluster, LEASE, NODES, RENEWED_EVERY, SLACK};
use crate::stage::alone;

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_pooler_in_transaction_mode_all_is_the_same() {
    let _stage = alone().await;
    let Some(postgres) = Postgres::shared() else { return };
    let Some(pooler) = PgBouncer::start(postgres).await else { return };
    let database = postgres.database();
    let mut cluster = Cluster::start(vec![pooler.url(&database); NODES], &["--store-pooler"]).await;
    cluster.shares_evenly(&database).await;
    cluster.is_at_full_speed(Instant::now(), SLACK).await;
    cluster.go_on(500..1500).await;
    let killed = Instant::now();
    cluster.kill(2);
    cluster.is_at_full_speed(killed, LEASE + RENEWED_EVERY + SLACK).await;
    cluster.revive(2);
    cluster.shares_evenly(&database).await;
    // The books are looked at behind it.
    cluster.end_and_look_at(&database.url()).await;
}
