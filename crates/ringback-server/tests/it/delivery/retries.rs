//! What fails comes again, by the schedule, until it is delivered or dead.

use super::endpoint::Endpoint;
use super::house::House;

/// The longest that each attempt waits after the one before it, in seconds: the schedule and a fifth.
const LONGEST: [u64; 10] = [6, 36, 144, 720, 2160, 4320, 12_960, 25_920, 51_840, 103_680];

#[tokio::test]
async fn a_refused_message_comes_again_with_the_same_id_and_a_higher_attempt() {
    let (house, mut endpoint) = (House::build().await, Endpoint::start().await);
    house.register(endpoint.url("/")).await;
    let id = house.publish(None).await;
    endpoint.arrival().await.answer(500);
    house.settled().await;
    assert_eq!(house.pending().await, 1);
    house.advance(3);
    assert!(endpoint.is_silent(), "not before four seconds have passed");
    house.advance(3);
    let again = endpoint.arrival().await;
    assert_eq!((again.header("webhook-id"), again.attempt()), (id.as_str(), 2));
    again.answer(204);
    house.settled().await;
    assert_eq!(house.pending().await, 0);
}

#[tokio::test]
async fn after_its_eleventh_attempt_a_message_is_dead() {
    let (house, mut endpoint) = (House::build().await, Endpoint::start().await);
    house.register(endpoint.url("/")).await;
    house.publish(None).await;
    for wait in LONGEST {
        endpoint.arrival().await.answer(404);
        house.settled().await;
        house.advance(wait);
    }
    endpoint.arrival().await.answer(404);
    house.settled().await;
    assert_eq!(house.pending().await, 0);
    assert_eq!(endpoint.log().len(), 11);
    house.advance(200_000);
    house.publish(None).await;
    assert_eq!(endpoint.arrival().await.answer(200), 2);
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_counts_as_a_refusal() {
    let (house, mut endpoint, mut elsewhere) =
        (House::build().await, Endpoint::start().await, Endpoint::start().await);
    house.register(endpoint.url("/")).await;
    house.publish(None).await;
    let target = elsewhere.url("/");
    endpoint.arrival().await.answer_with(307, &[("location", &target)]);
    house.settled().await;
    house.advance(6);
    assert_eq!(endpoint.arrival().await.attempt(), 2);
    assert!(elsewhere.is_silent());
}

#[tokio::test]
async fn retry_after_holds_the_lane_for_as_long_as_it_says() {
    let (house, mut endpoint) = (House::build().await, Endpoint::start().await);
    house.register(endpoint.url("/")).await;
    house.publish(None).await;
    endpoint.arrival().await.answer_with(503, &[("retry-after", "120")]);
    house.settled().await;
    house.publish(None).await;
    house.advance(119);
    house.settled().await;
    assert!(endpoint.is_silent());
    house.advance(2);
    endpoint.arrival().await.answer(200);
    endpoint.arrival().await.answer(200);
}

#[tokio::test]
async fn five_endpoint_failures_in_a_row_put_the_lane_on_hold_and_probes_cost_no_attempts() {
    let (house, mut endpoint) = (House::build().await, Endpoint::start().await);
    house.register(endpoint.url("/")).await;
    for _ in 0..10 {
        house.publish(None).await;
    }
    for _ in 0..5 {
        endpoint.arrival().await.answer(502);
    }
    house.settled().await;
    for wait in [5, 15, 30, 60, 120, 300, 300] {
        assert!(endpoint.is_silent(), "one probe an interval");
        house.advance(wait);
        endpoint.arrival().await.answer(502);
        house.settled().await;
    }
    house.advance(300);
    for _ in 0..10 {
        endpoint.arrival().await.answer(200);
    }
    house.settled().await;
    assert_eq!(house.pending().await, 0);
}

#[tokio::test]
async fn gone_suspends_until_the_account_registers_anew() {
    let (house, mut endpoint) = (House::build().await, Endpoint::start().await);
    house.register(endpoint.url("/old")).await;
    house.publish(None).await;
    endpoint.arrival().await.answer(410);
    house.settled().await;
    house.publish(None).await;
    house.advance(3600);
    house.settled().await;
    assert!(endpoint.is_silent());
    house.register(endpoint.url("/new")).await;
    for _ in 0..2 {
        let arrival = endpoint.arrival().await;
        assert_eq!(arrival.path, "/new");
        arrival.answer(200);
    }
}

#[tokio::test]
async fn what_was_pending_is_taken_up_again_on_start() {
    let (house, mut endpoint) = (House::build().await, Endpoint::start().await);
    house.register(endpoint.url("/")).await;
    for _ in 0..40 {
        house.publish(None).await;
    }
    // One slot at first: one is under way when the house is left, and no one ever answers it.
    let unanswered = endpoint.arrival().await;
    let house = house.restart().await;
    drop(unanswered);
    let mut sequences = std::collections::BTreeSet::new();
    while sequences.len() < 40 {
        sequences.insert(endpoint.arrival().await.answer(200));
    }
    house.settled().await;
    assert_eq!(house.pending().await, 0);
    assert_eq!(endpoint.log().len(), 41, "only what was under way came twice");
}
