//! What is damaged in the store stands still, and nothing else does.

use std::time::Duration;

use ringback_testbed::looking;
use rusqlite::Connection;

use super::endpoint::Endpoint;
use super::house::House;

const PATIENCE: Duration = Duration::from_secs(20);

async fn until_nothing_waits(house: &House) {
    let look = async || match house.pending().await {
        0 => Ok(()),
        pending => Err(format!("{pending} wait")),
    };
    looking::within(PATIENCE, "all to be recorded", look).await;
}

#[tokio::test]
async fn an_outcome_that_can_not_be_recorded_holds_up_no_other_account() {
    let (mut house, mut endpoint) = (House::build().await, Endpoint::start().await);
    let damaged = house.account;
    house.register(endpoint.url("/damaged")).await;
    house.publish(None).await;
    let arrival = endpoint.arrival().await;
    let database = Connection::open(house.database()).unwrap();
    let rename = |from: u64, to: u64| {
        let sql = "UPDATE message SET sequence = ?3 WHERE account = ?1 AND sequence = ?2";
        assert_eq!(database.execute(sql, [damaged.number(), from, to]).unwrap(), 1);
    };
    rename(1, 1001);
    arrival.answer(200);

    house.account = "0252012345-00002".parse().unwrap();
    house.register(endpoint.url("/well")).await;
    for _ in 0..3 {
        house.publish(None).await;
        let arrival = endpoint.arrival().await;
        assert_eq!(arrival.path, "/well");
        arrival.answer(200);
    }
    until_nothing_waits(&house).await;

    // The damaged account stands still: what can't be recorded of it stays little.
    let well = std::mem::replace(&mut house.account, damaged);
    house.publish(None).await;
    house.account = well;
    house.publish(None).await;
    let arrival = endpoint.arrival().await;
    assert_eq!(arrival.path, "/well");
    arrival.answer(200);
    until_nothing_waits(&house).await;
    assert!(endpoint.is_silent());

    // Once that is put right, it goes on: after a restart with what was not recorded.
    rename(1001, 1);
    house.account = damaged;
    let house = house.restart().await;
    for _ in 0..2 {
        endpoint.arrival().await.answer(200);
    }
    until_nothing_waits(&house).await;
}
