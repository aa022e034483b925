//! The bare acceptor: what accepting costs this machine with nothing of Ringback's. HTTP by hyper, and before each answer
//! as many bytes on stable storage as a small commit writes, by a thread that syncs once for all who wait.

use std::convert::Infallible;
use std::fs::File;
use std::net::SocketAddr;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::mpsc;

use anyhow::Context as _;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use super::disk::{FILE, WRITE};
use crate::failure::Outcome;

/// Who waits until what it sent is safe.
type Waiting = oneshot::Sender<bool>;

/// It runs until it is dropped, on threads of its own, as a server has them.
pub(super) struct Acceptor {
    runtime: Option<Runtime>,
    pub(super) address: SocketAddr,
}

impl Acceptor {
    /// One that writes in this folder.
    pub(super) fn start(folder: &Path) -> Outcome<Self> {
        let path = folder.join("acceptor.probe");
        let file = File::create(&path).context("the disk could not be tried")?;
        // It goes with the last of those who write to it.
        std::fs::remove_file(&path).context("the disk could not be tried")?;
        let (sender, waiting) = mpsc::channel();
        std::thread::spawn(move || keep_safe(&file, &waiting));
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.context("the threads to work on could not be started")?;
        let listener = std::net::TcpListener::bind("127.0.0.1:0").context("the acceptor can't listen")?;
        listener.set_nonblocking(true).context("the acceptor can't listen")?;
        let address = listener.local_addr().context("the acceptor does not know its port")?;
        runtime.spawn(take_connections(listener, sender));
        Ok(Self { runtime: Some(runtime), address })
    }
}

impl Drop for Acceptor {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Ends with the last of those who send.
fn keep_safe(file: &File, waiting: &mpsc::Receiver<Waiting>) {
    let bytes = [0x5a; WRITE];
    let mut at = 0;
    while let Ok(first) = waiting.recv() {
        let together: Vec<Waiting> = std::iter::once(first).chain(waiting.try_iter()).collect();
        let is_safe = file.write_all_at(&bytes, at).and_then(|()| file.sync_data()).is_ok();
        at = (at + WRITE as u64) % FILE;
        for one in together {
            let _ = one.send(is_safe);
        }
    }
}

async fn take_connections(listener: std::net::TcpListener, sender: mpsc::Sender<Waiting>) {
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        let sender = sender.clone();
        let service = service_fn(move |request| answer(request, sender.clone()));
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

async fn answer(
    request: Request<Incoming>,
    sender: mpsc::Sender<Waiting>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let whole = request.into_body().collect().await.is_ok();
    let (safe, is_safe) = oneshot::channel();
    let is_safe = whole && sender.send(safe).is_ok() && is_safe.await == Ok(true);
    let mut response = Response::new(Full::default());
    *response.status_mut() = if is_safe { StatusCode::ACCEPTED } else { StatusCode::SERVICE_UNAVAILABLE };
    Ok(response)
}
