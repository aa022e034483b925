//! `ringback verify`.

use ringback_testbed::looking;
use serde_json::Value;
use tempfile::tempdir;

use crate::house::{ACCOUNT, House};
use crate::program::{PATIENCE, failure, run};
use crate::receiver::Receiver;

const VERIFY: [&str; 3] = ["verify", "--store", "sqlite:ringback.db"];

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_in_order_is_said_to_be_beside_its_server_and_without_it() {
    let mut house = House::start();
    let receiver = Receiver::answering(204).await;
    house.register(&receiver.url());
    let id = house.publish("one");
    house.told(&id, "It has arrived").await;
    let report = house.json(&VERIFY);
    assert_eq!(report["ok"], true, "{report}");
    assert_eq!(report["accounts"], 1);
    assert_eq!(report["counts"]["accepted"], 1);
    assert_eq!(report["counts"]["delivered"], 1);
    assert_eq!(report["discrepancies"], Value::Array(Vec::new()));
    assert!(house.server.stop().success());
    let said = house.printed(&VERIFY);
    assert!(said.contains("delivered: 1") && said.contains("All is right"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_in_a_store_is_named_and_ends_with_9() {
    let mut house = House::start();
    let receiver = Receiver::answering(204).await;
    house.register(&receiver.url());
    let id = house.publish("one");
    house.told(&id, "It has arrived").await;
    assert!(house.server.stop().success());
    let database = rusqlite::Connection::open(house.folder().join("ringback.db")).unwrap();
    database.execute("UPDATE lane SET delivered = delivered + 1", []).unwrap();
    drop(database);

    let output = house.run(&VERIFY, "");
    let (code, line) = failure(&output);
    assert_eq!(code, 9, "{line}");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains(&format!("WRONG: {ACCOUNT}: ")) && said.contains("delivered"), "{said}");
    let output = house.run(&[&VERIFY[..], &["--json"]].concat(), "");
    assert_eq!(output.status.code(), Some(9));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["ok"], false);
    assert_eq!(report["discrepancies"][0]["account"], ACCOUNT);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_past_its_retention_goes_and_is_still_accounted_for() {
    const THREE_DAYS: i64 = 3 * 24 * 3600 * 1000;
    let house = House::start_with(&["--retain-finished", "2days"]);
    let receiver = Receiver::answering(204).await;
    house.register(&receiver.url());
    let id = house.publish("one");
    house.told(&id, "It has arrived").await;
    let database = rusqlite::Connection::open(house.folder().join("ringback.db")).unwrap();
    database.busy_timeout(PATIENCE).unwrap();
    database.execute("UPDATE body SET accepted_at = accepted_at - ?1", [THREE_DAYS]).unwrap();
    database.execute("UPDATE message SET finished_at = finished_at - ?1", [THREE_DAYS]).unwrap();
    let show = async || match house.run(&["messages", "show", &id], "") {
        shown if shown.status.success() => Err(String::from_utf8_lossy(&shown.stdout).into_owned()),
        _ => Ok(()),
    };
    looking::until("the message to be gone", show).await;
    let report = house.json(&VERIFY);
    assert_eq!((&report["ok"], &report["counts"]["accepted"]), (&true.into(), &1.into()), "{report}");
    assert_eq!(report["counts"]["droppedDelivered"], 1);
}

#[test]
fn a_database_that_is_not_there_is_not_made() {
    let folder = tempdir().unwrap();
    let (code, line) = failure(&run(folder.path(), &VERIFY));
    assert_eq!(code, 8, "{line}");
    assert!(line.contains("there is no database"), "{line}");
    assert!(!folder.path().join("ringback.db").exists());
    let (code, line) = failure(&run(folder.path(), &["verify", "--store", "ringback.db"]));
    assert_eq!(code, 3, "{line}");
}
