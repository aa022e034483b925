//! What counts as an answer.

use http::HeaderValue;
use ringback_delivery::{Failure, Outcome};

use super::{
    server::{Endpoint, Seen, Then},
    *,
};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

fn impatient() -> Sender {
    sender(SenderSettings { timeout: SHORT, ..settings() })
}

fn answered(status: u16) -> Outcome {
    Outcome::Answered { status, retry_after: None }
}

async fn report(answer: &'static str, then: Then) -> SendReport {
    let endpoint = Endpoint::start(answer, then).await;
    sender(settings()).send(post(&endpoint.url())).await
}

#[tokio::test]
async fn what_is_sent_is_the_headers_and_the_body() {
    let mut endpoint = Endpoint::start("HTTP/1.1 204 No Content\r\n\r\n", Then::KeepOpen).await;
    let mut callback = post(&endpoint.url());
    callback.headers.insert("webhook-id", HeaderValue::from_static("msg_1"));
    assert_eq!(sender(settings()).send(callback).await.outcome, answered(204));
    let address = endpoint.address;
    assert_eq!(
        endpoint.request().await,
        format!(
            "POST /hook HTTP/1.1\r\nwebhook-id: msg_1\r\nhost: {address}\r\ncontent-length: 2\r\n\r\n{{}}"
        )
    );
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let answer = "HTTP/1.1 307 Temporary Redirect\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n";
    let mut endpoint = Endpoint::start(answer, Then::KeepOpen).await;
    let report = sender(settings()).send(post(&endpoint.url())).await;
    assert_eq!(report.outcome, answered(307));
    assert_eq!(endpoint.seen().iter().filter(|seen| matches!(seen, Seen::Request(_))).count(), 1);
}

#[tokio::test]
async fn retry_after_comes_along() {
    let answer = "HTTP/1.1 429 Too Many\r\nretry-after: 7\r\ncontent-length: 4\r\n\r\nslow";
    let report = report(answer, Then::KeepOpen).await;
    let retry_after = Some(Duration::from_secs(7));
    assert_eq!(report.outcome, Outcome::Answered { status: 429, retry_after });
    assert_eq!(report.excerpt.as_deref(), Some(b"slow".as_slice()));
    assert_eq!(report.error, None);
}

#[tokio::test]
async fn no_answer_in_time_is_a_timeout_and_closes_the_connection() {
    let mut endpoint = Endpoint::start("", Then::Wait).await;
    let report = impatient().send(post(&endpoint.url())).await;
    assert_eq!(report.outcome, Outcome::Failed(Failure::Timeout));
    assert_eq!(report.error.as_deref(), Some("no response came in time"));
    while endpoint.saw().await != Seen::Ended {}
}

#[tokio::test]
async fn a_status_without_the_end_of_its_response_is_a_timeout() {
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\ndrip";
    let mut endpoint = Endpoint::start(answer, Then::Wait).await;
    let report = impatient().send(post(&endpoint.url())).await;
    assert_eq!(report.outcome, Outcome::Failed(Failure::Timeout));
    assert_eq!(report.error.as_deref(), Some("the response did not end in time"));
    assert_eq!(report.excerpt.as_deref(), Some(b"drip".as_slice()));
    while endpoint.saw().await != Seen::Ended {}
}

#[tokio::test]
async fn a_head_that_never_ends_is_too_large() {
    let report = report("HTTP/1.1 200 OK\r\nx: ", Then::Repeat(&[b'x'; 4096])).await;
    assert_eq!(report.outcome, Outcome::Failed(Failure::Protocol));
    assert_eq!(report.error.as_deref(), Some("the response's head is too large"));
}

#[tokio::test]
async fn too_many_header_fields_are_refused() {
    let report = report("HTTP/1.1 200 OK\r\n", Then::Repeat(b"a: b\r\n")).await;
    assert_eq!(report.outcome, Outcome::Failed(Failure::Protocol));
    assert_eq!(report.error.as_deref(), Some("the response's head is too large"));
}

#[tokio::test]
async fn an_endless_body_is_read_to_a_bound_and_its_status_counts() {
    let mut endpoint = Endpoint::start("HTTP/1.1 200 OK\r\n\r\n", Then::Repeat(&[b'x'; 4096])).await;
    let report = sender(settings()).send(post(&endpoint.url())).await;
    assert_eq!(report.outcome, answered(200));
    assert_eq!(report.excerpt, Some(vec![b'x'; 1024]));
    // The endpoint can't write any more: the connection is closed.
    while endpoint.saw().await != Seen::Ended {}
}

#[tokio::test]
async fn a_body_that_is_cut_off_is_no_answer() {
    let report = report("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", Then::Close).await;
    assert_eq!(report.outcome, Outcome::Failed(Failure::Protocol));
    assert_eq!(report.excerpt.as_deref(), Some(b"half".as_slice()));
}

#[tokio::test]
async fn a_body_without_a_length_ends_with_its_connection() {
    assert_eq!(report("HTTP/1.0 200 OK\r\n\r\nall of it", Then::Close).await.outcome, answered(200));
}

#[tokio::test]
async fn what_is_not_http_is_a_protocol_failure() {
    let report = report("SSH-2.0-OpenSSH_9.6\r\n\r\n", Then::Close).await;
    assert_eq!(report.outcome, Outcome::Failed(Failure::Protocol));
    assert_eq!(report.error.as_deref(), Some("what came back was not HTTP/1.1"));
}

#[tokio::test]
async fn a_request_that_was_begun_is_not_repeated() {
    let mut endpoint = Endpoint::start(OK, Then::CloseOnTheNext).await;
    let sender = sender(settings());
    assert_eq!(sender.send(post(&endpoint.url())).await.outcome, answered(200));
    let report = sender.send(post(&endpoint.url())).await;
    assert_eq!(report.outcome, Outcome::Failed(Failure::Protocol));
    assert!(report.error.is_some_and(|reason| reason.contains("closed before the whole response")));
    let requests = endpoint.seen().iter().filter(|seen| matches!(seen, Seen::Request(_))).count();
    assert_eq!(requests, 2);
}

#[tokio::test]
async fn informational_answers_are_not_the_answer() {
    let answer = "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n";
    assert_eq!(report(answer, Then::KeepOpen).await.outcome, answered(201));
}

#[tokio::test]
async fn a_compressed_body_stays_as_it_came() {
    let answer = "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 3\r\n\r\n\x1f\x01\x02";
    assert_eq!(report(answer, Then::KeepOpen).await.excerpt.as_deref(), Some(b"\x1f\x01\x02".as_slice()));
}
