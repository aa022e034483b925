//! A listener: takes callbacks, verifies them, and hands on what came as a [`Receipt`].
//!
//! A callback is answered after it was handed on, so what is printed was really received. What is not signed as it
//! should be gets 401, what can't be read 400; all the rest 204.

mod receipt;

use std::io;
use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use ringback_server::clock::Clock;
use ringback_wire::headers;
use ringback_wire::message::CallbackMessage;
use ringback_wire::signature::{Verifier, WebhookHeaders};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

pub(crate) use receipt::{Receipt, Verdict};

use crate::exit_code::ExitCode;
use crate::failure::{Failure, Outcome};

/// The largest callback that is read, in bytes: a message's megabyte, user name and password, and some more.
const LARGEST: usize = 2 << 20;
/// Callbacks that wait to be printed; their senders wait with them.
const WAITING: usize = 64;

/// A listener that has its port.
pub(crate) struct Listener {
    socket: TcpListener,
    address: SocketAddr,
}

#[derive(Clone)]
struct Taking {
    verifier: Option<Verifier>,
    clock: Clock,
    receipts: mpsc::Sender<Receipt>,
}

impl Listener {
    /// Takes the port. `flag` is the one that would change it.
    pub(crate) async fn bind(address: SocketAddr, flag: &str) -> Outcome<Self> {
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::AddrInUse => Failure::new(
                ExitCode::PortTaken,
                anyhow::anyhow!("{address} is in use by another program: choose another port with {flag}"),
            ),
            _ => Failure::new(ExitCode::Configuration, anyhow::anyhow!("can't listen on {address}: {error}")),
        };
        let socket = TcpListener::bind(address).await.map_err(failed)?;
        let address = socket.local_addr().map_err(failed)?;
        Ok(Self { socket, address })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes callbacks until `stop`, on any path. What comes is on the channel; when nobody reads that any more, callbacks
    /// get 503.
    pub(crate) fn serve(
        self,
        verifier: Option<Verifier>,
        clock: Clock,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> (mpsc::Receiver<Receipt>, tokio::task::JoinHandle<io::Result<()>>) {
        let (receipts, received) = mpsc::channel(WAITING);
        let router = Router::new().fallback(take).with_state(Taking { verifier, clock, receipts });
        let serving = axum::serve(self.socket, router).with_graceful_shutdown(stop);
        (received, tokio::spawn(serving.into_future()))
    }
}

async fn take(State(taking): State<Taking>, request: Request<Body>) -> StatusCode {
    if request.method() != Method::POST {
        return StatusCode::METHOD_NOT_ALLOWED;
    }
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, LARGEST).collect().await else {
        return StatusCode::BAD_REQUEST;
    };
    let body = body.to_bytes();
    let verdict = taking.verdict(&head.headers, &body);
    let message = CallbackMessage::parse(&body);
    let status = match (&verdict, &message) {
        (Verdict::Wrong(_), _) => StatusCode::UNAUTHORIZED,
        (_, Err(_)) => StatusCode::BAD_REQUEST,
        (_, Ok(_)) => StatusCode::NO_CONTENT,
    };
    let number = |name| header(&head.headers, name).parse().ok();
    let receipt = Receipt {
        id: header(&head.headers, headers::WEBHOOK_ID).to_owned(),
        sequence: number(headers::RINGBACK_SEQUENCE),
        attempt: number(headers::RINGBACK_ATTEMPT),
        replay: header(&head.headers, headers::RINGBACK_REPLAY) == headers::REPLAY_VALUE,
        verdict,
        message,
        body,
    };
    match taking.receipts.send(receipt).await {
        Ok(()) => status,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

impl Taking {
    fn verdict(&self, fields: &HeaderMap, body: &[u8]) -> Verdict {
        let Some(verifier) = &self.verifier else { return Verdict::NotChecked };
        let given = WebhookHeaders {
            id: header(fields, headers::WEBHOOK_ID),
            timestamp: header(fields, headers::WEBHOOK_TIMESTAMP),
            signature: header(fields, headers::WEBHOOK_SIGNATURE),
        };
        // A machine that slept goes on at another wall time.
        self.clock.rebase_if_jumped();
        match verifier.verify(given, body, self.clock.now().as_seconds()) {
            Ok(()) => Verdict::Verified,
            Err(error) => Verdict::Wrong(error),
        }
    }
}

/// A header's value; empty where it is not there.
fn header<'a>(fields: &'a HeaderMap, name: &str) -> &'a str {
    fields.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
