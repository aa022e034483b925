//! A commit is there, and its answer never comes: the connection dies in between.

use http::StatusCode;
use ringback_testbed::{Database, Postgres, Proxy};
use tokio_postgres::{Client, NoTls};

use super::Scene;

/// What takes a message in and what records its end wait at their commits while somebody holds them up.
const GATE: &str = "
    CREATE FUNCTION pass() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER gate AFTER INSERT OR DELETE ON ringback.pending
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION pass()";
const SOMEBODY_WAITS: &str = "SELECT count(*) > 0 FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock' AND wait_event = 'advisory'";

/// Somebody who holds commits up.
struct Gatekeeper(Client);

impl Gatekeeper {
    async fn at(database: &Database<'_>) -> Self {
        database.psql(GATE);
        let (client, connection) = tokio_postgres::connect(&database.url(), NoTls).await.unwrap();
        tokio::spawn(connection);
        Self(client)
    }

    async fn close(&self) {
        self.0.batch_execute("SELECT pg_advisory_lock(1)").await.unwrap();
    }

    async fn open(&self) {
        self.0.batch_execute("SELECT pg_advisory_unlock(1)").await.unwrap();
    }

    /// Lets the commit happen that is waited for, and has its answer lost with the connection.
    async fn lose_the_answer(&self, database: &Database<'_>, line: &Proxy, committed: &str) {
        database.until(SOMEBODY_WAITS).await;
        line.lose_answers();
        self.open().await;
        database.until(committed).await;
        line.cut();
        line.restore();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publish_whose_commit_was_answered_to_nobody_is_there_once_and_is_delivered_by_itself() {
    let Some(postgres) = Postgres::shared() else { return };
    let (database, line) = (postgres.database(), Proxy::start(postgres.port()).await);
    let scene = Scene::on(database.url_at(line.port()), &[]).await;
    let gate = Gatekeeper::at(&database).await;
    gate.close().await;
    let one_waits = "SELECT count(*) = 1 FROM ringback.pending";
    let ((status, answer), ()) =
        tokio::join!(scene.publish("one"), gate.lose_the_answer(&database, &line, one_waits));
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{answer}");
    // Nobody says anything more, and its lane hears of it.
    scene.arrived(1).await;

    let (status, answer) = scene.publish("one").await;
    assert_eq!((status, &answer["status"]), (StatusCode::ACCEPTED, &"duplicate".into()), "{answer}");
    assert_eq!(answer["sequence"], 1);
    assert_eq!(answer["id"], scene.endpoint.received()[0].id);
    scene.end(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outcome_whose_commit_was_answered_to_nobody_counts_once_and_nothing_is_sent_again() {
    let Some(postgres) = Postgres::shared() else { return };
    let (database, line) = (postgres.database(), Proxy::start(postgres.port()).await);
    let scene = Scene::on(database.url_at(line.port()), &[]).await;
    let gate = Gatekeeper::at(&database).await;
    scene.endpoint.hold();
    scene.accepted("one").await;
    scene.arrived(1).await;
    gate.close().await;
    scene.endpoint.release();
    let nothing_waits = "SELECT count(*) = 0 FROM ringback.pending";
    gate.lose_the_answer(&database, &line, nothing_waits).await;
    // The server, as it stops, waits until it knows that the outcome is recorded.
    scene.end(1);
}
