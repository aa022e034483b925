//! The synchronous standby stands still: its connection lives, and it confirms nothing.

use ringback_testbed::{Database, Postgres};

use super::Scene;

/// What the node may open of connections.
const BUDGET: usize = 9;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_the_primary_alone_has_is_told_as_accepted_and_connections_stay_few() {
    let Some(postgres) = Postgres::own() else { return };
    let standby = postgres.synchronous_standby().await;
    // It goes before the standby, which what drops it waits for.
    let database = postgres.database();
    let scene = Scene::on(database.url(), &["--store-connections", &BUDGET.to_string()]).await;
    scene.endpoint.hold();
    scene.accepted("under way").await;
    scene.arrived(1).await;

    standby.freeze();
    // The outcome of this one can't be recorded.
    scene.endpoint.release();
    refused(&scene, &database, "one").await;
    // A commit that nobody waits for any more is ended after a while: the primary has the message then, and it alone.
    database.until("SELECT count(*) = 2 FROM ringback.pending").await;
    for key in ["one", "two"] {
        refused(&scene, &database, key).await;
    }
    assert_eq!(scene.endpoint.received().len(), 1);

    standby.thaw();
    let ids = [scene.accepted_soon("one").await, scene.accepted_soon("two").await];
    scene.arrived(3).await;
    let received: Vec<String> = scene.endpoint.received().into_iter().map(|callback| callback.id).collect();
    assert!(ids.iter().all(|id| received.contains(id)), "{received:?}");
    assert!(connections(&database) <= BUDGET);
    scene.end(3);
}

/// Publishes and is refused, while the node keeps to its budget.
async fn refused(scene: &Scene, database: &Database<'_>, key: &str) {
    scene.refused(key).await;
    let connections = connections(database);
    assert!(connections <= BUDGET, "{connections} connections");
}

fn connections(database: &Database<'_>) -> usize {
    let count = "SELECT count(*) FROM pg_stat_activity
                 WHERE datname = current_database() AND application_name = 'ringback'";
    database.psql(count).trim().parse().unwrap()
}
