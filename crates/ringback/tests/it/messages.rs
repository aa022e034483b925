//! `ringback messages list`, `show` and `replay`.

use serde_json::Value;

use crate::house::{ACCOUNT, House};
use crate::program::failure;
use crate::receiver::Receiver;

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_did_not_arrive_says_why_and_is_replayed_once_that_is_put_right() {
    let house = House::start();
    let receiver = Receiver::answering(500).await;
    house.register(&receiver.url());
    let id = house.publish("one");
    receiver.requests(1).await;
    let told = house.told(&id, "It waits: it was tried once, last with").await;
    assert!(told.contains("accepted") && told.contains("attempt 1") && told.contains("500"), "{told}");
    assert!(told.contains("  next attempt") && told.contains("; next attempt in"), "{told}");
    let listed = house.json(&["messages", "list", "--state", "pending", "--account", ACCOUNT]);
    assert_eq!(listed["messages"][0]["id"], id.as_str());
    assert_eq!(listed["messages"][0]["attemptCount"], 1);

    receiver.answer(204);
    let said = house.printed(&["messages", "replay", &id]);
    assert!(said.contains("tried now"), "{said}");
    receiver.requests(2).await;
    let told = house.told(&id, "It has arrived, at attempt 2").await;
    assert!(told.contains("delivered"), "{told}");

    let count = ["messages", "replay", "--account", ACCOUNT, "--state", "delivered", "--since", "1h"];
    let counted = house.printed(&[&count[..], &["--dry-run"]].concat());
    assert_eq!(counted.trim(), "1 message would be sent again");
    let dead = house.json(&["messages", "replay", "--account", ACCOUNT, "--dry-run"]);
    assert_eq!(dead["count"], 0, "nothing is dead");
    let begun = house.json(&count);
    assert_eq!(begun["count"], 1);
    let again = receiver.requests(3).await;
    assert_eq!(again[2].header("ringback-replay"), "true");
    assert_eq!(again[2].header("webhook-id"), id);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_chooses_among_an_accounts_messages_is_refused_beside_an_id_and_sends_nothing() {
    let house = House::start();
    let receiver = Receiver::answering(204).await;
    house.register(&receiver.url());
    let id = house.publish("one");
    house.told(&id, "It has arrived, at attempt 1").await;
    for choice in [&["--dry-run"][..], &["--state", "dead"], &["--since", "1h"], &["--until", "1h"]] {
        let refused = house.run(&[&["messages", "replay", &id], choice].concat(), "");
        assert_eq!(refused.status.code(), Some(2), "{choice:?}");
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(said.contains(choice[0]) && said.contains("[ID]"), "{said}");
    }
    assert_eq!(house.json(&["messages", "show", &id])["attemptCount"], 1, "nothing was sent again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_says_that_nothing_goes_while_the_account_is_paused() {
    let house = House::start();
    let receiver = Receiver::answering(204).await;
    house.register(&receiver.url());
    let arrived = house.publish("one");
    house.told(&arrived, "It has arrived").await;
    house.pause().await;

    let waits = house.publish("two");
    let said = house.printed(&["messages", "replay", &waits]);
    assert!(said.contains("is not tried") && said.contains("paused"), "{said}");
    let said = house.printed(&["messages", "replay", &arrived]);
    assert!(said.contains("once its account is resumed"), "{said}");
    let said = house.printed(&["messages", "replay", "--account", ACCOUNT, "--state", "pending"]);
    assert_eq!(said.trim(), "sending 2 messages again once the account is resumed: it is paused");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_narrowed_and_goes_on_where_it_ended() {
    let house = House::start();
    let receiver = Receiver::answering(204).await;
    house.register(&receiver.url());
    let ids: Vec<String> = ["one", "two", "three"].map(|key| house.publish(key)).into();
    receiver.requests(3).await;
    let first = house.json(&["messages", "list", "--limit", "2"]);
    let id = |list: &Value, at: usize| list["messages"][at]["id"].as_str().unwrap().to_owned();
    assert_eq!([id(&first, 0), id(&first, 1)], [ids[2].clone(), ids[1].clone()], "the newest first");
    let next = first["next"].as_str().unwrap();
    let second = house.json(&["messages", "list", "--limit", "2", "--cursor", next]);
    assert_eq!(id(&second, 0), ids[0]);
    let none = house.json(&["messages", "list", "--type", "upgradeFinished"]);
    assert_eq!(none["messages"], Value::Array(Vec::new()));
    let until = house.json(&["messages", "list", "--until", "1h"]);
    assert_eq!(until["messages"], Value::Array(Vec::new()), "an hour ago there was none");
    let table = house.printed(&["messages", "list"]);
    assert!(table.starts_with("ACCEPTED") && table.contains(&ids[0]), "{table}");
    let about = house.json(&["messages", "list", "--account", ACCOUNT, "--device", "990003425730535"]);
    assert_eq!(about["messages"], Value::Array(Vec::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_waits_for_a_listener_to_come_back_says_that_its_account_is_held_up() {
    let house = House::start();
    let receiver = Receiver::answering(410).await;
    house.register(&receiver.url());
    let id = house.publish("one");
    let told = house.told(&id, "; suspended since").await;
    assert!(told.contains("410"), "{told}");
}

#[test]
fn what_there_is_not_is_refused_and_what_can_not_be_typed_is_usage() {
    let house = House::start();
    let (code, line) = failure(&house.run(&["messages", "show", "msg_00000000000000000000000000"], ""));
    assert_eq!(code, 5, "{line}");
    for args in [
        &["messages", "replay"][..],
        &["messages", "replay", "x", "--account", ACCOUNT],
        &["messages", "replay", "--dry-run"],
        &["messages", "list", "--state", "lost"],
        &["messages", "list", "--since", "yesterday"],
    ] {
        assert_eq!(house.run(args, "").status.code(), Some(2), "{args:?}");
    }
    let wrong = house.run(&["callbacks", "list", "242078689-1"], "");
    let (code, line) = failure(&wrong);
    assert_eq!(code, 2, "{line}");
    assert!(line.contains("##########-#####"), "{line}");
}
