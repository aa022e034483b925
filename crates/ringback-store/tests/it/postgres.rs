//! The PostgreSQL store: the whole story, on a real server.

use ringback_delivery::SHARDS;
use ringback_store::{PostgresOptions, PostgresStore, SealingKey, Sharing as _};
use ringback_testbed::{Database, Postgres};

/// Whom the test server lets in.
const USER: &str = "ringback";

crate::story::tell_the_story!(crate::postgres::told_store);

/// A store in a database of its own, whose one node owns every shard.
pub async fn told_store() -> Option<(Database<'static>, PostgresStore)> {
    let server = Postgres::shared()?;
    let database = server.database();
    let key = SealingKey::from_bytes([7; 32]);
    let options = PostgresOptions::server("127.0.0.1", server.port(), database.name(), USER, key);
    let store = PostgresStore::connect(options).await.unwrap();
    store.beat().await.unwrap();
    let claimed = store.claim(usize::from(SHARDS)).await.unwrap();
    assert_eq!(claimed.len(), usize::from(SHARDS));
    Some((database, store))
}
