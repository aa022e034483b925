//! Takes connections at one address, so many at once, and so many of one client.

use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::connection;
use super::forwarded::TrustedProxies;
use super::peers::Peers;
use super::refusal;
use super::tls::ServerTls;
use crate::api::Front;

/// How long to wait when no connection can be taken, because the system is out of something.
const AFTER_ACCEPT_FAILURE: Duration = Duration::from_millis(100);

/// The bounds of an address that is listened on.
#[derive(Debug, Clone)]
pub struct ConnectionLimits {
    /// Connections at once; others wait to be taken.
    pub connections: usize,
    /// Connections of one client at once (an IPv4 address, or a /64 of IPv6); others get 429.
    pub connections_per_peer: usize,
    /// Networks whose connections are not counted so: those of proxies, behind which many clients are.
    pub uncounted: Vec<IpNet>,
    /// How long a TLS handshake may take.
    pub handshake_timeout: Duration,
    /// How long the head of a request may take to come, and how long a connection may stay idle.
    pub head_timeout: Duration,
    /// The most bytes of a request's head.
    pub head_bytes: usize,
    /// The most header fields of a request.
    pub header_fields: usize,
    /// How long a client may take to read what is ready for it.
    pub write_timeout: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            connections: 8192,
            connections_per_peer: 1024,
            uncounted: Vec::new(),
            handshake_timeout: Duration::from_secs(10),
            head_timeout: Duration::from_secs(30),
            head_bytes: 64 << 10,
            header_fields: 100,
            write_timeout: Duration::from_secs(60),
        }
    }
}

/// What is served at one address.
#[derive(Clone)]
pub(super) struct Door {
    /// What answers.
    pub(super) front: Front,
    /// What it takes.
    pub(super) limits: Arc<ConnectionLimits>,
    /// Whose word about the client counts.
    pub(super) proxies: Arc<TrustedProxies>,
    /// What it speaks TLS with, if it does.
    pub(super) tls: Option<Arc<ServerTls>>,
}

/// Serves until `stopping` says so, then finishes the requests that have begun.
pub(super) async fn serve(listener: TcpListener, door: Door, mut stopping: watch::Receiver<bool>) {
    let places = Arc::new(Semaphore::new(door.limits.connections));
    let peers = Arc::new(Peers::new(&door.limits));
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
            Ok((stream, peer)) => match peers.take(peer.ip()) {
                Some(of_peer) => {
                    let connection = connection::serve(stream, peer.ip(), door.clone(), stopping.clone());
                    connections.spawn(async move {
                        connection.await;
                        drop((place, of_peer));
                    });
                }
                None => refusal::too_many(stream, door.tls.is_some(), &mut connections),
            },
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
