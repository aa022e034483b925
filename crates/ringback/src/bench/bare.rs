//! The bare sender: the bound that HTTP sets. The same body over as many kept connections as an endpoint gets, without a
//! store, an order, a signature or a retry.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use ringback_delivery::AccountId;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::{clock, message};
use crate::failure::Outcome;

/// Connections that a lane has at most.
const CONNECTIONS: usize = 32;

/// Requests a second that this process and the sink manage.
pub(super) async fn measure(sink: SocketAddr, account: AccountId, time: Duration) -> Outcome<f64> {
    let body = Bytes::from(message::delivered(account, 0));
    let mut senders = JoinSet::new();
    let begun = clock::now();
    let until = begun + u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    for _ in 0..CONNECTIONS {
        senders.spawn(send_until(sink, body.clone(), until));
    }
    let mut sent = 0;
    while let Some(done) = senders.join_next().await {
        sent += done.context("the bare sender ended badly")??;
    }
    Ok(sent as f64 / clock::seconds(begun, clock::now()))
}

async fn send_until(sink: SocketAddr, body: Bytes, until: u64) -> Outcome<u64> {
    let stream = TcpStream::connect(sink).await.context("the sink can't be reached")?;
    stream.set_nodelay(true).context("the sink can't be reached")?;
    let (mut sender, connection) =
        handshake(TokioIo::new(stream)).await.context("the sink speaks no HTTP")?;
    let driven = tokio::spawn(connection);
    let headers = headers(sink)?;
    let mut sent = 0;
    while clock::now() < until {
        send(&mut sender, headers.clone(), body.clone()).await?;
        sent += 1;
    }
    drop(sender);
    let _ = driven.await;
    Ok(sent)
}

async fn send(sender: &mut SendRequest<Full<Bytes>>, headers: HeaderMap, body: Bytes) -> Outcome {
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = http::Uri::from_static("/good");
    *request.headers_mut() = headers;
    let response = sender.send_request(request).await.context("the sink does not answer")?;
    let status = response.status();
    let mut body = response.into_body();
    while body.frame().await.is_some() {}
    if status.is_success() { Ok(()) } else { Err(anyhow!("the sink answered {status}").into()) }
}

/// As many bytes of headers as a delivery has.
fn headers(sink: SocketAddr) -> Outcome<HeaderMap> {
    let signature = "v1,MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
    let mut headers = HeaderMap::new();
    headers.insert("host", HeaderValue::try_from(sink.to_string()).context("the sink has no name")?);
    for (name, value) in [
        ("content-type", "application/json"),
        ("user-agent", concat!("Ringback/", env!("CARGO_PKG_VERSION"))),
        ("webhook-id", "msg_0123456789abcdefghjkmnpqrs"),
        ("webhook-timestamp", "1767225600"),
        ("webhook-signature", signature),
        ("ringback-sequence", "1000000"),
        ("ringback-attempt", "1"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    Ok(headers)
}
