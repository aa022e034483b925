//! One message with everything that was tried for it.

use std::time::Duration;

use ringback_delivery::{Failure, Outcome, Verdict};
use ringback_wire::publish::NDJSON_CONTENT_TYPE;
use serde_json::json;

use crate::cast::{Cast, answered};
use crate::publishing::{MESSAGES, plain};
use crate::server::{ACCOUNT, OPERATE, OTHER, PUBLISH};

fn path(id: &str) -> String {
    format!("{MESSAGES}/{id}")
}

#[tokio::test]
async fn a_message_is_shown_with_its_body_and_without_user_name_and_password() {
    let cast = Cast::meet().await;
    let id = cast.publish_with(ACCOUNT, &json!({"extra": 1.50, "orderingKey": "k"})).await;
    let shown = cast.get(&cast.owner, &path(&id)).await.ok();
    assert_eq!(
        (&shown["id"], &shown["state"], &shown["attempts"]),
        (&json!(id), &json!("pending"), &json!([]))
    );
    assert_eq!(
        shown["message"],
        json!({
            "accountName": ACCOUNT, "participantName": "", "type": "upgradeFinished", "firmwareList": [],
            "upgradeScheduled": {}, "upgradeProgress": {},
            "upgradeFinished": {"upgradeId": "e3a8d88a-04c6-4ef3-b039-89b62f91e962", "status": "Finished"},
            "extra": 1.50,
        })
    );
}

#[tokio::test]
async fn a_message_shows_the_trace_that_it_was_published_in_by_itself_or_with_others() {
    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    let cast = Cast::meet().await;
    let parent = format!("00-{TRACE}-00f067aa0ba902b7-01");
    let ask = || cast.server.ask("POST", MESSAGES).bearer(&cast.platform);
    let given = ask().header("traceparent", &parent).json(plain(ACCOUNT)).send().await.json();
    let line = ask().header("traceparent", &parent).body(NDJSON_CONTENT_TYPE, plain(ACCOUNT)).send().await;
    let wrong = ask().header("traceparent", &parent.to_uppercase()).json(plain(ACCOUNT)).send().await.json();
    for (id, trace) in
        [(&given["id"], json!(TRACE)), (&line.lines()[0]["id"], json!(TRACE)), (&wrong["id"], json!(null))]
    {
        let shown = cast.get(&cast.owner, &path(id.as_str().unwrap())).await.ok();
        assert_eq!(shown["traceId"], trace);
    }
}

#[tokio::test]
async fn every_attempt_is_shown_with_what_came_of_it() {
    let cast = Cast::meet().await;
    let id = cast.publish(ACCOUNT).await;
    let due = cast.server.clock.now().after(Duration::from_secs(5));
    let retry = Verdict::Retry { due, charged: 1, successes: 0 };
    cast.settle(ACCOUNT, 1, Outcome::Failed(Failure::Connect), retry).await;
    let shown = cast.get(&cast.owner, &path(&id)).await.ok();
    assert_eq!(shown["attemptCount"], 1);
    assert_eq!(shown["nextAttemptAt"], "2026-01-01T00:00:05Z");
    assert_eq!((&shown["waitsFor"], &shown["waiting"]), (&json!("retry"), &json!("next attempt in 5 s")));
    assert_eq!(
        shown["attempts"],
        json!([{"attempt": 1, "startedAt": "2026-01-01T00:00:00Z", "durationMs": 12, "error": "nobody is there"}])
    );
}

#[tokio::test]
async fn a_finished_message_says_when_and_with_which_status() {
    let cast = Cast::meet().await;
    let (delivered, dead) = (cast.publish(ACCOUNT).await, cast.publish(ACCOUNT).await);
    cast.server.advance(Duration::from_secs(1));
    cast.delivered(ACCOUNT, 1).await;
    cast.dead(ACCOUNT, 2).await;
    let delivered = cast.get(&cast.owner, &path(&delivered)).await.ok();
    assert_eq!(delivered["state"], "delivered");
    assert_eq!(delivered["finishedAt"], "2026-01-01T00:00:01Z");
    assert_eq!(delivered["attempts"][0]["status"], 204);
    assert_eq!(delivered["attempts"][0].get("error"), None);
    let dead = cast.get(&cast.owner, &path(&dead)).await.ok();
    assert_eq!((&dead["state"], &dead["attempts"][0]["status"]), (&json!("dead"), &json!(500)));
    assert_eq!(dead["attempts"][0]["error"], "it answered 500");
    assert_eq!(dead["deathCause"], "attempts");
    assert_eq!((dead.get("nextAttemptAt"), dead.get("waitsFor"), dead.get("waiting")), (None, None, None));
}

