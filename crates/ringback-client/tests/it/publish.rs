//! Publishing: one message, a batch, and a stream of batches.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use ringback_client::models::{CallbackEvent, Firmware, LineOutcome, PublishStatus};
use ringback_client::{
    Error, OutgoingMessage, PublishFailure, PublishSettings, Published, RequestOptions, RetrySettings,
};

use crate::server::{ACCOUNT, Reply, Seen, Server};

/// A message with the key `k<number>`.
fn message(number: usize) -> OutgoingMessage {
    let event = CallbackEvent::FirmwareList(vec![Firmware::default()]);
    let message = OutgoingMessage::new(ACCOUNT, event).expect("a message");
    message.with_idempotency_key(format!("k{number}")).expect("a key")
}

fn messages(count: usize) -> Vec<OutgoingMessage> {
    (0..count).map(message).collect()
}

/// The keys of the lines of a request.
fn keys(seen: &Seen) -> Vec<String> {
    let text = std::str::from_utf8(&seen.body).expect("text");
    text.lines()
        .map(|line| {
            OutgoingMessage::from_json(line.as_bytes()).expect("a message").idempotency_key().to_owned()
        })
        .collect()
}

/// Answers each line: accepted up to `accepted`, and with 503 from there on.
fn answers(seen: &Seen, accepted: usize) -> Reply {
    let lines: String = (1..=keys(seen).len())
        .map(|line| match line <= accepted {
            true => format!("{{\"line\":{line},\"code\":202,\"id\":\"m{line}\",\"sequence\":{line},\"status\":\"queued\"}}\n"),
            false => format!("{{\"line\":{line},\"code\":503,\"errorCode\":\"E\",\"errorMessage\":\"later\"}}\n"),
        })
        .collect();
    Reply::json(200, lines)
}

fn settings() -> PublishSettings {
    PublishSettings::new().batch_lines(2)
}

fn retrying() -> PublishSettings {
    settings().retry(RetrySettings::up_to(2).first_wait(Duration::ZERO))
}

async fn all(server: &Server, count: usize, settings: PublishSettings) -> Vec<Published> {
    server.client().messages().publish_all(stream::iter(messages(count)), settings).collect().await
}

fn result_keys(results: &[Published]) -> Vec<&str> {
    results.iter().map(|published| published.message.idempotency_key()).collect()
}

#[tokio::test]
async fn one_message_goes_with_its_key_inside() {
    let answer = r#"{"id":"m1","sequence":9,"status":"duplicate","state":"delivered"}"#;
    let server = Server::with_tokens(move |_, _| Reply::json(202, answer)).await;
    let response = server.client().messages().publish(&message(7)).await.expect("accepted");
    assert_eq!(response.result.status, PublishStatus::Duplicate);
    assert_eq!(response.result.sequence, Some(9));
    let call = &server.calls()[0];
    assert_eq!(call.line(), "POST /api/ringback/v1/messages");
    assert_eq!(call.header("content-type"), Some("application/json"));
    assert_eq!(keys(call), ["k7"]);
}

