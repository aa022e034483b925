//! Takes connections and serves HTTP/1.1 on them, within bounds.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tower::ServiceExt as _;

use super::forwarded::TrustedProxies;
use crate::api::Peer;

/// How long to wait when no connection can be taken, because the system is out of something.
const AFTER_ACCEPT_FAILURE: Duration = Duration::from_millis(100);

/// The listener's bounds.
#[derive(Debug, Clone)]
pub struct ConnectionLimits {
    /// Connections at once; others wait to be taken.
    pub connections: usize,
    /// How long the head of a request may take to come, and how long a connection may stay idle.
    pub head_timeout: Duration,
    /// The most bytes of a request's head.
    pub head_bytes: usize,
    /// The most header fields of a request.
    pub header_fields: usize,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            connections: 8192,
            head_timeout: Duration::from_secs(30),
            head_bytes: 64 << 10,
            header_fields: 100,
        }
    }
}

/// What is served at one address.
#[derive(Clone)]
pub(super) struct Door {
    /// What answers.
    pub(super) router: Router,
    /// What it takes.
    pub(super) limits: ConnectionLimits,
    /// Whose word about the client counts.
    pub(super) proxies: Arc<TrustedProxies>,
}

/// Serves until `stopping` says so, then finishes the requests that have begun.
pub(super) async fn serve(listener: TcpListener, door: Door, mut stopping: watch::Receiver<bool>) {
    let places = Arc::new(Semaphore::new(door.limits.connections));
    let mut connections = JoinSet::new();
    loop {
        let place = tokio::select! {
            _ = stopping.wait_for(|stop| *stop) => break,
            place = places.clone().acquire_owned() => place,
        };
        let accepted = tokio::select! {
            _ = stopping.wait_for(|stop| *stop) => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let connection = connection(stream, peer.ip(), door.clone(), stopping.clone());
                connections.spawn(async move {
                    connection.await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be taken");
                tokio::time::sleep(AFTER_ACCEPT_FAILURE).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn connection(stream: TcpStream, peer: IpAddr, door: Door, mut stopping: watch::Receiver<bool>) {
    // It is gone already.
    let Ok(local) = stream.local_addr() else { return };
    let Door { router, limits, proxies } = door;
    let router = router.map_request(move |mut request: Request<Incoming>| {
        let headers = request.headers();
        let client = proxies.client(peer, headers);
        let secure = proxies.is_secure(peer, headers);
        request.extensions_mut().insert(Peer { client, local: local.ip(), secure });
        request
    });
    // Answers are small: waiting to fill a packet would only delay them.
    let _ = stream.set_nodelay(true);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_timeout)
        .max_buf_size(limits.head_bytes)
        .max_headers(limits.header_fields)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    tokio::pin!(connection);
    let mut asked = false;
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection ended badly");
                }
                return;
            }
            _ = stopping.wait_for(|stop| *stop), if !asked => {
                asked = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}