#[tokio::test]
async fn a_pending_message_says_what_it_waits_for_by_itself_and_in_a_list() {
    let cast = Cast::meet().await;
    let (first, second) = (cast.publish(ACCOUNT).await, cast.publish(ACCOUNT).await);
    let due = cast.server.clock.now().after(Duration::from_secs(5));
    let retry = Verdict::Retry { due, charged: 1, successes: 0 };
    cast.settle(ACCOUNT, 1, Outcome::Failed(Failure::Connect), retry).await;
    let waits = async |id: &str| {
        let shown = cast.get(&cast.owner, &path(id)).await.ok();
        let listed = cast.get(&cast.owner, "/api/ringback/v1/messages").await.ok();
        let listed =
            listed["messages"].as_array().unwrap().iter().find(|one| one["id"] == *id).unwrap().clone();
        for field in ["waitsFor", "waiting", "waitsBehind", "nextAttemptAt"] {
            assert_eq!(shown.get(field), listed.get(field));
        }
        shown
    };
    let behind = waits(&second).await;
    assert_eq!((&behind["waitsFor"], &behind["waitsBehind"]), (&json!("message"), &json!(first)));
    assert_eq!(behind["waiting"], "message 1, which has the same ordering key, goes first");
    // Its next attempt has a time, but nothing is tried while the account is paused.
    cast.post(&cast.operator, &crate::cast::of(ACCOUNT, "/pause")).await.ok();
    let paused = waits(&first).await;
    assert_eq!((&paused["waitsFor"], paused.get("nextAttemptAt")), (&json!("resume"), None));
    assert_eq!(paused["waiting"], "paused since 2026-01-01T00:00:00Z, until an operator resumes it");
    let both = waits(&second).await["waiting"].as_str().unwrap().to_owned();
    assert!(both.starts_with("paused since") && both.ends_with("goes first"), "{both}");
}

#[tokio::test]
async fn what_an_endpoint_answered_is_for_those_who_operate_everywhere() {
    let cast = Cast::meet().await;
    let id = cast.publish(ACCOUNT).await;
    cast.settle(ACCOUNT, 1, answered(500), Verdict::Dead(ringback_delivery::Death::Age)).await;
    let narrow = cast.server.bearer("narrow", &[ACCOUNT], OPERATE).await;
    let publisher = cast.server.bearer("everywhere", &["*"], PUBLISH).await;
    for bearer in [&cast.owner, &narrow, &publisher] {
        let shown = cast.get(bearer, &path(&id)).await.ok();
        assert_eq!(shown["attempts"][0].get("excerpt"), None);
    }
    let shown = cast.message(&id).await;
    assert_eq!(shown["attempts"][0]["excerpt"], "internal: stack trace");
    assert_eq!(shown["deathCause"], "age");
}

#[tokio::test]
async fn anothers_message_is_404_like_one_that_does_not_exist() {
    let cast = Cast::meet().await;
    cast.server.register(OTHER).await;
    let own: ringback_delivery::MessageId = cast.publish(ACCOUNT).await.parse().unwrap();
    let others = cast.publish(OTHER).await;
    let next = ringback_delivery::MessageId { sequence: ringback_delivery::Sequence(2), ..own };
    let earlier = ringback_delivery::MessageId { accepted_second: own.accepted_second - 1, ..own };
    let first = cast.get(&cast.owner, &path(&others)).await;
    first.error(404, "REQUEST_FAILED.NotFound");
    for id in [next.to_string(), earlier.to_string(), "msg_x".to_owned(), "%FF".to_owned(), "1".to_owned()] {
        let answer = cast.get(&cast.owner, &path(&id)).await;
        assert_eq!((answer.status, &answer.body), (first.status, &first.body), "{id}");
    }
    assert_eq!(cast.message(&others).await["sequence"], 1);
}
