//! Searching messages.

use std::time::Duration;

use ringback_server::api::Limits;
use serde_json::{Value, json};

use crate::cast::Cast;
use crate::publishing::MESSAGES;
use crate::server::{ACCOUNT, CALLBACKS, OTHER, PUBLISH, Settings};

const UPGRADE: &str = "e3a8d88a-04c6-4ef3-b039-89b62f91e962";

impl Cast {
    /// A page of a search: the accounts and sequence numbers that it found, and where it goes on.
    async fn search(&self, bearer: &str, query: &str) -> (Vec<(String, u64)>, Option<String>) {
        let page = self.get(bearer, &format!("{MESSAGES}?{query}")).await.ok();
        (found(&page), page["next"].as_str().map(str::to_owned))
    }

    /// The sequence numbers of a search of [`ACCOUNT`] that fits on a page.
    async fn numbers(&self, query: &str) -> Vec<u64> {
        let (found, next) = self.search(&self.owner, query).await;
        assert_eq!(next, None);
        found.into_iter().map(|(_, sequence)| sequence).collect()
    }
}

fn found(page: &Value) -> Vec<(String, u64)> {
    let messages = page["messages"].as_array().unwrap();
    let place = |message: &Value| {
        (message["account"].as_str().unwrap().to_owned(), message["sequence"].as_u64().unwrap())
    };
    messages.iter().map(place).collect()
}

fn devices(devices: &[&str]) -> Value {
    let list: Vec<Value> = devices.iter().map(|device| json!({"deviceId": device})).collect();
    json!({"upgradeFinished": {"upgradeId": UPGRADE, "deviceList": list}})
}

fn upgrade(id: &str) -> Value {
    json!({"upgradeFinished": {"upgradeId": id}})
}

#[tokio::test]
async fn a_search_gives_the_newest_first_and_a_cursor_to_the_rest() {
    let cast = Cast::meet().await;
    for _ in 0..5 {
        cast.publish(ACCOUNT).await;
    }
    let (mut query, mut pages) = ("limit=2".to_owned(), Vec::new());
    loop {
        let (page, next) = cast.search(&cast.owner, &query).await;
        pages.push(page.into_iter().map(|(_, sequence)| sequence).collect::<Vec<_>>());
        let Some(next) = next else { break };
        query = format!("limit=2&cursor={next}");
    }
    assert_eq!(pages, [vec![5, 4], vec![3, 2], vec![1]]);
}

#[tokio::test]
async fn a_found_message_says_where_it_stands_and_not_what_it_says() {
    let cast = Cast::meet().await;
    let id = cast.publish(ACCOUNT).await;
    let page = cast.get(&cast.owner, MESSAGES).await.ok();
    assert_eq!(
        page,
        json!({"messages": [{
            "id": id, "account": ACCOUNT, "sequence": 1, "type": "upgradeFinished", "state": "pending",
            "acceptedAt": "2026-01-01T00:00:00Z", "attemptCount": 0, "waitsFor": "turn",
            "waiting": "it is being sent, or its turn comes as soon as there is room",
        }]})
    );
}

#[tokio::test]
async fn a_search_is_narrowed_by_state_type_and_time() {
    let cast = Cast::meet().await;
    for _ in 0..4 {
        cast.publish(ACCOUNT).await;
        cast.server.advance(Duration::from_secs(60));
    }
    let scheduled = json!({"type": "upgradeScheduled", "upgradeFinished": {}, "upgradeScheduled": {"upgradeId": UPGRADE}});
    cast.publish_with(ACCOUNT, &scheduled).await;
    cast.delivered(ACCOUNT, 2).await;
    cast.dead(ACCOUNT, 3).await;
    assert_eq!(cast.numbers("state=dead").await, [3]);
    assert_eq!(cast.numbers("state=delivered").await, [2]);
    assert_eq!(cast.numbers("state=pending").await, [5, 4, 1]);
    assert_eq!(cast.numbers("state=cancelled").await, [0; 0]);
    assert_eq!(cast.numbers("type=upgradeScheduled").await, [5]);
    assert_eq!(cast.numbers("since=2026-01-01T00:02:00Z").await, [5, 4, 3]);
    assert_eq!(cast.numbers("until=2026-01-01T00:02:00Z").await, [2, 1]);
    assert_eq!(
        cast.numbers("since=2026-01-01T01:01:00%2B01:00&until=2026-01-01T00:02:00.0001Z").await,
        [3, 2]
    );
    assert_eq!(cast.numbers("state=pending&type=upgradeFinished&until=2026-01-01T00:01:00Z").await, [1]);
}

