//! Publishing many messages at once.

use ringback_server::api::{Limits, PlaceLimits};
use ringback_store::sqlite;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::client::Answer;
use crate::publishing::{MESSAGES, Publisher, message, plain};
use crate::server::{ACCOUNT, OTHER, PATIENCE, PUBLISH, Server, Settings};

const NDJSON: &str = "application/x-ndjson";

async fn publisher() -> Publisher {
    Publisher::start(Settings::default()).await
}

async fn publish(publisher: &Publisher, body: impl Into<bytes::Bytes>) -> Answer {
    publisher.ask().body(NDJSON, body).send().await
}

fn codes(lines: &[Value]) -> Vec<u64> {
    lines.iter().map(|line| line["code"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn each_line_is_answered_in_order_with_the_single_answers_fields() {
    let publisher = publisher().await;
    let body = format!("{}\n{}\r\n{}", plain(ACCOUNT), plain(OTHER), plain(ACCOUNT));
    let lines = publish(&publisher, body).await.lines();
    assert_eq!(lines.len(), 3);
    assert_eq!(
        lines[0],
        json!({"line": 1, "code": 202, "id": lines[0]["id"], "sequence": 1, "status": "queued"})
    );
    assert_eq!(lines[1], json!({"line": 2, "code": 200, "status": "unregistered"}));
    assert_eq!((&lines[2]["line"], &lines[2]["sequence"]), (&json!(3), &json!(2)));
}

#[tokio::test]
async fn a_bad_line_fails_alone_with_its_number_and_what_is_wrong() {
    let publisher = publisher().await;
    let large = format!("{}{}", plain(ACCOUNT), " ".repeat(1 << 20));
    let mut huge = message(ACCOUNT, &json!({"note": "x".repeat(1 << 20)}));
    huge.push('\n');
    let body = format!("{}\n{{\n{large}\n{huge}{}\n", plain(ACCOUNT), plain(ACCOUNT));
    let lines = publish(&publisher, body).await.lines();
    assert_eq!(codes(&lines), [202, 400, 202, 413, 202]);
    assert_eq!(lines[1]["errorCode"], "INPUT_INVALID.Request.InvalidJson");
    assert_eq!(lines[3]["errorCode"], "INPUT_INVALID.Request.TooLarge");
    assert_eq!(lines[4]["line"], 5);
    assert_eq!(lines[4]["sequence"], 3);
}

#[tokio::test]
async fn blank_lines_are_passed_over_and_counted() {
    let publisher = publisher().await;
    let lines =
        publish(&publisher, format!("\n{}\n  \r\n{}\n\n", plain(ACCOUNT), plain(ACCOUNT))).await.lines();
    let numbers: Vec<_> = lines.iter().map(|line| line["line"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [2, 4]);
}

#[tokio::test]
async fn an_empty_body_is_400_request_undefined() {
    let publisher = publisher().await;
    for body in ["", "\n", " \n\n"] {
        publish(&publisher, body).await.error(400, "INPUT_INVALID.RequestUndefined");
    }
}

#[tokio::test]
async fn ten_thousand_lines_are_taken_and_one_more_is_413() {
    let publisher = publisher().await;
    let mut body = format!("{}\n", plain(ACCOUNT)).repeat(10_000);
    let lines = publish(&publisher, body.clone()).await.lines();
    assert_eq!(lines.len(), 10_000);
    for (sequence, line) in (1..).zip(&lines) {
        assert_eq!((&line["line"], &line["sequence"]), (&json!(sequence), &json!(sequence)));
    }
    body.push_str("{}");
    publish(&publisher, body).await.error(413, "INPUT_INVALID.Request.TooLarge");
}

#[tokio::test]
async fn more_than_16_mebibytes_are_413() {
    let publisher = publisher().await;
    publish(&publisher, vec![b' '; (16 << 20) + 1]).await.error(413, "INPUT_INVALID.Request.TooLarge");
}

#[tokio::test]
async fn a_header_key_is_400_and_the_lines_keys_count() {
    let publisher = publisher().await;
    let ask = publisher.ask().header("Idempotency-Key", "k").body(NDJSON, plain(ACCOUNT));
    ask.send().await.error(400, "INPUT_INVALID.IdempotencyKey.Invalid");
    let keyed = message(ACCOUNT, &json!({"idempotencyKey": "k"}));
    let other = message(ACCOUNT, &json!({"idempotencyKey": "k", "note": 1}));
    let lines = publish(&publisher, format!("{keyed}\n{keyed}\n{other}\n")).await.lines();
    assert_eq!(codes(&lines), [202, 202, 409]);
    assert_eq!(lines[1]["status"], "duplicate");
    assert_eq!(lines[1]["id"], lines[0]["id"]);
}

#[tokio::test]
async fn an_account_that_is_not_the_publishers_is_403_in_its_line() {
    let server = Server::start().await;
    let bearer = server.bearer("platform", &[ACCOUNT], PUBLISH).await;
    server.register(ACCOUNT).await;
    let body = format!("{}\n{}\n", plain(OTHER), plain(ACCOUNT));
    let lines = server.ask("POST", MESSAGES).bearer(&bearer).body(NDJSON, body).send().await.lines();
    assert_eq!(codes(&lines), [403, 202]);
    assert_eq!(lines[0]["errorCode"], "REQUEST_FAILED.AccountName");
}

#[tokio::test]
async fn after_the_first_429_the_lines_that_follow_get_it_without_being_tried() {
    let store = sqlite::Limits { pending_per_account: 3, free_space_reserve: 0, ..sqlite::Limits::default() };
    let limits = Limits { ndjson_chunk: 2, ..Limits::default() };
    let publisher = Publisher::start(Settings { store, limits, ..Settings::default() }).await;
    publisher.server.register(OTHER).await;
    // Chunks of two: the fourth line is refused, and what is behind its chunk is not even read.
    let mut body = format!("{}\n", plain(ACCOUNT)).repeat(4);
    body.push_str(&format!("{}\n{{\n", plain(OTHER)));
    let lines = publish(&publisher, body).await.lines();
    assert_eq!(codes(&lines), [202, 202, 202, 429, 429, 429]);
    assert_eq!(lines[5]["errorCode"], "REQUEST_FAILED.PendingMessages.LimitReached");
    assert_eq!(publisher.publish(plain(OTHER)).await.json()["sequence"], 1);
}

#[tokio::test]
async fn after_a_503_every_line_that_follows_is_503() {
    let store = sqlite::Limits { free_space_reserve: u64::MAX, ..sqlite::Limits::default() };
    let limits = Limits { ndjson_chunk: 2, ..Limits::default() };
    let publisher = Publisher::start(Settings { store, limits, ..Settings::default() }).await;
    let body = format!("{{\n{}", format!("{}\n", plain(ACCOUNT)).repeat(4));
    let lines = publish(&publisher, body).await.lines();
    assert_eq!(codes(&lines), [400, 503, 503, 503, 503]);
}

/// A publish whose body has yet to come.
struct Slow(TcpStream);

impl Slow {
    async fn begin(publisher: &Publisher) -> Self {
        let mut stream = TcpStream::connect(publisher.server.address()).await.unwrap();
        let head = format!(
            "POST {MESSAGES} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-type: {NDJSON}\r\n\
             content-length: {}\r\nexpect: 100-continue\r\nconnection: close\r\n\r\n",
            publisher.bearer,
            plain(ACCOUNT).len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        Self(stream)
    }

    /// Waits until the body is asked for: until the request has its place.
    async fn has_its_place(&mut self) {
        let expected = b"HTTP/1.1 100 Continue\r\n\r\n";
        let mut said = vec![0; expected.len()];
        let read = self.0.read_exact(&mut said);
        tokio::time::timeout(PATIENCE, read).await.expect("it gets a place in time").unwrap();
        assert_eq!(said, expected);
    }

    async fn end(mut self) {
        self.0.write_all(plain(ACCOUNT).as_bytes()).await.unwrap();
        let mut said = String::new();
        self.0.read_to_string(&mut said).await.unwrap();
        assert!(said.starts_with("HTTP/1.1 200 "), "{said}");
    }
}

#[tokio::test]
async fn the_slow_bodies_of_one_credential_leave_places_for_others_and_its_own_wait_their_turn() {
    let limits = Limits { ndjson_at_once: PlaceLimits { in_all: 3, each: 2 }, ..Limits::default() };
    let publisher = Publisher::start(Settings { limits, ..Settings::default() }).await;
    let (mut one, mut two) = (Slow::begin(&publisher).await, Slow::begin(&publisher).await);
    one.has_its_place().await;
    two.has_its_place().await;
    let mut three = Slow::begin(&publisher).await;
    let other = publisher.server.bearer("other", &[ACCOUNT], PUBLISH).await;
    for _ in 0..3 {
        let ask = publisher.server.ask("POST", MESSAGES).bearer(&other).body(NDJSON, plain(ACCOUNT));
        let answer = tokio::time::timeout(PATIENCE, ask.send()).await.expect("there is a place for others");
        assert_eq!(codes(&answer.lines()), [202]);
    }
    one.end().await;
    three.has_its_place().await;
    three.end().await;
    two.end().await;
}
