//! One connection: TLS, where it is spoken, and then HTTP/1.1, each within its time.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;

use http::{HeaderMap, Request};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::accept::{ConnectionLimits, Door};
use super::forwarded::TrustedProxies;
use super::head_timer::HeadTimer;
use super::stall::Impatient;
use crate::api::{Front, Peer};

/// Serves it until it ends, or until `stopping` says so and the request that it is at is answered.
pub(super) async fn serve(stream: TcpStream, peer: IpAddr, door: Door, stopping: watch::Receiver<bool>) {
    // It is gone already.
    let Ok(local) = stream.local_addr() else { return };
    // Answers are small: waiting to fill a packet would only delay them.
    let _ = stream.set_nodelay(true);
    let Door { front, limits, proxies, tls } = door;
    let stream = Impatient::new(stream, limits.write_timeout);
    let ends = Ends { peer, local: local.ip(), encrypted: tls.is_some(), proxies };
    match tls {
        None => speak_http(stream, front, ends, &limits, stopping).await,
        Some(tls) => match tokio::time::timeout(limits.handshake_timeout, tls.accept(stream)).await {
            Ok(Ok(stream)) => speak_http(stream, front, ends, &limits, stopping).await,
            Ok(Err(error)) => tracing::debug!(%peer, %error, "a TLS handshake failed"),
            Err(_) => tracing::debug!(%peer, "a TLS handshake took too long"),
        },
    }
}

/// What is known of a connection's two ends.
struct Ends {
    peer: IpAddr,
    local: IpAddr,
    encrypted: bool,
    proxies: Arc<TrustedProxies>,
}

impl Ends {
    /// What a request with these headers is told of them.
    fn peer(&self, headers: &HeaderMap) -> Peer {
        Peer {
            client: self.proxies.client(self.peer, headers),
            local: self.local,
            secure: self.encrypted || self.proxies.is_secure(self.peer, headers),
        }
    }
}

async fn speak_http(
    stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
    front: Front,
    ends: Ends,
    limits: &ConnectionLimits,
    mut stopping: watch::Receiver<bool>,
) {
    let answering = Arc::new((front, ends));
    let service = service_fn(move |request: Request<Incoming>| {
        let answering = answering.clone();
        async move {
            let (front, ends) = &*answering;
            Ok::<_, Infallible>(front.answer(request, |headers| ends.peer(headers)).await)
        }
    });
    let connection = http1::Builder::new()
        .timer(HeadTimer::default())
        .header_read_timeout(limits.head_timeout)
        .max_buf_size(limits.head_bytes)
        .max_headers(limits.header_fields)
        // Most answers are small: to copy one behind its head is less than what writing two pieces takes.
        .writev(false)
        .serve_connection(TokioIo::new(stream), service);
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
