//! Over HTTP, on ports of this machine: in axum, and in hyper without it.

use std::net::SocketAddr;

use axum::body::Body;
use http::{Request, StatusCode};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use ringback_listener::{Callback, CallbackEvent, Check, Listener};
use ringback_wire::signature::SigningKey;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};

use crate::cast::{KEY, Post, fixture, ping_body};

async fn in_axum(listener: Listener) -> SocketAddr {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let router = axum::Router::new().route_service("/callbacks", listener);
    tokio::spawn(async move { axum::serve(socket, router).await });
    address
}

async fn in_hyper(listener: Listener) -> SocketAddr {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = socket.accept().await {
            let service = TowerToHyperService::new(listener.clone());
            let serving =
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            tokio::spawn(serving);
        }
    });
    address
}

async fn post(address: SocketAddr, post: &Post) -> StatusCode {
    let (head, body) = post.request().into_parts();
    let mut request = Request::from_parts(head, body);
    *request.uri_mut() = format!("http://{address}/callbacks").parse().unwrap();
    let client: Client<_, Body> = Client::builder(TokioExecutor::new()).build_http();
    client.request(request).await.unwrap().status()
}

fn real_now() -> i64 {
    ringback_listener::Clock::unix_seconds(&ringback_listener::SystemClock::new())
}

#[tokio::test]
async fn a_signed_callback_is_handled_in_axum_and_in_hyper_with_this_machines_clock() {
    let (calls, mut called) = mpsc::unbounded_channel();
    let listener = Listener::new(Check::signature([KEY]).unwrap(), move |callback: Callback| {
        calls.send(callback.message.event.kind().to_owned()).unwrap();
        async {}
    });
    let key = SigningKey::parse(KEY).unwrap();
    for (id, address) in [("msg_1", in_axum(listener.clone()).await), ("msg_2", in_hyper(listener).await)] {
        let right = Post::new(fixture("message-firmware-list")).signed(id, &key, real_now());
        assert_eq!(post(address, &right).await, StatusCode::NO_CONTENT);
        assert_eq!(post(address, &right).await, StatusCode::NO_CONTENT);
        assert_eq!(called.recv().await.unwrap(), "firmwareList");
        assert!(called.try_recv().is_err());
        assert_eq!(post(address, &Post::ping()).await, StatusCode::UNAUTHORIZED);
        let large = Post::new("x".repeat(2 << 20));
        assert_eq!(post(address, &large).await, StatusCode::PAYLOAD_TOO_LARGE);
    }
}

#[tokio::test]
async fn a_panicking_handler_answers_500_over_http_and_the_server_lives() {
    let listener = Listener::new(Check::unverified(), |callback: Callback| async move {
        assert_eq!(callback.message.event, CallbackEvent::Ping);
    });
    let address = in_axum(listener).await;
    let fatal = Post::new(fixture("message-upgrade-finished"));
    assert_eq!(post(address, &fatal).await, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(post(address, &Post::ping()).await, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_sender_that_hangs_up_does_not_stop_the_handler_and_its_retry_finds_it_done() {
    let (calls, mut called) = mpsc::unbounded_channel();
    let listener = Listener::new(Check::unverified(), move |_| {
        let (end, ended) = oneshot::channel::<()>();
        let calls = calls.clone();
        async move {
            calls.send(end).unwrap();
            ended.await
        }
    });
    let address = in_hyper(listener.clone()).await;
    let body = ping_body();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head =
        format!("POST / HTTP/1.1\r\nhost: a\r\nwebhook-id: msg_1\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all((head + &body).as_bytes()).await.unwrap();
    let end = called.recv().await.unwrap();
    drop(stream);
    let retry = tokio::spawn(async move { post(address, &Post::ping().id("msg_1")).await });
    end.send(()).unwrap();
    assert_eq!(retry.await.unwrap(), StatusCode::NO_CONTENT);
    assert!(called.try_recv().is_err(), "it was handled once");
    listener.idle().await;
}

#[tokio::test]
async fn a_body_that_says_it_is_too_large_is_not_waited_for() {
    let address = in_hyper(Listener::new(Check::unverified(), async |_| ())).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999\r\n\r\n").await.unwrap();
    let mut status_line = [0; 12];
    stream.read_exact(&mut status_line).await.unwrap();
    assert_eq!(&status_line, b"HTTP/1.1 413");
}

#[tokio::test]
async fn any_body_will_do() {
    use tower::ServiceExt as _;
    let listener = Listener::new(Check::unverified(), async |_| ());
    let request = Request::post("/").body(Full::<bytes::Bytes>::from(ping_body())).unwrap();
    assert_eq!(listener.clone().oneshot(request).await.unwrap().status(), StatusCode::NO_CONTENT);
    let request = Request::post("/").body(ping_body()).unwrap();
    assert_eq!(listener.oneshot(request).await.unwrap().status(), StatusCode::NO_CONTENT);
}
