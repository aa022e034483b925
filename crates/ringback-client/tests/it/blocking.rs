//! The blocking client, from a thread without a runtime.

use ringback_client::models::CallbackService;
use ringback_client::{Error, OutgoingMessage, PublishSettings};

use crate::server::{ACCOUNT, Reply, Server};

async fn server() -> Server {
    Server::with_tokens(|seen, _| match seen.method.as_str() {
        "GET" => Reply::json(200, "[]"),
        "DELETE" => Reply::error(400, "REQUEST_FAILED.CallbackNotRegistered"),
        _ => Reply::json(200, r#"{"line":1,"code":200,"status":"unregistered"}"#),
    })
    .await
}

/// Does what a program without a runtime does, while the test's runtime serves it.
async fn off_the_runtime<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.expect("done")
}

#[tokio::test]
async fn calls_wait_for_their_answers() {
    let server = server().await;
    let builder = server.builder();
    off_the_runtime(move || {
        let client = builder.build_blocking().expect("a client");
        let callbacks = client.software_management_callbacks_v1();
        assert_eq!(callbacks.list_registered_callbacks(ACCOUNT).expect("a list").result, []);
        let error = callbacks.deregister_callback(ACCOUNT, CallbackService::Fota).expect_err("nothing there");
        assert!(matches!(error, Error::BadRequest { .. }), "{error:?}");
    })
    .await;
}

#[tokio::test]
async fn threads_can_share_a_client() {
    let server = server().await;
    let builder = server.builder();
    off_the_runtime(move || {
        let client = builder.build_blocking().expect("a client");
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let callbacks = client.software_management_callbacks_v1();
                std::thread::spawn(move || callbacks.list_registered_callbacks(ACCOUNT).is_ok())
            })
            .collect();
        drop(client);
        assert!(threads.into_iter().all(|thread| thread.join().expect("joined")));
    })
    .await;
    assert_eq!(server.calls().len(), 4);
}

#[tokio::test]
async fn an_iterator_of_messages_is_an_iterator_of_results() {
    let server = server().await;
    let builder = server.builder();
    off_the_runtime(move || {
        let client = builder.build_blocking().expect("a client");
        let json = format!(r#"{{"accountName":"{ACCOUNT}","type":"firmwareList"}}"#);
        let message = OutgoingMessage::from_json(json.as_bytes()).expect("a message");
        let settings = PublishSettings::new().batch_lines(1);
        let results = client.messages().publish_all([message.clone(), message], settings);
        assert_eq!(results.filter(|published| published.outcome.is_ok()).count(), 2);
    })
    .await;
    assert_eq!(server.calls().len(), 2);
}

#[tokio::test]
async fn the_last_handle_may_be_dropped_inside_a_runtime() {
    let server = server().await;
    let builder = server.builder();
    let client = off_the_runtime(move || builder.build_blocking().expect("a client")).await;
    drop(client);
}