#[tokio::test]
async fn an_upgrade_and_a_device_are_found_within_an_account() {
    let cast = Cast::meet().await;
    cast.publish_with(ACCOUNT, &devices(&["990000862471854", "990000862471855"])).await;
    cast.publish_with(ACCOUNT, &upgrade("00000000-04c6-4ef3-b039-89b62f91e962")).await;
    cast.publish_with(ACCOUNT, &devices(&["990000862471855"])).await;
    let account = format!("account={ACCOUNT}");
    assert_eq!(cast.numbers(&format!("{account}&upgradeId={}", UPGRADE.to_uppercase())).await, [3, 1]);
    assert_eq!(cast.numbers(&format!("{account}&device=990000862471854")).await, [1]);
    assert_eq!(cast.numbers(&format!("{account}&device=990000862471855&upgradeId={UPGRADE}")).await, [3, 1]);
    assert_eq!(cast.numbers(&format!("{account}&device=99000086247185")).await, [0; 0]);
    for query in ["upgradeId=x", "device=1"] {
        let answer = cast.get(&cast.owner, &format!("{MESSAGES}?{query}")).await;
        let message = answer.error(400, "INPUT_INVALID.Parameter.Invalid");
        assert!(message.contains("give account too"), "{message}");
    }
}

#[tokio::test]
async fn a_page_looks_into_a_bounded_number_of_bodies_and_says_where_to_go_on() {
    let limits = Limits { search_bodies: 4, search_step: 2, ..Limits::default() };
    let cast = Cast::meet_with(Settings { limits, ..Settings::default() }).await;
    cast.publish_with(ACCOUNT, &devices(&["1"])).await;
    for _ in 0..9 {
        cast.publish_with(ACCOUNT, &devices(&["2"])).await;
    }
    let query = format!("account={ACCOUNT}&device=1");
    let (first, next) = cast.search(&cast.owner, &query).await;
    assert!(first.is_empty());
    let (second, next) = cast.search(&cast.owner, &format!("{query}&cursor={}", next.unwrap())).await;
    assert!(second.is_empty());
    let (third, _) = cast.search(&cast.owner, &format!("{query}&cursor={}", next.unwrap())).await;
    assert_eq!(third, [(ACCOUNT.to_owned(), 1)]);
}

#[tokio::test]
async fn a_full_page_of_a_devices_messages_goes_on_behind_its_last() {
    let cast = Cast::meet().await;
    for _ in 0..3 {
        cast.publish_with(ACCOUNT, &devices(&["1"])).await;
        cast.publish_with(ACCOUNT, &devices(&["2"])).await;
    }
    let query = format!("account={ACCOUNT}&device=1&limit=2");
    let (first, next) = cast.search(&cast.owner, &query).await;
    assert_eq!(first, [(ACCOUNT.to_owned(), 5), (ACCOUNT.to_owned(), 3)]);
    let (second, next) = cast.search(&cast.owner, &format!("{query}&cursor={}", next.unwrap())).await;
    assert_eq!((second, next), (vec![(ACCOUNT.to_owned(), 1)], None));
}

#[tokio::test]
async fn searches_into_bodies_are_bounded_in_number_and_other_searches_go_on() {
    let limits = Limits { searches_at_once: 0, search_wait: Duration::from_millis(10), ..Limits::default() };
    let cast = Cast::meet_with(Settings { limits, ..Settings::default() }).await;
    let answer = cast.get(&cast.owner, &format!("{MESSAGES}?account={ACCOUNT}&device=1")).await;
    answer.error(429, "REQUEST_FAILED.TooManyRequests");
    assert_eq!(cast.numbers("").await, [0; 0]);
}

#[tokio::test]
async fn the_pages_of_all_searches_are_read_a_bounded_number_at_once() {
    let limits = Limits { search_reads: 0, search_wait: Duration::from_millis(10), ..Limits::default() };
    let cast = Cast::meet_with(Settings { limits, ..Settings::default() }).await;
    for query in ["", "?state=dead", &format!("?account={ACCOUNT}&device=1")] {
        let answer = cast.get(&cast.owner, &format!("{MESSAGES}{query}")).await;
        answer.error(429, "REQUEST_FAILED.TooManyRequests");
    }
    // One after the other they all get their turn.
    let limits = Limits { search_reads: 1, ..Limits::default() };
    let cast = Cast::meet_with(Settings { limits, ..Settings::default() }).await;
    cast.publish(ACCOUNT).await;
    let three = tokio::join!(cast.numbers(""), cast.numbers(""), cast.numbers(""));
    assert_eq!(three, (vec![1], vec![1], vec![1]));
}

