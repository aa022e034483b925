//! `ringback listen`: on a port, and by reading from the server.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::api::{Api, message};
use crate::house::{ACCOUNT, House};
use crate::program::{Program, failure};
use crate::receiver::Receiver;

const PULL: [&str; 4] = ["listen", "--pull", ACCOUNT, "--json"];
/// Of [`ACCOUNT`].
const KEY_PATH: &str = "/api/ringback/v1/accounts/0242078689-00001/signing-key";

/// The next line that is a callback's.
#[track_caller]
fn callback(listener: &mut Program) -> Value {
    serde_json::from_str(&listener.line_with("{\"id\":")).unwrap()
}

/// Sends a callback with a signature that is of no key; gives the answer.
fn forge(address: &str) -> String {
    let mut answer = String::new();
    send_forged(address).read_to_string(&mut answer).unwrap();
    answer
}

/// The same, and waits for no answer.
fn send_forged(address: &str) -> TcpStream {
    let now = jiff::Timestamp::now().as_second();
    let signature = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!(
        "POST / HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\nwebhook-id: forged\r\n\
         webhook-timestamp: {now}\r\nwebhook-signature: v1,{signature}\r\ncontent-length: 2\r\n\r\n{{}}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

/// Makes a new key for the account; the old one signs nothing from now on.
async fn rotate_the_key(house: &House) {
    let api = Api::new(&house.url);
    let tokens = api.log_in(&house.secrets).await;
    let rotate = format!("{KEY_PATH}/rotate");
    let (status, answer) = api.post(&rotate, &tokens, &json!({"overlapSeconds": 0})).await;
    assert_eq!(status.as_u16(), 200, "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pulling_takes_up_where_it_left_off() {
    let house = House::start();
    let mut listener = house.start_program(&PULL);
    listener.line_with("behind #0; pull is on");
    let first = house.publish("one");
    let told = callback(&mut listener);
    assert_eq!((&told["sequence"], &told["state"]), (&Value::from(1), &Value::from("pending")), "{told}");
    assert_eq!(told["id"], first.as_str());
    assert_eq!(told["message"]["firmwareList"][0]["firmwareName"], "one");
    house.publish("two");
    assert_eq!(callback(&mut listener)["sequence"], 2);
    assert!(listener.stop().success());
    house.told(&first, "It has arrived: it was read back and acknowledged").await;

    house.publish("three");
    let mut listener = house.start_program(&PULL);
    listener.line_with("behind #2");
    assert_eq!(callback(&mut listener)["sequence"], 3, "one and two do not come again");
    // Killed before it could say so, it is given the third again, and nothing is lost.
    listener.kill();
    house.publish("four");
    let mut listener = house.start_program(&PULL);
    let next = callback(&mut listener)["sequence"].as_u64().unwrap();
    if next == 3 {
        assert_eq!(callback(&mut listener)["sequence"], 4);
    } else {
        assert_eq!(next, 4);
    }
    listener.signal(Signal::INT);
    assert!(listener.ended().0.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn pulling_goes_on_after_the_server_was_away() {
    let mut house = House::start();
    let mut listener = house.start_program(&PULL);
    listener.line_with("pull is on");
    house.publish("one");
    assert_eq!(callback(&mut listener)["sequence"], 1);
    assert!(house.server.stop().success());
    listener.line_with("trying again in");
    let address = house.url.strip_prefix("http://").unwrap().to_owned();
    house.server = crate::house::serve(house.folder(), &address).0;
    house.publish("two");
    assert_eq!(callback(&mut listener)["sequence"], 2);
    assert!(listener.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_pulled_is_passed_on_signed_and_acknowledged_only_once_it_was_taken() {
    let house = House::start();
    let application = Receiver::answering(500).await;
    let url = application.url();
    let mut listener = house.start_program(&[&PULL[..], &["--forward", &url]].concat());
    listener.line_with("pull is on");
    let id = house.publish("one");
    application.requests(1).await;
    assert_eq!(callback(&mut listener)["forwardStatus"], 500);
    application.answer(204);
    let requests = application.requests(2).await;
    // Those that were answered with 500 meanwhile are told of too.
    while callback(&mut listener)["forwardStatus"] != 204 {}
    let secret = house.signing_key().await;
    for request in &requests {
        assert!(request.is_signed_with(&secret));
        assert_eq!((request.header("webhook-id"), request.header("ringback-sequence")), (id.as_str(), "1"));
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        assert_eq!(
            (&body["username"], &body["firmwareList"][0]["firmwareName"]),
            (&"".into(), &"one".into())
        );
    }
    house.told(&id, "It has arrived").await;
    assert!(listener.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_pulled_is_passed_on_with_the_new_key_once_the_old_one_is_refused() {
    let house = House::start();
    let application = Receiver::answering(204).await;
    let url = application.url();
    let mut listener = house.start_program(&[&PULL[..], &["--forward", &url]].concat());
    listener.line_with("pull is on");
    house.publish("one");
    assert_eq!(callback(&mut listener)["forwardStatus"], 204);
    let old = house.signing_key().await;
    rotate_the_key(&house).await;
    let new = house.signing_key().await;
    application.answer(401);
    let id = house.publish("two");
    assert_eq!(callback(&mut listener)["forwardStatus"], 401);
    application.answer(204);
    while callback(&mut listener)["forwardStatus"] != 204 {}
    let requests = application.requests(4).await;
    assert!(requests[0].is_signed_with(&old) && requests[1].is_signed_with(&old));
    assert!(requests[2..].iter().all(|request| request.is_signed_with(&new)), "{requests:?}");
    house.told(&id, "It has arrived").await;
    assert!(listener.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn callbacks_are_passed_on_as_they_came_and_the_answer_is_passed_back() {
    let house = House::start();
    let application = Receiver::answering(418).await;
    let url = application.url();
    // The key comes from the server, with the credentials.
    let args = ["listen", "--port", "0", "--account", ACCOUNT, "--forward", &url, "--json"];
    let mut listener = house.start_program(&args);
    let listening = listener.url();
    house.register(&format!("{listening}/some/path"));
    let id = house.publish("one");
    let told = callback(&mut listener);
    assert_eq!((&told["verified"], &told["forwardStatus"]), (&true.into(), &418.into()), "{told}");
    let requests = application.requests(1).await;
    assert!(requests[0].is_signed_with(&house.signing_key().await), "not a byte is changed");
    assert_eq!(requests[0].header("webhook-id"), id);
    assert_eq!(requests[0].header("ringback-attempt"), "1");
    house.told(&id, "tried once, last with").await;
    let told = house.printed(&["messages", "show", &id]);
    assert!(told.contains("418"), "{told}");

    // What is not signed is refused, and not passed on.
    let api = Api::new(&listening);
    let (status, _) = api.post("/", &Default::default(), &message(ACCOUNT, "forged")).await;
    assert_eq!(status.as_u16(), 401);
    assert_eq!(callback(&mut listener)["verified"], false);
    application.answer(204);
    house.printed(&["messages", "replay", &id]);
    assert_eq!(callback(&mut listener)["forwardStatus"], 204);
    assert_eq!(application.requests(2).await.len(), 2);
    assert!(listener.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_key_is_asked_for_once_and_a_forger_does_not_make_it_ask_again() {
    let mut house = House::start_with(&["--log", "debug", "--log-format", "json"]);
    let mut listener = house.start_program(&["listen", "--port", "0", "--account", ACCOUNT, "--json"]);
    let url = listener.url();
    house.register(&url);
    house.publish("one");
    assert_eq!(callback(&mut listener)["verified"], true);

    rotate_the_key(&house).await;
    let id = house.publish("two");
    let told = callback(&mut listener);
    assert_eq!((&told["id"], &told["verified"]), (&id.as_str().into(), &true.into()), "{told}");
    assert_eq!(told["attempt"], 1, "{told}");

    for _ in 0..3 {
        let answer = forge(url.strip_prefix("http://").unwrap());
        assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
        assert_eq!(callback(&mut listener)["verified"], false);
    }
    assert!(listener.stop().success());
    house.server.signal(Signal::TERM);
    let (_, lines) = house.server.ended();
    let asked = format!("\"path\":\"{KEY_PATH}\"");
    let times = house.server.seen().iter().chain(&lines).filter(|line| line.contains(&asked)).count();
    assert_eq!(times, 2, "at the start, and after the rotation");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forger_that_does_not_wait_for_the_answer_does_not_keep_the_new_key_away() {
    let house = House::start();
    let mut listener = house.start_program(&["listen", "--port", "0", "--account", ACCOUNT, "--json"]);
    let url = listener.url();
    house.register(&url);
    rotate_the_key(&house).await;
    drop(send_forged(url.strip_prefix("http://").unwrap()));
    let id = house.publish("one");
    let told = loop {
        let told = callback(&mut listener);
        if told["id"] == id.as_str() {
            break told;
        }
    };
    assert_eq!((&told["verified"], &told["attempt"]), (&true.into(), &1.into()), "{told}");
    assert!(listener.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_answers_with_the_status_that_it_was_given_and_after_the_delay() {
    let house = House::start();
    let args = ["listen", "--port", "0", "--status", "500", "--delay", "200ms"];
    let mut listener = house.start_program(&args);
    let url = listener.url();
    listener.line_with("signatures are not verified");
    house.register(&url);
    let id = house.publish("one");
    listener.line_with("signature not checked, attempt 1");
    let told = house.told(&id, "tried once, last with").await;
    assert!(told.contains("500"), "{told}");
    let shown = house.json(&["messages", "show", &id]);
    let took = shown["attempts"][0]["durationMs"].as_u64().unwrap();
    assert!(took >= 200, "{took}");
    assert!(listener.stop().success());
}

#[test]
fn what_can_not_go_together_is_usage_and_an_account_wants_a_server() {
    let house = House::start();
    for args in [
        &["listen", "--pull", ACCOUNT, "--port", "0"][..],
        &["listen", "--pull", ACCOUNT, "--status", "500"],
        &["listen", "--pull", ACCOUNT, "--replace"],
        &["listen", "--pull", ACCOUNT, "--public-url", "http://127.0.0.1:9/"],
        &["listen", "--register", ACCOUNT],
        &["listen", "--replace"],
        &["listen", "--status", "1000"],
        &["listen", "--port", "0", "--forward", "127.0.0.1:3000"],
    ] {
        assert_eq!(house.run(args, "").status.code(), Some(2), "{args:?}");
    }
    let lonely = crate::program::run(house.folder(), &["listen", "--port", "0", "--account", ACCOUNT]);
    let (code, line) = failure(&lonely);
    assert_eq!(code, 3, "{line}");
    for args in [
        &["listen", "--pull", "0242078689-00009"][..],
        &["listen", "--port", "0", "--account", "0242078689-00009"],
    ] {
        let (code, line) = failure(&house.run(args, ""));
        assert_eq!(code, 5, "another's account: {line}");
    }
}
