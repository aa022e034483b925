//! The sink: an endpoint that answers at once and notes what arrived when. It is a process of its own, with one thread.
//!
//! It listens on as many ports as it was asked for. By the first part of a callback's path it answers at once (`/good`),
//! after a while (`/slow`) or never (`/hang`). Whoever started it asks `/count` how much has arrived, and takes it with
//! `/take`: for each arrival the mark and the moment, two numbers of 8 bytes.
//!
//! It ends when its stdin does: it never outlives who started it.

use std::convert::Infallible;
use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use super::{clock, message};
use crate::failure::Outcome;
use crate::{output, process};

/// How long an endpoint takes that is slow.
const SLOW: Duration = Duration::from_secs(1);
/// How long one takes that hangs: longer than anybody waits for it.
const HANG: Duration = Duration::from_secs(3600);
/// Arrivals for which there is room from the start.
const ROOM: usize = 1 << 20;

/// What arrived: marks and moments.
type Book = Arc<Mutex<Vec<(u64, u64)>>>;

/// Listens on that many ports of the system's choice, prints them, and answers until stdin ends.
pub(super) async fn run(ports: usize) -> Outcome {
    process::raise_open_files();
    let book: Book = Arc::new(Mutex::new(Vec::with_capacity(ROOM)));
    let mut told = Vec::with_capacity(ports);
    for _ in 0..ports {
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await;
        let listener = listener.context("the sink can't listen")?;
        told.push(listener.local_addr().context("the sink does not know its port")?.port().to_string());
        tokio::spawn(take_connections(listener, book.clone()));
    }
    output::say(told.join(" "))?;
    // Nothing is ever written there: this ends with the one who started it.
    let _ = tokio::task::spawn_blocking(|| std::io::stdin().read(&mut [0])).await;
    Ok(())
}

async fn take_connections(listener: TcpListener, book: Book) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve(stream, book.clone()));
    }
}

async fn serve(stream: TcpStream, book: Book) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| answer(request, book.clone()));
    // A connection that breaks off is the caller's affair.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(request: Request<Incoming>, book: Book) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    let first = path.split('/').nth(1).unwrap_or_default();
    let said = match first {
        "count" => lock(&book).len().to_string().into(),
        "take" => taken(&book),
        _ => {
            receive(request.into_body(), &book).await;
            match first {
                "slow" => tokio::time::sleep(SLOW).await,
                "hang" => tokio::time::sleep(HANG).await,
                _ => {}
            }
            Bytes::new()
        }
    };
    Ok(Response::new(Full::new(said)))
}

/// A body that comes in one piece, as nearly every one does, is looked at where it is.
async fn receive(mut body: Incoming, book: &Book) {
    let Some(Ok(frame)) = body.frame().await else { return };
    let Ok(mut data) = frame.into_data() else { return };
    if !hyper::body::Body::is_end_stream(&body) {
        let mut whole = data.to_vec();
        while let Some(Ok(frame)) = body.frame().await {
            whole.extend_from_slice(frame.data_ref().map_or(&[], |piece| piece));
        }
        data = whole.into();
    }
    if let Some(mark) = message::mark_of(&data) {
        lock(book).push((mark, clock::now()));
    }
}

fn taken(book: &Book) -> Bytes {
    let arrivals = std::mem::replace(&mut *lock(book), Vec::with_capacity(ROOM));
    let numbers = arrivals.into_iter().flat_map(|(mark, at)| [mark, at]);
    numbers.flat_map(u64::to_le_bytes).collect::<Vec<u8>>().into()
}

fn lock(book: &Book) -> std::sync::MutexGuard<'_, Vec<(u64, u64)>> {
    book.lock().unwrap_or_else(PoisonError::into_inner)
}
