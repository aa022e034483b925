//! An application's own endpoint: keeps what comes, and answers as it is told.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use ringback_wire::signature::{Verifier, WebhookHeaders};
use tokio::sync::watch;

use crate::program::PATIENCE;

/// One request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Whether it is signed with this key, at the time that it says itself.
    pub(crate) fn is_signed_with(&self, secret: &str) -> bool {
        let timestamp = self.header("webhook-timestamp");
        let given = WebhookHeaders {
            id: self.header("webhook-id"),
            timestamp,
            signature: self.header("webhook-signature"),
        };
        let verifier = Verifier::parse([secret]).unwrap();
        verifier.verify(given, &self.body, timestamp.parse().unwrap()).is_ok()
    }
}

#[derive(Clone)]
struct Book {
    requests: Arc<Mutex<Vec<Request>>>,
    count: watch::Sender<usize>,
    status: Arc<AtomicU16>,
}

/// An application's endpoint.
pub(crate) struct Receiver {
    address: SocketAddr,
    book: Book,
    task: tokio::task::JoinHandle<()>,
}

impl Receiver {
    /// One that answers with this status.
    pub(crate) async fn answering(status: u16) -> Self {
        let socket = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = socket.local_addr().unwrap();
        let status = Arc::new(AtomicU16::new(status));
        let book = Book { requests: Arc::default(), count: watch::Sender::new(0), status };
        let router = Router::new().fallback(take).with_state(book.clone());
        let task = tokio::spawn(async move { axum::serve(socket, router).await.unwrap() });
        Self { address, book, task }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/callbacks", self.address)
    }

    /// Answers with this status from now on.
    pub(crate) fn answer(&self, status: u16) {
        self.book.status.store(status, Ordering::SeqCst);
    }

    /// Waits for so many requests; gives them all.
    pub(crate) async fn requests(&self, count: usize) -> Vec<Request> {
        let mut counted = self.book.count.subscribe();
        let came = tokio::time::timeout(PATIENCE, counted.wait_for(|came| *came >= count)).await;
        let requests = self.book.requests.lock().unwrap().clone();
        assert!(came.is_ok(), "{count} requests should have come, and {} did", requests.len());
        requests
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn take(State(book): State<Book>, headers: HeaderMap, body: Bytes) -> (StatusCode, &'static str) {
    let status = StatusCode::from_u16(book.status.load(Ordering::SeqCst)).unwrap();
    book.requests.lock().unwrap().push(Request { headers, body });
    book.count.send_modify(|count| *count += 1);
    (status, "said the application")
}
