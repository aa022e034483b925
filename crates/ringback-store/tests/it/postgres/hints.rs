//! Nodes tell one another that there is something new, by `NOTIFY`; those that are told not to, don't.

use std::future::poll_fn;
use std::time::Duration;

use ringback_store::{PostgresStore, Role, Sharing as _};
use ringback_testbed::{Database, Postgres};
use tokio::sync::mpsc;
use tokio_postgres::{AsyncMessage, NoTls};

use super::{options, own_everything};
use crate::cast::*;

/// For what is sure to come.
const PATIENCE: Duration = Duration::from_secs(60);
/// Longer than a hint waits for the one before, and than the way to whoever listens.
const SOME_TIME: Duration = Duration::from_millis(500);

/// Somebody who has nothing to do with Ringback and listens to its nodes: the server processes that told something.
struct Eavesdropper {
    _client: tokio_postgres::Client,
    told: mpsc::UnboundedReceiver<i32>,
}

impl Eavesdropper {
    async fn of(database: &Database<'_>) -> Self {
        let (client, mut connection) = tokio_postgres::connect(&database.url(), NoTls).await.unwrap();
        let (tell, told) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
                if let AsyncMessage::Notification(notification) = message {
                    assert_eq!(notification.channel(), "ringback_news");
                    let _ = tell.send(notification.process_id());
                }
            }
        });
        client.batch_execute("LISTEN ringback_news").await.unwrap();
        Self { _client: client, told }
    }

    async fn hears(&mut self, patience: Duration) -> Option<i32> {
        tokio::time::timeout(patience, self.told.recv()).await.ok().flatten()
    }
}

async fn node(database: &Database<'_>, name: &str, notify: bool) -> PostgresStore {
    let mut options = options(database, Role::Server);
    (options.node_name, options.notify) = (name.to_owned(), notify);
    PostgresStore::connect(options).await.unwrap()
}

#[tokio::test]
async fn what_was_accepted_is_told_to_all_but_by_nodes_that_are_told_not_to() {
    let Some(postgres) = Postgres::shared() else { return };
    let database = postgres.database();
    let silent = node(&database, "silent", false).await;
    own_everything(&silent).await;
    let mut eavesdropper = Eavesdropper::of(&database).await;
    register(&silent, ONE).await;
    accept(&silent, at(0), message(ONE, "news")).await;
    assert_eq!(eavesdropper.hears(SOME_TIME).await, None, "a node that is told not to");
    let speaks = "SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = current_database()
        AND query LIKE 'LISTEN ringback_news' AND application_name = 'ringback'";
    assert_eq!(database.psql(speaks).trim(), "f", "nor does it listen");

    let speaking = node(&database, "speaking", true).await;
    database.until(speaks).await;
    assert_eq!(eavesdropper.hears(SOME_TIME).await, None, "nothing is new");
    accept(&speaking, at(1), message(ONE, "news")).await;
    assert!(eavesdropper.hears(PATIENCE).await.is_some(), "what was accepted is not told");
    // And a standing that has changed.
    while eavesdropper.hears(SOME_TIME).await.is_some() {}
    register(&speaking, TWO).await;
    assert!(eavesdropper.hears(PATIENCE).await.is_some(), "what was registered is not told");

    // Whoever listens hears, without asking.
    let other = node(&database, "other", true).await;
    other.beat().await.unwrap();
    let both = "SELECT count(*) = 2 FROM pg_stat_activity WHERE datname = current_database()
        AND query LIKE '%ringback_news' AND application_name = 'ringback' AND state = 'idle'";
    database.until(both).await;
    while eavesdropper.hears(SOME_TIME).await.is_some() {}
    let heard = tokio::time::timeout(PATIENCE, other.hint());
    let (heard, _) = tokio::join!(heard, accept(&speaking, at(2), message(ONE, "news")));
    assert!(heard.is_ok(), "a node does not hear what another tells");
}
