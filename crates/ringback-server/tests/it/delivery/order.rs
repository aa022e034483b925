//! Messages of one key arrive one after another; others don't wait for them.

use super::endpoint::Endpoint;
use super::house::House;

#[tokio::test]
async fn a_later_message_of_a_key_starts_after_the_earlier_one_was_delivered() {
    let (house, mut endpoint) = (House::build().await, Endpoint::start().await);
    house.register(endpoint.url("/")).await;
    for _ in 0..3 {
        house.publish(Some(7)).await;
    }
    let first = endpoint.arrival().await;
    assert_eq!(first.answer(500), 1);
    house.settled().await;
    // The second and the third wait for the first one's retry.
    house.advance(6);
    assert_eq!(endpoint.arrival().await.answer(200), 1);
    assert_eq!(endpoint.arrival().await.answer(200), 2);
    assert_eq!(endpoint.arrival().await.answer(200), 3);
    assert_eq!(endpoint.log(), [(1, 1), (1, 2), (2, 1), (3, 1)]);
}

#[tokio::test]
async fn other_keys_and_messages_without_one_go_on() {
    let (house, mut endpoint) = (House::build().await, Endpoint::start().await);
    house.register(endpoint.url("/")).await;
    house.publish(Some(1)).await;
    assert_eq!(endpoint.arrival().await.answer(500), 1);
    house.publish(Some(1)).await;
    house.publish(Some(2)).await;
    house.publish(None).await;
    assert_eq!(endpoint.arrival().await.answer(200), 3);
    assert_eq!(endpoint.arrival().await.answer(200), 4);
    house.settled().await;
    assert!(endpoint.is_silent());
    house.advance(6);
    assert_eq!(endpoint.arrival().await.answer(200), 1);
    assert_eq!(endpoint.arrival().await.answer(200), 2);
}

#[tokio::test]
async fn a_proven_endpoint_gets_many_at_once_and_never_more_than_thirty_two() {
    let (house, mut endpoint) = (House::build().await, Endpoint::start().await);
    house.register(endpoint.url("/")).await;
    for _ in 0..200 {
        house.publish(None).await;
    }
    for _ in 0..31 {
        endpoint.arrival().await.answer(200);
    }
    let mut open = Vec::new();
    while open.len() < 32 {
        open.push(endpoint.arrival().await);
    }
    assert!(endpoint.is_silent());
    for arrival in open {
        arrival.answer(200);
    }
    for _ in 63..200 {
        endpoint.arrival().await.answer(200);
    }
    house.settled().await;
    assert_eq!(house.pending().await, 0);
    assert_eq!(endpoint.log().len(), 200);
}
