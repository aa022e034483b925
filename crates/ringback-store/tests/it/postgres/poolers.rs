//! Behind a pooler that nobody told of.

use std::collections::BTreeSet;

use ringback_store::{PostgresStore, Role, Sharing as _};
use ringback_testbed::{Database, PgBouncer, Postgres};

use super::{options, own_everything};
use crate::cast::*;
use crate::looking::*;

/// In transaction mode a prepared statement would be there in one session, and asked for in another.
#[tokio::test(flavor = "multi_thread")]
async fn a_pooler_is_noticed_and_all_is_the_same_in_either_mode() {
    let Some(postgres) = Postgres::shared() else { return };
    let poolers = [PgBouncer::in_session_mode(postgres).await, PgBouncer::start(postgres).await];
    for pooler in poolers {
        let Some(pooler) = pooler else { return };
        works_through(&postgres.database(), &pooler).await;
    }
}

async fn works_through(database: &Database<'_>, pooler: &PgBouncer) {
    let mut through = options(database, Role::Server);
    through.hosts[0].port = pooler.port();
    let store = PostgresStore::connect(through).await.unwrap();
    own_everything(&store).await;
    register(&store, ONE).await;
    let ids: BTreeSet<_> = accept_many(&store, at(1), ONE, 40).await.into_iter().collect();
    assert_eq!(ids.len(), 40);
    // More at once than the pooler has sessions in transaction mode.
    let reads = (0..20).map(|_| waiting(&store, ONE));
    for waits in futures_util::future::join_all(reads).await {
        assert_eq!(waits.len(), 40);
    }
    deliver_all(&store, at(2), ONE).await;
    assert!(waiting(&store, ONE).await.is_empty());
    let beat = store.beat().await.unwrap();
    assert_eq!(beat.held.len(), usize::from(ringback_delivery::SHARDS));
    let nodes = store.nodes().await.unwrap();
    assert_eq!(nodes[0].is_listening, Some(false), "a session that listens may be another's");
}