#[tokio::test]
async fn a_trace_goes_with_one_message_and_with_a_batch() {
    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let server = Server::with_tokens(|seen, _| match seen.header("content-type") {
        Some("application/json") => Reply::json(200, r#"{"status":"unregistered"}"#),
        _ => answers(seen, 2),
    })
    .await;
    let options = RequestOptions::new().traceparent(PARENT.parse().expect("a traceparent"));
    let traced = server.client().messages().with_options(options);
    traced.publish(&message(1)).await.expect("answered");
    traced.publish_batch(&messages(2)).await.expect("answered");
    server.client().messages().publish(&message(1)).await.expect("answered");
    let parents: Vec<_> =
        server.calls().iter().map(|call| call.header("traceparent").map(str::to_owned)).collect();
    assert_eq!(parents, [Some(PARENT.to_owned()), Some(PARENT.to_owned()), None]);
}

#[tokio::test]
async fn a_message_without_a_key_is_given_one() {
    let server = Server::with_tokens(|_, _| Reply::json(200, r#"{"status":"unregistered"}"#)).await;
    let json = format!(r#"{{"accountName":"{ACCOUNT}","type":"firmwareList"}}"#);
    let message = OutgoingMessage::from_json(json.as_bytes()).expect("a message");
    let response = server.client().messages().publish(&message).await.expect("answered");
    assert_eq!(response.result.status, PublishStatus::Unregistered);
    assert_eq!(keys(&server.calls()[0])[0].len(), 36);
}

#[tokio::test]
async fn a_batch_is_a_line_for_each_message_and_an_answer_for_each_line() {
    let server = Server::with_tokens(|seen, _| answers(seen, 2)).await;
    let response = server.client().messages().publish_batch(&messages(3)).await.expect("answered");
    let codes: Vec<_> = response.result.iter().map(|line| (line.line, line.code)).collect();
    assert_eq!(codes, [(1, 202), (2, 202), (3, 503)]);
    assert!(matches!(&response.result[2].outcome, LineOutcome::Error(error) if error.error_code == "E"));
    let call = &server.calls()[0];
    assert_eq!(call.header("content-type"), Some("application/x-ndjson"));
    assert_eq!(keys(call), ["k0", "k1", "k2"]);
}

#[tokio::test]
async fn answers_that_do_not_belong_to_the_lines_are_an_unreadable_body() {
    let one = r#"{"line":1,"code":200,"status":"unregistered"}"#;
    let second = r#"{"line":2,"code":200,"status":"unregistered"}"#;
    for body in [
        one.to_owned(),
        String::new(),
        format!("{second}\n{one}"),
        format!("{one}\n{second}\n{one}"),
        "{}".to_owned(),
    ] {
        let said = body.clone();
        let server = Server::with_tokens(move |_, _| Reply::json(200, said.clone())).await;
        let error = server.client().messages().publish_batch(&messages(2)).await.expect_err("unreadable");
        let Error::UnreadableBody { response, .. } = &error else { panic!("{error:?}") };
        assert_eq!(*response.body(), body);
    }
}

#[tokio::test]
async fn an_empty_batch_is_not_sent() {
    let server = Server::with_tokens(|_, _| Reply::empty(200)).await;
    let error = server.client().messages().publish_batch(&[]).await.expect_err("empty");
    assert!(matches!(error, Error::InvalidArgument(_)), "{error:?}");
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_stream_goes_in_batches_and_its_results_come_in_order() {
    let server = Server::with_tokens(|seen, _| answers(seen, 2)).await;
    let results = all(&server, 5, settings()).await;
    assert_eq!(result_keys(&results), ["k0", "k1", "k2", "k3", "k4"]);
    assert!(results.iter().all(|published| published.outcome.is_ok()));
    let batches: Vec<_> = server.calls().iter().map(keys).collect();
    assert_eq!(batches, [vec!["k0", "k1"], vec!["k2", "k3"], vec!["k4"]]);
}

#[tokio::test]
async fn a_batch_has_no_more_bytes_than_it_may() {
    let server = Server::with_tokens(|seen, _| answers(seen, 2)).await;
    let two = 2 * message(0).to_json().len() + 1;
    let results = all(&server, 2, settings().batch_bytes(two)).await;
    assert_eq!(results.len(), 2);
    assert_eq!(server.calls().len(), 2);
    all(&server, 2, settings().batch_bytes(two + 1)).await;
    assert_eq!(server.calls().len(), 3);
}

#[tokio::test]
async fn nothing_is_taken_or_sent_before_a_result_is_asked_for() {
    let server = Server::with_tokens(|seen, _| answers(seen, 0)).await;
    let taken = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&taken);
    let source = stream::iter(messages(100)).inspect(move |_| {
        counting.fetch_add(1, Ordering::Relaxed);
    });
    let mut results = server.client().messages().publish_all(source, settings());
    assert_eq!(taken.load(Ordering::Relaxed), 0);
    assert!(results.next().await.expect("a result").outcome.is_err());
    assert!(results.next().await.expect("a result").outcome.is_err());
    drop(results);
    assert_eq!(taken.load(Ordering::Relaxed), 2);
    assert_eq!(server.calls().len(), 1);
}

#[tokio::test]
async fn a_refused_message_has_its_own_failure_and_the_next_goes_on() {
    let server = Server::with_tokens(|seen, _| answers(seen, 1)).await;
    let results = all(&server, 4, settings()).await;
    let accepted: Vec<_> = results.iter().map(|published| published.outcome.is_ok()).collect();
    assert_eq!(accepted, [true, false, true, false]);
    let failure = results[1].outcome.as_ref().expect_err("refused");
    assert!(matches!(failure, PublishFailure::Refused { code: 503, .. }), "{failure:?}");
    assert!(failure.is_outcome_unknown());
}

#[tokio::test]
async fn what_was_refused_for_now_is_sent_again_before_anything_new() {
    let server = Server::with_tokens(|seen, before| answers(seen, if before == 0 { 1 } else { 2 })).await;
    let results = all(&server, 4, retrying()).await;
    assert!(results.iter().all(|published| published.outcome.is_ok()));
    assert_eq!(result_keys(&results), ["k0", "k1", "k2", "k3"]);
    let batches: Vec<_> = server.calls().iter().map(keys).collect();
    assert_eq!(batches, [vec!["k0", "k1"], vec!["k1"], vec!["k2", "k3"]]);
}

#[tokio::test]
async fn a_failed_request_is_sent_again_with_the_same_bytes() {
    let server = Server::with_tokens(|seen, before| match before {
        0 => Reply::empty(503),
        1 => Reply::Raw(Vec::new()),
        _ => answers(seen, 2),
    })
    .await;
    let results = all(&server, 2, retrying()).await;
    assert!(results.iter().all(|published| published.outcome.is_ok()));
    let calls = server.calls();
    assert_eq!(calls.len(), 3);
    assert!(calls.iter().all(|call| call.body == calls[0].body));
}

#[tokio::test]
async fn the_trying_ends_and_each_message_has_the_failure() {
    let server = Server::with_tokens(|_, _| Reply::empty(503)).await;
    let results = all(&server, 2, retrying()).await;
    assert_eq!(server.calls().len(), 3);
    for published in results {
        let failure = published.outcome.expect_err("failed");
        assert!(matches!(&failure, PublishFailure::Request(Error::Status { .. })), "{failure:?}");
        assert!(failure.is_outcome_unknown());
    }
}

#[tokio::test]
async fn a_stream_is_not_sent_again_unless_told_so() {
    let server = Server::with_tokens(|_, _| Reply::Raw(Vec::new())).await;
    let results = all(&server, 2, settings()).await;
    assert_eq!(results.len(), 2);
    assert_eq!(server.calls().len(), 1);
}

#[tokio::test]
async fn messages_can_come_through_a_channel() {
    let server = Server::with_tokens(|seen, _| answers(seen, 2)).await;
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    let mut results = server.client().messages().publish_channel(receiver, settings());
    let reader = tokio::spawn(async move {
        let mut keys = Vec::new();
        while let Some(published) = results.next().await {
            keys.push(published.message.idempotency_key().to_owned());
        }
        keys
    });
    for message in messages(5) {
        sender.send(message).await.expect("a reader");
    }
    drop(sender);
    assert_eq!(reader.await.expect("read"), ["k0", "k1", "k2", "k3", "k4"]);
}
