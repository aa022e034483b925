//! The outside listener: keeps a log of every callback that came, and answers as its story says.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use axum::Router;
use axum::extract::State;
use http::{HeaderMap, StatusCode, Uri};
use tokio::sync::watch;

use crate::program::PATIENCE;

/// One callback, as it came.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    /// The path without its slash: an account's name, in most stories.
    pub(crate) path: String,
    pub(crate) id: String,
    pub(crate) sequence: u64,
    pub(crate) attempt: u32,
    pub(crate) replay: bool,
    pub(crate) at: Instant,
    /// What it was answered.
    pub(crate) status: u16,
}

impl Arrival {
    pub(crate) fn welcome(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// Says what a callback is answered, from the arrival (with 204 in it) and how often its id came before.
type Answer = Box<dyn Fn(&Arrival) -> u16 + Send + Sync>;

struct Book {
    arrivals: Mutex<Vec<Arrival>>,
    count: watch::Sender<usize>,
    answer: Answer,
}

/// A listener.
pub(crate) struct Listener {
    address: SocketAddr,
    book: Arc<Book>,
    task: tokio::task::JoinHandle<()>,
}

impl Listener {
    /// One that welcomes everything.
    pub(crate) async fn start() -> Self {
        Self::answering(|_| 204).await
    }

    pub(crate) async fn answering(answer: impl Fn(&Arrival) -> u16 + Send + Sync + 'static) -> Self {
        Self::at(Ipv4Addr::LOCALHOST, answer).await
    }

    /// One that welcomes everything, at every address of this machine: see [`loopback`].
    pub(crate) async fn everywhere() -> Self {
        Self::at(Ipv4Addr::UNSPECIFIED, |_| 204).await
    }

    async fn at(address: Ipv4Addr, answer: impl Fn(&Arrival) -> u16 + Send + Sync + 'static) -> Self {
        let socket = tokio::net::TcpListener::bind((address, 0)).await.unwrap();
        let address = socket.local_addr().unwrap();
        let book = Arc::new(Book {
            arrivals: Mutex::default(),
            count: watch::Sender::new(0),
            answer: Box::new(answer),
        });
        let router = Router::new().fallback(take).with_state(book.clone());
        let task = tokio::spawn(async move { axum::serve(socket, router).await.unwrap() });
        Self { address, book, task }
    }

    /// Where an account's messages are taken.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }

    /// Where it is to be met at one of the loopback addresses. One that listens everywhere so stands for many endpoints.
    pub(crate) fn url_at(&self, number: usize) -> String {
        format!("http://{}:{}/", loopback(number), self.address.port())
    }

    /// All that came so far, in order.
    pub(crate) fn arrivals(&self) -> Vec<Arrival> {
        self.book.arrivals.lock().unwrap().clone()
    }

    /// Waits until what came satisfies the story's wish, or panics.
    pub(crate) async fn until(&self, what: &str, mut enough: impl FnMut(&[Arrival]) -> bool) {
        let mut count = self.book.count.subscribe();
        let waiting = async {
            while !enough(&self.book.arrivals.lock().unwrap()) {
                count.changed().await.unwrap();
            }
        };
        let done = tokio::time::timeout(PATIENCE * crate::stage::scale() as u32, waiting).await;
        assert!(done.is_ok(), "{what} did not happen; {} callbacks came", self.arrivals().len());
    }
}

/// One of this machine's addresses: 127.0.0.0/8 is all of them on Linux, and elsewhere there is one.
pub(crate) fn loopback(number: usize) -> Ipv4Addr {
    if cfg!(target_os = "linux") {
        let number = u32::try_from(number).unwrap();
        assert!(number < 1 << 23, "there are not so many addresses");
        Ipv4Addr::from(0x7f00_0001 + number)
    } else {
        Ipv4Addr::LOCALHOST
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn take(State(book): State<Arc<Book>>, uri: Uri, headers: HeaderMap) -> StatusCode {
    let text = |name: &str| headers[name].to_str().unwrap().to_owned();
    let mut arrival = Arrival {
        path: uri.path().trim_start_matches('/').to_owned(),
        id: text("webhook-id"),
        sequence: text("ringback-sequence").parse().unwrap(),
        attempt: text("ringback-attempt").parse().unwrap(),
        replay: headers.contains_key("ringback-replay"),
        at: Instant::now(),
        status: 204,
    };
    arrival.status = (book.answer)(&arrival);
    let status = StatusCode::from_u16(arrival.status).unwrap();
    let mut arrivals = book.arrivals.lock().unwrap();
    arrivals.push(arrival);
    book.count.send_replace(arrivals.len());
    status
}
