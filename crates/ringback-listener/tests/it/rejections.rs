//! What is refused, with which status, and that nothing is said about why a check failed.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http::{Method, Request, StatusCode, header};
use ringback_listener::{Check, DEFAULT_BODY_LIMIT, Listener, ManualClock};
use ringback_wire::signature::SigningKey;
use tower::ServiceExt as _;

use crate::cast::{ACCOUNT, KEY, NOW, OTHER_KEY, Post, diarist, send};

#[tokio::test]
async fn every_failed_check_is_401_with_the_same_text_and_never_reaches_the_handler() {
    let check = Check::signature([KEY]).unwrap().and_credentials("fota-user", "fota-pass").unwrap();
    let (listener, diary, _) = diarist(check);
    let (key, other) = (SigningKey::parse(KEY).unwrap(), SigningKey::parse(OTHER_KEY).unwrap());
    let ping = || Post::ping();
    let mut changed = ping().signed("msg_1", &key, NOW);
    changed.body.push(' ');
    let stranger = Post::new(ping().body.replace("fota-pass", "fota-path"));
    let nobody = Post::new(format!(r#"{{"accountName":"{ACCOUNT}","type":"ping"}}"#));
    for (what, post) in [
        ("no header", ping()),
        ("only an id", ping().id("msg_1")),
        ("another key", ping().signed("msg_1", &other, NOW)),
        ("a changed body", changed),
        ("too old", ping().signed("msg_1", &key, NOW - 301)),
        ("too new", ping().signed("msg_1", &key, NOW + 301)),
        ("another password", stranger.signed("msg_1", &key, NOW)),
        ("no password", nobody.signed("msg_1", &key, NOW)),
    ] {
        let (status, text) = send(&listener, post.request()).await;
        assert_eq!((status, text.as_str()), (StatusCode::UNAUTHORIZED, "not authorized"), "{what}");
    }
    assert_eq!(diary.len(), 0);
    assert_eq!(ping().signed("msg_1", &key, NOW).to(&listener).await, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_body_that_is_no_message_is_400_and_is_not_repeated_in_the_answer() {
    let (listener, diary, _) = diarist(Check::unverified());
    for body in
        ["", "hunter2", "[]", "{}", r#"{"accountName":1,"type":"ping"}"#, "{\"accountName\":\"\u{0}\""]
    {
        let (status, text) = send(&listener, Post::new(body).request()).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(text, "the body is not a callback message");
    }
    assert_eq!(diary.len(), 0);
}

#[tokio::test]
async fn a_signature_is_asked_for_before_the_body_is_read() {
    let (listener, ..) = diarist(Check::signature([KEY]).unwrap());
    assert_eq!(Post::new("not JSON").to(&listener).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn other_methods_are_405_and_told_the_right_one() {
    let (listener, ..) = diarist(Check::unverified());
    for method in [Method::GET, Method::HEAD, Method::PUT, Method::DELETE, Method::OPTIONS] {
        let request = Request::builder().method(method.clone()).body(Body::empty()).unwrap();
        let response = listener.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED, "{method}");
        assert_eq!(response.headers()[header::ALLOW], "POST");
    }
}

#[tokio::test]
async fn a_content_type_is_not_asked_for() {
    let (listener, ..) = diarist(Check::unverified());
    for kind in ["application/json; charset=utf-8", "text/plain", "application/x-www-form-urlencoded"] {
        let post = Post::ping().header("content-type", kind);
        assert_eq!(post.to(&listener).await, StatusCode::NO_CONTENT, "{kind}");
    }
}

#[tokio::test]
async fn a_body_that_says_it_is_too_large_is_413() {
    let (listener, ..) = diarist(Check::unverified());
    let post = Post::new(" ".repeat(DEFAULT_BODY_LIMIT + 1));
    assert_eq!(post.to(&listener).await, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn a_body_that_turns_out_too_large_is_413_and_read_no_further() {
    let read = Arc::new(Mutex::new(0_usize));
    let counted = Arc::clone(&read);
    let endless = stream::repeat_with(move || {
        *counted.lock().unwrap() += 1024;
        Ok::<_, std::io::Error>(Bytes::from_static(&[b' '; 1024]))
    });
    let listener = Listener::builder(Check::unverified()).body_limit(10_000).handle(async |_| ());
    let request = Request::post("/").body(Body::from_stream(endless)).unwrap();
    assert_eq!(send(&listener, request).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(*read.lock().unwrap(), 10 * 1024);
}

#[tokio::test]
async fn the_largest_message_with_the_largest_credentials_passes() {
    let (listener, diary, _) = diarist(Check::unverified());
    let secret = "p".repeat(64 << 10);
    let filler = "x".repeat(ringback_wire::publish::MAX_MESSAGE_BYTES - 200);
    let body = format!(
        r#"{{"username":"","password":"{secret}","accountName":"{ACCOUNT}","type":"ping","x":"{filler}"}}"#
    );
    assert_eq!(Post::new(body).to(&listener).await, StatusCode::NO_CONTENT);
    assert_eq!(diary.len(), 1);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_400() {
    let broken = stream::iter([Ok(Bytes::from_static(b"{")), Err(std::io::Error::other("reset"))]);
    let (listener, ..) = diarist(Check::unverified());
    let request = Request::post("/").body(Body::from_stream(broken)).unwrap();
    assert_eq!(send(&listener, request).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_body_that_does_not_come_is_408() {
    let clock = ManualClock::at(NOW);
    let timeout = Duration::from_secs(7);
    let listener = Listener::builder(Check::unverified())
        .clock(clock.clone())
        .body_timeout(timeout)
        .handle(async |_| ());
    let never = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
    let answer =
        tokio::spawn(async move { send(&listener, Request::post("/").body(never).unwrap()).await.0 });
    while !answer.is_finished() {
        clock.advance(Duration::from_secs(1));
        tokio::task::yield_now().await;
    }
    assert_eq!(answer.await.unwrap(), StatusCode::REQUEST_TIMEOUT);
}

#[tokio::test]
async fn the_reason_is_told_to_who_listens() {
    let reasons = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&reasons);
    let listener = Listener::builder(Check::signature([KEY]).unwrap())
        .clock(ManualClock::at(NOW))
        .on_rejection(move |rejection| kept.lock().unwrap().push(rejection.to_string()))
        .handle(async |_| ());
    Post::ping().to(&listener).await;
    Post::ping().signed("msg_1", &SigningKey::parse(OTHER_KEY).unwrap(), NOW).to(&listener).await;
    let reasons = reasons.lock().unwrap();
    assert!(reasons[0].contains("webhook-id is missing"), "{reasons:?}");
    assert!(reasons[1].contains("no signature matches"), "{reasons:?}");
}

#[test]
fn a_rejection_repeats_nothing_of_the_body() {
    let body = br#"{"accountName":"a","type":"ping","password":12345}"#;
    let headers: [(&str, &str); 0] = [];
    let rejection = ringback_listener::receive(&headers, body, &Check::unverified(), NOW).unwrap_err();
    assert!(!rejection.to_string().contains("12345"), "{rejection}");
}
