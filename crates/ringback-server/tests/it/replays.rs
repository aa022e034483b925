//! Sending again.

use std::time::Duration;

use ringback_store::{Registrations as _, Replaying as _, Swept};
use serde_json::{Value, json};

use crate::cast::{Cast, of};
use crate::delivery::endpoint::Endpoint;
use crate::publishing::MESSAGES;
use crate::server::{ACCOUNT, OTHER, Settings};

fn replay_path(id: &str) -> String {
    format!("{MESSAGES}/{id}/replay")
}

impl Cast {
    async fn replay_account(&self, body: &Value) -> crate::client::Answer {
        self.post_json(&self.owner, &of(ACCOUNT, "/replay"), body).await
    }

    /// Takes a kept replay to its end.
    async fn replay_through(&self) {
        while self.server.store.replay_step(self.server.clock.now()).await.unwrap() == Swept::More {}
    }

    async fn deregister(&self) {
        let now = self.server.clock.now();
        self.server.store.deregister(now, ACCOUNT.parse().unwrap()).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_replayed_message_arrives_again_with_its_id_and_says_so() {
    let cast = Cast::meet_with(Settings { delivers: true, ..Settings::default() }).await;
    let mut endpoint = Endpoint::start().await;
    cast.server.register_at(ACCOUNT, &endpoint.url("/")).await;
    let id = cast.publish(ACCOUNT).await;
    endpoint.arrival().await.answer(200);
    cast.server.settled().await;
    assert_eq!(cast.message(&id).await["state"], "delivered");

    let answer = cast.post(&cast.owner, &replay_path(&id)).await;
    assert_eq!(answer.status, 202);
    assert_eq!(answer.json(), json!({"count": 1, "dryRun": false, "id": id, "state": "pending"}));
    let again = endpoint.arrival().await;
    assert_eq!((again.header("webhook-id"), again.attempt()), (id.as_str(), 2));
    assert_eq!(again.header("ringback-replay"), "true");
    again.answer(200);
    cast.server.settled().await;
    let shown = cast.message(&id).await;
    assert_eq!((&shown["state"], &shown["attemptCount"]), (&json!("delivered"), &json!(2)));
    assert_eq!(cast.account(ACCOUNT).await["counts"]["delivered"], 1);
}

#[tokio::test]
async fn a_pending_message_is_only_tried_now() {
    let cast = Cast::meet_with(Settings { delivers: true, ..Settings::default() }).await;
    let mut endpoint = Endpoint::start().await;
    cast.server.register_at(ACCOUNT, &endpoint.url("/")).await;
    let id = cast.publish(ACCOUNT).await;
    endpoint.arrival().await.answer(500);
    cast.server.settled().await;
    let answer = cast.post(&cast.owner, &replay_path(&id)).await;
    assert_eq!(answer.ok(), json!({"count": 0, "dryRun": false, "id": id, "state": "pending"}));
    let again = endpoint.arrival().await;
    assert_eq!((again.attempt(), again.header("ringback-replay")), (2, ""));
    again.answer(200);
    cast.server.settled().await;
}

#[tokio::test]
async fn there_must_be_somewhere_to_send_to() {
    let cast = Cast::meet().await;
    let id = cast.publish(ACCOUNT).await;
    cast.deregister().await;
    let answer = cast.post(&cast.owner, &replay_path(&id)).await;
    answer.error(409, "REQUEST_FAILED.CallbackNotRegistered");
    for body in [json!({"state": "cancelled"}), json!({"state": "pending"})] {
        let answer = cast.replay_account(&body).await;
        answer.error(409, "REQUEST_FAILED.CallbackNotRegistered");
    }
}

#[tokio::test]
async fn what_a_deregistration_cancelled_is_sent_again_once_there_is_a_url() {
    let cast = Cast::meet().await;
    let id = cast.publish(ACCOUNT).await;
    cast.deregister().await;
    // It is cancelled at once, though its row follows.
    assert_eq!(cast.message(&id).await["state"], "cancelled");
    let found = cast.get(&cast.owner, &format!("{MESSAGES}?state=cancelled")).await.ok();
    assert_eq!(found["messages"][0]["id"], json!(id));
    cast.server.register(ACCOUNT).await;
    assert_eq!(cast.message(&id).await["state"], "cancelled");
    assert_eq!(cast.post(&cast.owner, &replay_path(&id)).await.status, 202);
    assert_eq!(cast.message(&id).await["state"], "pending");
    let counts = cast.account(ACCOUNT).await["counts"].clone();
    assert_eq!(counts, json!({"accepted": 1, "delivered": 0, "pending": 1, "dead": 0, "cancelled": 0}));
}

#[tokio::test]
async fn anothers_message_or_account_is_404_like_one_that_does_not_exist() {
    let cast = Cast::meet().await;
    cast.server.register(OTHER).await;
    let others = cast.publish(OTHER).await;
    let id: ringback_delivery::MessageId = others.parse().unwrap();
    let none = ringback_delivery::MessageId { account: ACCOUNT.parse().unwrap(), ..id };
    cast.dead(OTHER, 1).await;
    for path in [replay_path(&others), replay_path(&none.to_string()), replay_path("x"), of(OTHER, "/replay")]
    {
        cast.post(&cast.owner, &path).await.error(404, "REQUEST_FAILED.NotFound");
    }
    assert_eq!(cast.message(&others).await["state"], "dead");
}

#[tokio::test]
async fn a_dry_run_counts_and_changes_nothing() {
    let cast = Cast::meet().await;
    for sequence in 1..=6 {
        let _ = cast.publish(ACCOUNT).await;
        if sequence <= 3 {
            cast.dead(ACCOUNT, sequence).await;
        } else if sequence == 4 {
            cast.delivered(ACCOUNT, sequence).await;
        }
        cast.server.advance(Duration::from_secs(60));
    }
    let before = cast.account(ACCOUNT).await;
    for (body, count) in [
        (json!({"dryRun": true}), 3),
        (json!({"dryRun": true, "state": "delivered"}), 1),
        (json!({"dryRun": true, "state": "pending"}), 2),
        (json!({"dryRun": true, "since": "2026-01-01T00:01:00Z", "until": "2026-01-01T00:02:00Z"}), 1),
    ] {
        assert_eq!(cast.replay_account(&body).await.ok(), json!({"count": count, "dryRun": true}), "{body}");
    }
    // In the query it says the same, with or without a body.
    let path = of(ACCOUNT, "/replay?dryRun=true");
    assert_eq!(cast.post(&cast.owner, &path).await.ok()["count"], 3);
    let body = json!({"state": "delivered", "dryRun": false});
    assert_eq!(cast.post_json(&cast.owner, &path, &body).await.ok(), json!({"count": 1, "dryRun": true}));
    assert_eq!(cast.account(ACCOUNT).await, before);
}

#[tokio::test]
async fn an_accounts_dead_messages_are_sent_again_and_one_replay_goes_on_at_a_time() {
    let cast = Cast::meet().await;
    for sequence in 1..=3 {
        cast.publish(ACCOUNT).await;
        cast.dead(ACCOUNT, sequence).await;
    }
    let answer = cast.post(&cast.operator, &of(ACCOUNT, "/replay")).await;
    assert_eq!((answer.status.as_u16(), answer.json()), (202, json!({"count": 3, "dryRun": false})));
    let busy = cast.replay_account(&json!({})).await;
    busy.error(409, "REQUEST_FAILED.State.Conflict");
    cast.replay_through().await;
    let counts = cast.account(ACCOUNT).await["counts"].clone();
    assert_eq!(counts, json!({"accepted": 3, "delivered": 0, "pending": 3, "dead": 0, "cancelled": 0}));
    let after = cast.replay_account(&json!({})).await;
    assert_eq!((after.status.as_u16(), after.json()["count"].clone()), (202, json!(0)));
}

#[tokio::test]
async fn what_waits_is_tried_now() {
    let cast = Cast::meet_with(Settings { delivers: true, ..Settings::default() }).await;
    let mut endpoint = Endpoint::start().await;
    cast.server.register_at(ACCOUNT, &endpoint.url("/")).await;
    cast.publish(ACCOUNT).await;
    endpoint.arrival().await.answer(500);
    cast.server.settled().await;
    let answer = cast.replay_account(&json!({"state": "pending"})).await;
    assert_eq!((answer.status.as_u16(), answer.json()), (202, json!({"count": 1, "dryRun": false})));
    assert_eq!(endpoint.arrival().await.answer(200), 1);
    cast.server.settled().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_replay_is_said() {
    let cast = Cast::meet().await;
    let misspelt = cast.replay_account(&json!({"dryrun": true})).await;
    misspelt.error(400, "INPUT_INVALID.Request.InvalidJson");
    let time = cast.replay_account(&json!({"since": "yesterday"})).await;
    assert!(time.error(400, "INPUT_INVALID.Parameter.Invalid").starts_with("since must be"));
    let pending = cast.replay_account(&json!({"state": "pending", "until": "2026-01-01T00:00:00Z"})).await;
    assert!(pending.error(400, "INPUT_INVALID.Parameter.Invalid").contains("pending"));
    let path = of(ACCOUNT, "/replay?dryRun=yes");
    cast.post(&cast.owner, &path).await.error(400, "INPUT_INVALID.Parameter.Invalid");
    let text = cast.server.ask("POST", &of(ACCOUNT, "/replay")).bearer(&cast.owner).body("text/plain", "x");
    text.send().await.error(415, "INPUT_INVALID.Request.UnsupportedMediaType");
}
