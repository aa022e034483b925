//! What a person or an endpoint decided holds through a crash.

use serde_json::json;
use tempfile::{TempDir, tempdir};

use crate::api::Api;
use crate::listener::Listener;
use crate::program::Program;
use crate::stage::{SERVE, Server, account, address, alone, message};

struct House {
    folder: TempDir,
    server: Server,
}

impl House {
    async fn new() -> Self {
        let folder = tempdir().unwrap();
        let server = Server::first(folder.path(), &[]).await;
        Self { folder, server }
    }

    /// Pulls the plug, and starts it again.
    async fn crash(&mut self) {
        self.server.program.kill();
        let mut program = Program::start(self.folder.path(), &SERVE);
        let url = program.url();
        (self.server.api, self.server.address) = (Api::new(&url), address(&url));
        self.server.program = program;
    }

    async fn publish(&self, account: &str, names: std::ops::Range<u32>) {
        for name in names {
            self.server.publish(&message(account, &name.to_string())).await;
        }
    }
}

fn sequences(listener: &Listener) -> Vec<u64> {
    let mut sequences: Vec<u64> = listener
        .arrivals()
        .iter()
        .filter(|arrival| arrival.welcome())
        .map(|arrival| arrival.sequence)
        .collect();
    sequences.sort_unstable();
    sequences.dedup();
    sequences
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_lasts_through_a_crash_until_it_is_resumed() {
    let _stage = alone().await;
    let (mut house, listener, account) = (House::new().await, Listener::start().await, account(0));
    house.server.register(&account, &listener.url("")).await;
    house.server.act(&account, "pause", &json!({})).await;
    house.publish(&account, 0..20).await;
    house.crash().await;
    house.publish(&account, 20..30).await;
    let shown = house.server.account(&account).await;
    assert_eq!((&shown["state"], &shown["counts"]["pending"]), (&json!("paused"), &json!(30)));
    assert_eq!(listener.arrivals().len(), 0);
    house.server.act(&account, "resume", &json!({})).await;
    listener.until("the delivery of all", |arrivals| arrivals.len() >= 30).await;
    assert_eq!(sequences(&listener), (1..=30).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_answered_410_is_left_alone_through_a_crash_until_it_is_registered_anew() {
    let _stage = alone().await;
    let (mut house, account) = (House::new().await, account(0));
    let (gone, listener) = (Listener::answering(|_| 410).await, Listener::start().await);
    house.server.register(&account, &gone.url("")).await;
    house.publish(&account, 0..1).await;
    house.server.account_until(&account, "suspended", |shown| shown["state"] == "suspended").await;
    house.crash().await;
    house.publish(&account, 1..10).await;
    let shown = house.server.account(&account).await;
    assert_eq!((&shown["state"], &shown["counts"]["pending"]), (&json!("suspended"), &json!(10)));
    house.server.register(&account, &listener.url("")).await;
    listener.until("the delivery of all", |arrivals| arrivals.len() >= 10).await;
    assert_eq!(gone.arrivals().len(), 1);
    let attempts: Vec<u32> = listener.arrivals().iter().map(|arrival| arrival.attempt).collect();
    assert_eq!(
        (attempts.iter().max(), attempts.iter().sum()),
        (Some(&2), 11),
        "the answer 410 was an attempt"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_s_replay_goes_on_after_a_crash() {
    const MESSAGES: u64 = 2000;
    let _stage = alone().await;
    let (mut house, listener, account) = (House::new().await, Listener::start().await, account(0));
    house.server.register(&account, &listener.url("")).await;
    let lines: Vec<_> = (0..MESSAGES).map(|name| message(&account, &name.to_string())).collect();
    house.server.api.publish_lines(&house.server.tokens, &lines).await;
    let delivered = |count: u64| move |shown: &serde_json::Value| shown["counts"]["delivered"] == count;
    house.server.account_until(&account, "all delivered", delivered(MESSAGES)).await;
    let answer = house.server.act(&account, "replay", &json!({"state": "delivered"})).await;
    assert_eq!(answer["count"], MESSAGES);
    listener.until("a replay", |arrivals| arrivals.iter().any(|arrival| arrival.replay)).await;
    house.crash().await;
    let mut again = std::collections::HashSet::new();
    listener
        .until("the replay of all", |arrivals| {
            again.extend(arrivals.iter().filter(|arrival| arrival.replay).map(|arrival| arrival.id.clone()));
            again.len() as u64 == MESSAGES
        })
        .await;
    house.server.account_until(&account, "all delivered again", delivered(MESSAGES)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_account_pulled_and_acknowledged_is_not_pushed_after_a_crash() {
    let _stage = alone().await;
    let (mut house, listener, account) = (House::new().await, Listener::start().await, account(0));
    let pull = format!("/api/ringback/v1/accounts/{account}/pull");
    let (status, answer) = house
        .server
        .api
        .ask(http::Method::PUT, &pull, &house.server.tokens, Some(&json!({"enabled": true})))
        .await
        .unwrap();
    assert_eq!(status, http::StatusCode::OK, "{answer}");
    house.publish(&account, 0..10).await;
    house.crash().await;
    let read = format!("/api/ringback/v1/accounts/{account}/messages?after=0");
    let (_, page) = house.server.api.get(&read, &house.server.tokens).await;
    let numbers: Vec<_> =
        page["messages"].as_array().unwrap().iter().map(|one| one["sequence"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=10).collect::<Vec<_>>());
    house.server.act(&account, "ack", &json!({"through": 7})).await;
    house.crash().await;
    house.server.register(&account, &listener.url("")).await;
    let all = |shown: &serde_json::Value| shown["counts"]["delivered"] == 10;
    house.server.account_until(&account, "all delivered", all).await;
    assert_eq!(sequences(&listener), [8, 9, 10]);
}
