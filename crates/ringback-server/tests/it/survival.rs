//! What a restart leaves, and how soon another process's change acts.

use std::time::Duration;

use ringback_server::api::watch_credentials;
use ringback_server::credentials;
use ringback_store::sqlite::{SqliteOptions, SqliteStore};
use ringback_testbed::looking;
use rusqlite::Connection;

use crate::publishing::{Publisher, message, plain};
use crate::server::{ACCOUNT, PATIENCE, Server, Settings, callbacks};

#[tokio::test]
async fn tokens_sessions_and_registrations_survive_a_restart() {
    let server = Server::start().await;
    let user = server.user().await;
    let body = r#"{"name":"Fota","url":"https://10.0.0.1/"}"#;
    server.as_user(&user, "POST", &callbacks(ACCOUNT)).json(body).send().await.ok();
    let server = server.restart().await;
    let listed = server.as_user(&user, "GET", &callbacks(ACCOUNT)).send().await.ok();
    assert_eq!(listed[0]["url"], "https://10.0.0.1/");
}

#[tokio::test]
async fn sequences_and_idempotency_survive_a_restart() {
    let Publisher { server, bearer } = Publisher::start(Settings::default()).await;
    let publisher = Publisher { server, bearer };
    let keyed = message(ACCOUNT, &serde_json::json!({"idempotencyKey": "k"}));
    let first = publisher.publish(keyed.clone()).await.json();
    let Publisher { server, bearer } = publisher;
    let publisher = Publisher { server: server.restart().await, bearer };
    let again = publisher.publish(keyed).await.json();
    assert_eq!((&again["id"], again["status"].as_str()), (&first["id"], Some("duplicate")));
    assert_eq!(publisher.publish(plain(ACCOUNT)).await.json()["sequence"], 2);
}

#[tokio::test]
async fn what_another_process_revokes_is_refused_within_a_second() {
    let publisher = Publisher::start(Settings::default()).await;
    let watcher = tokio::spawn(watch_credentials(publisher.server.state.clone(), std::future::pending()));
    until_remembered(&publisher).await;
    // As `ringback credentials revoke --store` does it, beside the server.
    let admin = SqliteStore::open(SqliteOptions::admin(publisher.server.database())).unwrap();
    credentials::revoke(&admin, publisher.server.clock.now(), "platform").await.unwrap();
    let publish = async || match publisher.publish(plain(ACCOUNT)).await {
        refused if refused.status == 401 => Ok(()),
        other => Err(format!("{other:?}")),
    };
    looking::within(Duration::from_secs(1), "its refusal", publish).await;
    watcher.abort();
}

/// Waits until the publisher's token counts from memory: though its row says for a moment that it is nobody's.
async fn until_remembered(publisher: &Publisher) {
    const TO_AND_FRO: &str = "UPDATE token SET credential = -credential";
    let database = Connection::open(publisher.server.database()).unwrap();
    database.busy_timeout(PATIENCE).unwrap();
    let look = async || {
        assert_eq!(publisher.publish(plain(ACCOUNT)).await.status, 202);
        database.execute(TO_AND_FRO, []).unwrap();
        let answer = publisher.publish(plain(ACCOUNT)).await;
        database.execute(TO_AND_FRO, []).unwrap();
        if answer.status == 202 { Ok(()) } else { Err(format!("{answer:?}")) }
    };
    looking::within(PATIENCE, "the token to be remembered", look).await;
}
