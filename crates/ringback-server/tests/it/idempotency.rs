//! The same message twice, and another one under the same key.

use serde_json::json;

use crate::publishing::{Publisher, message, plain};
use crate::server::{ACCOUNT, OTHER, Settings};

async fn publisher() -> Publisher {
    Publisher::start(Settings::default()).await
}

#[tokio::test]
async fn the_same_key_and_message_is_202_duplicate_with_the_first_ones_id_and_state() {
    let publisher = publisher().await;
    let body = message(ACCOUNT, &json!({"idempotencyKey": "k"}));
    let first = publisher.publish(body.clone()).await.json();
    let second = publisher.publish(body).await;
    assert_eq!(second.status, 202);
    let expected = json!({"id": first["id"], "sequence": 1, "status": "duplicate", "state": "pending"});
    assert_eq!(second.json(), expected);
}

#[tokio::test]
async fn the_header_is_as_good_as_the_field() {
    let publisher = publisher().await;
    let send = |key: &str| publisher.ask().header("Idempotency-Key", key).json(plain(ACCOUNT)).send();
    assert_eq!(send("k").await.json()["status"], "queued");
    assert_eq!(send("k").await.json()["status"], "duplicate");
    assert_eq!(send("other").await.json()["sequence"], 2);
}

#[tokio::test]
async fn the_same_key_with_another_message_is_409_conflict() {
    let publisher = publisher().await;
    let send = |body: String| publisher.ask().header("Idempotency-Key", "k").json(body).send();
    assert_eq!(send(plain(ACCOUNT)).await.status, 202);
    // Equality is of bytes: the same message written in another way is another.
    let spaced = format!(" {}", plain(ACCOUNT));
    send(spaced).await.error(409, "REQUEST_FAILED.IdempotencyKey.Conflict");
}

#[tokio::test]
async fn a_key_is_an_accounts_own() {
    let publisher = publisher().await;
    publisher.server.register(OTHER).await;
    for account in [ACCOUNT, OTHER] {
        let answer = publisher.publish(message(account, &json!({"idempotencyKey": "k"}))).await;
        assert_eq!(answer.json()["status"], "queued");
    }
}

#[tokio::test]
async fn a_header_and_a_field_that_differ_are_400_and_equal_ones_are_one() {
    let publisher = publisher().await;
    let body = message(ACCOUNT, &json!({"idempotencyKey": "k"}));
    let differ = publisher.ask().header("Idempotency-Key", "other").json(body.clone()).send().await;
    differ.error(400, "INPUT_INVALID.IdempotencyKey.Invalid");
    let same = publisher.ask().header("Idempotency-Key", "k").json(body).send().await;
    assert_eq!(same.status, 202);
}

#[tokio::test]
async fn an_empty_a_long_or_a_double_key_is_400() {
    let publisher = publisher().await;
    let long = "k".repeat(256);
    for key in ["", long.as_str()] {
        let header = publisher.ask().header("Idempotency-Key", key).json(plain(ACCOUNT)).send().await;
        header.error(400, "INPUT_INVALID.IdempotencyKey.Invalid");
        let field = publisher.publish(message(ACCOUNT, &json!({"idempotencyKey": key}))).await;
        field.error(400, "INPUT_INVALID.IdempotencyKey.Invalid");
    }
    let ask = publisher.ask().header("Idempotency-Key", "a").header("Idempotency-Key", "a");
    ask.json(plain(ACCOUNT)).send().await.error(400, "INPUT_INVALID.IdempotencyKey.Invalid");
}

#[tokio::test]
async fn an_unregistered_message_is_not_remembered() {
    let publisher = publisher().await;
    let body = message(OTHER, &json!({"idempotencyKey": "k"}));
    assert_eq!(publisher.publish(body.clone()).await.json()["status"], "unregistered");
    publisher.server.register(OTHER).await;
    assert_eq!(publisher.publish(body).await.json()["status"], "queued");
}
