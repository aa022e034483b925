//! Keeping messages without a URL, and acknowledging them.

use ringback_store::Registrations as _;
use serde_json::json;

use crate::cast::{Cast, of};
use crate::publishing::{MESSAGES, plain};
use crate::server::{ACCOUNT, OTHER};

impl Cast {
    async fn pull(&self, enabled: bool) -> serde_json::Value {
        let ask = self.ask_json("PUT", &self.owner, &of(ACCOUNT, "/pull"), &json!({"enabled": enabled}));
        ask.send().await.ok()
    }

    async fn ack(&self, through: u64) -> crate::client::Answer {
        self.post_json(&self.owner, &of(ACCOUNT, "/ack"), &json!({"through": through})).await
    }
}

#[tokio::test]
async fn with_pull_messages_are_kept_without_a_url() {
    let cast = Cast::meet().await;
    let now = cast.server.clock.now();
    cast.server.store.deregister(now, ACCOUNT.parse().unwrap()).await.unwrap();
    let publish = || cast.server.ask("POST", MESSAGES).bearer(&cast.platform).json(plain(ACCOUNT)).send();
    assert_eq!(publish().await.ok(), json!({"status": "unregistered"}));
    assert_eq!(cast.pull(true).await, json!({"enabled": true}));
    assert_eq!(publish().await.status, 202);
    let shown = cast.account(ACCOUNT).await;
    assert_eq!((&shown["pull"], &shown["state"]), (&json!(true), &json!("unregistered")));
    assert!(shown["lane"].as_str().unwrap().contains("kept to be pulled"), "{shown}");
    assert_eq!(cast.pull(false).await, json!({"enabled": false}));
    assert_eq!(publish().await.ok(), json!({"status": "unregistered"}));
}

#[tokio::test]
async fn what_is_acknowledged_is_delivered() {
    let cast = Cast::meet().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(cast.publish(ACCOUNT).await);
    }
    assert_eq!(cast.ack(2).await.ok(), json!({"through": 2}));
    let mut states = Vec::new();
    for id in &ids {
        states.push(cast.message(id).await["state"].clone());
    }
    assert_eq!(states, ["delivered", "delivered", "pending"]);
    // What was acknowledged stays so.
    assert_eq!(cast.ack(1).await.ok(), json!({"through": 2}));
    assert_eq!(cast.ack(0).await.ok(), json!({"through": 2}));
}

#[tokio::test]
async fn nothing_is_acknowledged_beyond_the_last_message_and_that_is_named() {
    let cast = Cast::meet().await;
    cast.publish(ACCOUNT).await;
    let beyond = cast.ack(2).await;
    assert_eq!(
        beyond.error(400, "INPUT_INVALID.Parameter.Invalid"),
        "through must be 1 at most: that is the last message so far"
    );
    cast.ack(u64::MAX).await.error(400, "INPUT_INVALID.Parameter.Invalid");
    assert_eq!(cast.ack(1).await.ok(), json!({"through": 1}));
}

#[tokio::test]
async fn what_is_wrong_with_a_body_is_said() {
    let cast = Cast::meet().await;
    let (pull, ack) = (of(ACCOUNT, "/pull"), of(ACCOUNT, "/ack"));
    let code = "INPUT_INVALID.Request.InvalidJson";
    for body in [json!({}), json!({"enabled": 1}), json!({"enabled": true, "x": 1})] {
        cast.ask_json("PUT", &cast.owner, &pull, &body).send().await.error(400, code);
    }
    for body in [json!({}), json!({"through": -1}), json!({"through": "1"}), json!({"through": 1, "x": 1})] {
        cast.post_json(&cast.owner, &ack, &body).await.error(400, code);
    }
    cast.post(&cast.owner, &ack).await.error(400, "INPUT_INVALID.RequestUndefined");
    let large = format!("{{\"through\":1,\"x\":\"{}\"}}", "x".repeat(70_000));
    let answer = cast.server.ask("POST", &ack).bearer(&cast.owner).json(large).send().await;
    answer.error(413, "INPUT_INVALID.Request.TooLarge");
}

#[tokio::test]
async fn anothers_messages_are_not_acknowledged_nor_kept() {
    let cast = Cast::meet().await;
    cast.server.register(OTHER).await;
    let others = cast.publish(OTHER).await;
    let ack = cast.post_json(&cast.owner, &of(OTHER, "/ack"), &json!({"through": 1})).await;
    ack.error(404, "REQUEST_FAILED.NotFound");
    let pull = cast.ask_json("PUT", &cast.owner, &of(OTHER, "/pull"), &json!({"enabled": true}));
    pull.send().await.error(404, "REQUEST_FAILED.NotFound");
    assert_eq!(cast.message(&others).await["state"], "pending");
    assert_eq!(cast.account(OTHER).await["pull"], false);
}
