//! An outside endpoint: answers every callback with 204, at once or when it is told to, and keeps a log of what came and when.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use axum::Router;
use axum::extract::State;
use http::{HeaderMap, StatusCode};
use tokio::sync::watch;

/// One callback.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    /// The message's id.
    pub(crate) id: String,
    /// When it came.
    pub(crate) at: Instant,
}

#[derive(Clone, Default)]
struct Log {
    received: Arc<Mutex<Vec<Received>>>,
    count: watch::Sender<usize>,
    held: watch::Sender<bool>,
}

/// An endpoint.
pub(crate) struct Endpoint {
    address: SocketAddr,
    log: Log,
    task: tokio::task::JoinHandle<()>,
}

impl Endpoint {
    pub(crate) async fn start() -> Self {
        let socket = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = socket.local_addr().unwrap();
        let log = Log::default();
        let router = Router::new().fallback(take).with_state(log.clone());
        let task = tokio::spawn(async move { axum::serve(socket, router).await.unwrap() });
        Self { address, log, task }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/callbacks", self.address)
    }

    /// Answers nothing from now on.
    pub(crate) fn hold(&self) {
        self.log.held.send_replace(true);
    }

    /// Answers what was held, and what comes.
    pub(crate) fn release(&self) {
        self.log.held.send_replace(false);
    }

    /// All that came so far, in order.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.log.received.lock().unwrap().clone()
    }

    /// Waits until what came satisfies the test's wish, or panics.
    pub(crate) async fn until(&self, what: &str, mut enough: impl FnMut(&[Received]) -> bool) {
        let mut count = self.log.count.subscribe();
        let waiting = async {
            loop {
                if enough(&self.log.received.lock().unwrap()) {
                    return;
                }
                count.changed().await.unwrap();
            }
        };
        let done = tokio::time::timeout(crate::program::PATIENCE, waiting).await;
        assert!(done.is_ok(), "{what} did not happen; {} callbacks came", self.received().len());
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn take(State(log): State<Log>, headers: HeaderMap) -> StatusCode {
    let id = headers["webhook-id"].to_str().unwrap().to_owned();
    log.received.lock().unwrap().push(Received { id, at: Instant::now() });
    log.count.send_modify(|count| *count += 1);
    // It ends with whoever could let it go.
    let _ = log.held.subscribe().wait_for(|held| !held).await;
    StatusCode::NO_CONTENT
}
