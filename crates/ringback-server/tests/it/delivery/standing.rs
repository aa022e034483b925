//! Stop means stop, replace means replace.

use ringback_store::Registrations as _;

use super::endpoint::Endpoint;
use super::house::House;

#[tokio::test]
async fn a_replaced_url_gets_the_retries() {
    let (house, mut old, mut new) = (House::build().await, Endpoint::start().await, Endpoint::start().await);
    house.register(old.url("/")).await;
    house.publish(None).await;
    old.arrival().await.answer(500);
    house.settled().await;
    house.register(new.url("/")).await;
    // A registration makes everything due now.
    let again = new.arrival().await;
    assert_eq!((again.sequence(), again.attempt()), (1, 2));
    again.answer(200);
    house.settled().await;
    assert!(old.is_silent());
}

#[tokio::test]
async fn after_a_deregistration_nothing_starts_and_what_waited_is_cancelled() {
    let (house, mut endpoint) = (House::build().await, Endpoint::start().await);
    house.register(endpoint.url("/")).await;
    for _ in 0..20 {
        house.publish(Some(3)).await;
    }
    let under_way = endpoint.arrival().await;
    house.store.deregister(house.clock.now(), house.account).await.unwrap().unwrap();
    under_way.answer(500);
    house.settled().await;
    house.advance(100_000);
    house.settled().await;
    assert_eq!(endpoint.log(), [(1, 1)]);
    // A new registration begins with what comes after it.
    house.register(endpoint.url("/")).await;
    house.publish(Some(3)).await;
    assert_eq!(endpoint.arrival().await.answer(200), 21);
    house.settled().await;
    assert_eq!(endpoint.log(), [(1, 1), (21, 1)]);
}

#[tokio::test]
async fn what_is_under_way_at_a_deregistration_counts_as_delivered_when_it_is() {
    let (house, mut endpoint) = (House::build().await, Endpoint::start().await);
    house.register(endpoint.url("/")).await;
    house.publish(None).await;
    let under_way = endpoint.arrival().await;
    house.store.deregister(house.clock.now(), house.account).await.unwrap().unwrap();
    under_way.answer(200);
    house.settled().await;
    assert_eq!(house.pending().await, 0);
}

#[tokio::test]
async fn a_pause_holds_the_lane_and_a_resume_lets_it_go() {
    let (house, mut endpoint) = (House::build().await, Endpoint::start().await);
    house.register(endpoint.url("/")).await;
    house.store.pause(house.clock.now(), house.account).await.unwrap();
    house.publish(None).await;
    house.advance(3600);
    house.settled().await;
    assert!(endpoint.is_silent());
    house.store.resume(house.clock.now(), house.account).await.unwrap();
    assert_eq!(endpoint.arrival().await.answer(200), 1);
}
