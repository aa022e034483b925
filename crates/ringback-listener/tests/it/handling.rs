//! From a right request to the application's handler, and what it is answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::StatusCode;
use ringback_listener::{BoxError, Callback, CallbackEvent, Check, Handler, Listener};
use serde_json::json;
use tokio::sync::Semaphore;

use crate::cast::{ACCOUNT, Diary, Post, diarist, fixture};

const OK: StatusCode = StatusCode::NO_CONTENT;
const FAILED: StatusCode = StatusCode::INTERNAL_SERVER_ERROR;

#[tokio::test]
async fn the_contracts_examples_reach_the_handler_as_they_are() {
    let (listener, diary, _) = diarist(Check::credentials("fota-user", "fota-pass").unwrap());
    for name in ["message-firmware-list", "message-upgrade-finished"] {
        assert_eq!(Post::new(fixture(name)).to(&listener).await, OK);
        let callback = diary.pages().pop().unwrap();
        let wanted: serde_json::Value = serde_json::from_str(&fixture(name)).unwrap();
        assert_eq!(serde_json::to_value(&callback.message).unwrap(), wanted);
        assert_eq!(callback.body, fixture(name));
    }
}

#[tokio::test]
async fn a_ping_reaches_the_handler_and_is_answered() {
    let (listener, diary, _) = diarist(Check::unverified());
    assert_eq!(Post::ping().id("msg_ping").to(&listener).await, OK);
    assert_eq!(diary.pages()[0].message.event, CallbackEvent::Ping);
}

#[tokio::test]
async fn an_unknown_type_is_kept_with_its_fields() {
    let (listener, diary, _) = diarist(Check::unverified());
    let body =
        json!({"accountName": ACCOUNT, "type": "modemMelted", "modemMelted": {"degrees": 451}, "new": [1]});
    assert_eq!(Post::new(body.to_string()).to(&listener).await, OK);
    let message = diary.pages().remove(0).message;
    assert_eq!(message.event, CallbackEvent::Unknown { kind: "modemMelted".into() });
    assert_eq!(message.extra["modemMelted"], json!({"degrees": 451}));
    assert_eq!(message.extra["new"], json!([1]));
}

#[tokio::test]
async fn an_error_is_500_without_its_text_and_the_next_attempt_is_handled() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let listener = Listener::new(Check::unverified(), move |_| {
        let call = counted.fetch_add(1, Ordering::SeqCst);
        async move { if call == 0 { Err("hunter2 is locked") } else { Ok(()) } }
    });
    let post = Post::ping().id("msg_1");
    let (status, text) = crate::cast::send(&listener, post.request()).await;
    assert_eq!((status, text.as_str()), (FAILED, "the message was not handled"));
    assert_eq!(post.to(&listener).await, OK);
    assert_eq!(post.to(&listener).await, OK);
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_panic_in_the_future_or_before_it_is_500_and_the_next_attempt_is_handled() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let listener = Listener::new(Check::unverified(), move |_| {
        let call = counted.fetch_add(1, Ordering::SeqCst);
        assert_ne!(call, 0, "before the future");
        async move { assert_ne!(call, 1, "in the future") }
    });
    let post = Post::ping().id("msg_1");
    assert_eq!(post.to(&listener).await, FAILED);
    assert_eq!(post.to(&listener).await, FAILED);
    assert_eq!(post.to(&listener).await, OK);
    assert_eq!(post.to(&listener).await, OK);
    assert_eq!(calls.load(Ordering::SeqCst), 3);
}

struct Writer(Diary);

impl Handler for Writer {
    async fn handle(&self, callback: Callback) -> Result<(), BoxError> {
        let kind = callback.message.event.kind().parse::<u32>();
        self.0.write(callback);
        kind?;
        Ok(())
    }
}

#[tokio::test]
async fn a_type_of_the_applications_can_be_the_handler() {
    let diary = Diary::default();
    let listener = Listener::new(Check::unverified(), Writer(diary.clone()));
    assert_eq!(Post::ping().to(&listener).await, FAILED);
    assert_eq!(Post::new(format!(r#"{{"accountName":"{ACCOUNT}","type":"7"}}"#)).to(&listener).await, OK);
    assert_eq!(diary.len(), 2);
}

#[tokio::test]
async fn beyond_the_bound_of_handlers_it_is_503_and_nothing_is_lost() {
    let (gate, begun) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (door, bell) = (Arc::clone(&gate), Arc::clone(&begun));
    let listener = Listener::builder(Check::unverified()).max_handlers(1).handle(move |_| {
        let (door, bell) = (Arc::clone(&door), Arc::clone(&bell));
        async move {
            bell.add_permits(1);
            door.acquire().await.unwrap().forget();
        }
    });
    let (first, second) = (Post::ping().id("msg_1"), Post::ping().id("msg_2"));
    let answer = tokio::spawn({
        let (listener, first) = (listener.clone(), first.clone());
        async move { first.to(&listener).await }
    });
    begun.acquire().await.unwrap().forget();
    assert_eq!(second.to(&listener).await, StatusCode::SERVICE_UNAVAILABLE);
    gate.add_permits(2);
    assert_eq!(answer.await.unwrap(), OK);
    assert_eq!(second.to(&listener).await, OK);
    listener.idle().await;
}