#[tokio::test]
async fn pages_stay_as_they_are_while_messages_come_in_and_change_their_state() {
    let cast = Cast::meet().await;
    cast.server.register(OTHER).await;
    for account in [ACCOUNT, OTHER, ACCOUNT, OTHER, ACCOUNT] {
        cast.publish(account).await;
    }
    let (mut query, mut seen) = ("limit=1".to_owned(), Vec::new());
    loop {
        let (page, next) = cast.search(&cast.operator, &query).await;
        seen.extend(page);
        let Some(next) = next else { break };
        query = format!("limit=1&cursor={next}");
        cast.publish(ACCOUNT).await;
        cast.publish(OTHER).await;
        cast.delivered(ACCOUNT, 2).await;
    }
    let place = |account: &str, sequence| (account.to_owned(), sequence);
    let expected =
        [place(ACCOUNT, 3), place(OTHER, 2), place(ACCOUNT, 2), place(OTHER, 1), place(ACCOUNT, 1)];
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_search_finds_only_what_the_credential_reaches_whatever_it_asks_for() {
    let cast = Cast::meet().await;
    let third = "0000000042-00007";
    let two = cast.server.bearer("two", &[ACCOUNT, third], CALLBACKS).await;
    for account in [ACCOUNT, OTHER, third] {
        cast.server.register(account).await;
    }
    for account in [ACCOUNT, OTHER, third, OTHER, OTHER] {
        cast.publish(account).await;
    }
    let place = |account: &str| (account.to_owned(), 1);
    assert_eq!(cast.search(&cast.owner, "").await, (vec![place(ACCOUNT)], None));
    assert_eq!(cast.search(&two, "").await, (vec![place(third), place(ACCOUNT)], None));
    // Another's account has nothing to be found, like one that does not exist.
    for account in [OTHER, "9999999999-99999"] {
        assert_eq!(cast.search(&cast.owner, &format!("account={account}")).await, (vec![], None));
    }
    // A cursor is a place in a list, and no permission.
    let (_, cursor) = cast.search(&cast.operator, "limit=1").await;
    let cursor = cursor.unwrap();
    assert_eq!(cast.search(&two, &format!("cursor={cursor}")).await.0, [place(third), place(ACCOUNT)]);
    let (_, cursor) = cast.search(&cast.operator, &format!("account={OTHER}&limit=1")).await;
    let cursor = cursor.unwrap();
    assert_eq!(cast.search(&cast.owner, &format!("cursor={cursor}")).await.0, [place(ACCOUNT)]);
    assert_eq!(cast.search(&cast.owner, &format!("account={OTHER}&cursor={cursor}")).await.0, []);
}

#[tokio::test]
async fn a_publisher_finds_messages_too() {
    let cast = Cast::meet().await;
    cast.publish(ACCOUNT).await;
    let publisher = cast.server.bearer("p", &[ACCOUNT], PUBLISH).await;
    assert_eq!(cast.search(&publisher, "").await.0, [(ACCOUNT.to_owned(), 1)]);
}

#[tokio::test]
async fn what_is_wrong_with_a_query_is_named() {
    let cast = Cast::meet().await;
    let (_, of_all) = {
        cast.server.register(OTHER).await;
        cast.publish(ACCOUNT).await;
        cast.publish(OTHER).await;
        cast.search(&cast.operator, "limit=1").await
    };
    let of_all = format!("cursor={}", of_all.unwrap());
    for (query, named) in [
        ("stat=dead", "there is no parameter stat"),
        ("state=dead&state=dead", "state must be given once"),
        ("state=gone", "state must be one of pending, delivered, dead, cancelled"),
        ("type=ping", "type must be one of firmwareList"),
        ("since=yesterday", "since must be a date and time of RFC 3339"),
        ("until=2026-01-01T00:00:00+01:00", "until must be"),
        ("limit=0", "limit must be a whole number from 1 to 500"),
        ("limit=501", "limit must be a whole number from 1 to 500"),
        ("cursor=nonsense", "cursor must be the next"),
        ("cursor=", "cursor must be the next"),
        (of_all.as_str(), "cursor must be the next"),
    ] {
        let answer = cast.get(&cast.owner, &format!("{MESSAGES}?{query}")).await;
        let message = answer.error(400, "INPUT_INVALID.Parameter.Invalid");
        assert!(message.starts_with(named), "{query}: {message}");
    }
    let malformed = cast.get(&cast.owner, &format!("{MESSAGES}?account=x")).await;
    malformed.error(400, "INPUT_INVALID.Account.Invalid");
}
