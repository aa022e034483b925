//! The PostgreSQL store: the whole story, and what is its own.

mod copying;
mod costs;
mod doubts;
mod dropping;
mod hints;
mod hosts;
mod lanes;
mod late;
mod leases;
mod news;
mod nodes;
mod plans;
mod poolers;
mod recording;
mod snapshots;
mod synchronous;
mod verifying;

use ringback_store::{PostgresOptions, PostgresStore, Role, SealingKey};
use ringback_testbed::{Database, Postgres, USER};

crate::story::tell_the_story!(crate::postgres::told_store);

/// A store in a database of its own, as its only node.
pub async fn told_store() -> Option<(Database<'static>, PostgresStore)> {
    let database = Postgres::shared()?.database();
    let store = PostgresStore::connect(options(&database, Role::Server)).await.unwrap();
    own_everything(&store).await;
    Some((database, store))
}

/// What opens a database of a test.
pub fn options(database: &Database<'_>, role: Role) -> PostgresOptions {
    let (host, port) = ("127.0.0.1", database.server().port());
    let key = SealingKey::from_bytes([7; 32]);
    let mut options = PostgresOptions::server(host, port, database.name(), USER, key);
    options.role = role;
    options
}

/// Takes all shards: the story's writer is the owner of whatever it writes to.
pub async fn own_everything(store: &PostgresStore) {
    use ringback_store::Sharing as _;
    let beat = store.beat().await.unwrap();
    let claimed = store.claim(usize::from(ringback_delivery::SHARDS)).await.unwrap();
    assert_eq!((beat.held.len(), claimed.len()), (0, usize::from(ringback_delivery::SHARDS)));
}

/// Whether somebody waits for somebody else.
pub const SOMEBODY_WAITS: &str = "SELECT count(*) > 0 FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'";

/// From now on, what ends a transaction that makes such a change waits while somebody stands at the gate.
pub fn gate(database: &Database<'_>, change: &str) {
    database.psql(&format!(
        "CREATE FUNCTION pass() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN NULL; END $$;
         CREATE CONSTRAINT TRIGGER gate AFTER {change}
             DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION pass()"
    ));
}

/// Somebody else's transaction, which stays open until it is ended.
pub struct Session(tokio_postgres::Client);

impl Session {
    pub async fn begin(database: &Database<'_>) -> Self {
        let (client, connection) =
            tokio_postgres::connect(&database.url(), tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute("BEGIN").await.unwrap();
        Self(client)
    }

    /// Stands at the [`gate`].
    pub async fn at_the_gate(database: &Database<'_>) -> Self {
        let session = Self::begin(database).await;
        session.run("SELECT pg_advisory_xact_lock(1)").await;
        session
    }

    pub async fn run(&self, sql: &str) {
        self.0.batch_execute(sql).await.unwrap();
    }

    pub async fn commit(self) {
        self.run("COMMIT").await;
    }

    /// Ends it as if nothing had been.
    pub async fn end(self) {
        self.run("ROLLBACK").await;
    }
}
