//! An endpoint that answers as it is told and tells what arrived.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

/// However slow the machine is, what is waited for comes within this time.
const PATIENCE: Duration = Duration::from_secs(20);

/// One callback as it arrived, waiting for its answer.
pub struct Arrival {
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
    answer: oneshot::Sender<Response<Full<Bytes>>>,
}

impl Arrival {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// 0 for a test message, which bears none.
    pub fn sequence(&self) -> u64 {
        self.header("ringback-sequence").parse().unwrap_or_default()
    }

    /// 0 for a test message, which bears none.
    pub fn attempt(&self) -> u32 {
        self.header("ringback-attempt").parse().unwrap_or_default()
    }

    pub fn answer(self, status: u16) -> u64 {
        self.answer_with(status, &[])
    }

    pub fn answer_with(self, status: u16, headers: &[(&str, &str)]) -> u64 {
        let sequence = self.sequence();
        let mut response = Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        // The sender may have given up waiting.
        let _ = self.answer.send(response.body(Full::default()).unwrap());
        sequence
    }
}

/// See the module.
pub struct Endpoint {
    address: SocketAddr,
    arrivals: mpsc::UnboundedReceiver<Arrival>,
    /// Everything that arrived, as (sequence, attempt).
    log: Arc<Mutex<Vec<(u64, u32)>>>,
}

impl Endpoint {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, arrivals) = mpsc::unbounded_channel();
        let log = Arc::new(Mutex::new(Vec::new()));
        let noted = log.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (tell, noted) = (tell.clone(), noted.clone());
                tokio::spawn(async move {
                    let service = service_fn(move |request| take(request, tell.clone(), noted.clone()));
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Self { address, arrivals, log }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The next callback that arrives.
    pub async fn arrival(&mut self) -> Arrival {
        tokio::time::timeout(PATIENCE, self.arrivals.recv()).await.expect("a callback in time").unwrap()
    }

    /// Everything that arrived so far, as (sequence, attempt).
    pub fn log(&self) -> Vec<(u64, u32)> {
        self.log.lock().unwrap().clone()
    }

    /// Whether something arrived that was not taken yet.
    pub fn is_silent(&mut self) -> bool {
        self.arrivals.is_empty()
    }
}

async fn take(
    request: Request<Incoming>,
    tell: mpsc::UnboundedSender<Arrival>,
    log: Arc<Mutex<Vec<(u64, u32)>>>,
) -> Result<Response<Full<Bytes>>, std::convert::Infallible> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let (answer, answered) = oneshot::channel();
    let arrival = Arrival { path: parts.uri.to_string(), headers: parts.headers, body, answer };
    log.lock().unwrap().push((arrival.sequence(), arrival.attempt()));
    let _ = tell.send(arrival);
    Ok(answered.await.unwrap_or_else(|_| Response::builder().status(599).body(Full::default()).unwrap()))
}
