//! A listener: takes callbacks, checks them, passes them on where it is told to, and hands on what came as a
//! [`Receipt`].
//!
//! A callback is answered after it was printed, so what is printed was really received, and the other way round: what
//! can't be printed gets 500. What is not signed as it
//! should be gets 401, what can't be read 400, and neither is passed on; all the rest gets the answer of
//! whoever it was passed on to, or the status that was asked for, or 204.

mod forward;
mod keyring;
mod receipt;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::Method;
use http_body_util::{BodyExt as _, Limited};
use ringback_listener::{Callback, Check, Clock as _, Headers as _, Rejection, SystemClock};
use ringback_wire::headers;
use ringback_wire::message::CallbackMessage;
use ringback_wire::signature::SignatureError;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

pub(crate) use forward::Forward;
pub(crate) use keyring::KeySource;
pub(crate) use receipt::{Forwarded, Receipt, Verdict};

use keyring::Keyring;

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

/// How callbacks are taken.
pub(crate) struct Taking {
    /// What a callback must show.
    pub(crate) check: Check,
    /// Where newer keys to check with are to be had.
    pub(crate) keys: Option<KeySource>,
    /// Whether it is user name and password, and no signature.
    pub(crate) by_password: bool,
    /// Where callbacks are passed on to.
    pub(crate) forward: Option<Forward>,
    /// What is answered where nothing else says.
    pub(crate) status: StatusCode,
    /// How long the answer is kept back.
    pub(crate) delay: Duration,
}

#[derive(Clone)]
struct Taker {
    manner: Arc<Manner>,
    receipts: mpsc::Sender<Handed>,
}

/// [`Taking`], at work.
struct Manner {
    keyring: Keyring,
    by_password: bool,
    forward: Option<Forward>,
    status: StatusCode,
    delay: Duration,
}

/// A callback that was handed on; its sender waits until it was printed.
pub(crate) struct Handed {
    pub(crate) receipt: Receipt,
    printed: oneshot::Sender<bool>,
}

impl Handed {
    /// Prints it, and lets its sender have the answer.
    pub(crate) fn print<E>(self, print: impl FnOnce(&Receipt) -> Result<(), E>) -> Result<(), E> {
        let printed = print(&self.receipt);
        // Who sent it may have left.
        let _ = self.printed.send(printed.is_ok());
        printed
    }
}

/// Does some work that callbacks come during: they are printed, for else who sent them would wait in vain. Those that can't
/// be printed come again.
pub(crate) async fn printing_meanwhile<T, E>(
    receipts: &mut mpsc::Receiver<Handed>,
    mut print: impl FnMut(&Receipt) -> Result<(), E>,
    work: impl Future<Output = T>,
) -> T {
    tokio::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return done,
            Some(handed) = receipts.recv() => drop(handed.print(&mut print)),
        }
    }
}

impl Taking {
    /// Answers with 204, at once.
    pub(crate) fn new(check: Check, keys: Option<KeySource>) -> Self {
        Self {
            check,
            keys,
            by_password: false,
            forward: None,
            status: StatusCode::NO_CONTENT,
            delay: Duration::ZERO,
        }
    }
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
        taking: Taking,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> (mpsc::Receiver<Handed>, tokio::task::JoinHandle<io::Result<()>>) {
        let (receipts, received) = mpsc::channel(WAITING);
        let Taking { check, keys, by_password, forward, status, delay } = taking;
        let keyring = Keyring::new(check, keys);
        let manner = Arc::new(Manner { keyring, by_password, forward, status, delay });
        let router = Router::new().fallback(take).with_state(Taker { manner, receipts });
        let serving = axum::serve(self.socket, router).with_graceful_shutdown(stop);
        (received, tokio::spawn(serving.into_future()))
    }
}

async fn take(State(taker): State<Taker>, request: Request<Body>) -> Response {
    if request.method() != Method::POST {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, LARGEST).collect().await else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    taker.answer(&head.headers, body.to_bytes()).await
}

impl Taker {
    async fn answer(&self, fields: &HeaderMap, body: Bytes) -> Response {
        let taking = &*self.manner;
        let now = SystemClock::new().unix_seconds();
        let present = taking.keyring.present();
        let mut receipt = taking.receive(fields, body.clone(), &present.check, now);
        if is_of_another_key(&receipt.verdict)
            && let Some(check) = taking.keyring.newer_than(&present).await
        {
            receipt = taking.receive(fields, body.clone(), &check, now);
        }
        let mut answer = match &receipt.verdict {
            Verdict::Wrong(rejection) => rejection.status().into_response(),
            _ if receipt.message.is_err() => StatusCode::BAD_REQUEST.into_response(),
            _ => taking.status.into_response(),
        };
        if let Some(forward) = &taking.forward
            && receipt.message.is_ok()
            && !matches!(receipt.verdict, Verdict::Wrong(_))
        {
            let (forwarded, passed_back) = forward.pass_on(fields, body).await;
            receipt.forwarded = Some(forwarded);
            answer = passed_back;
        }
        let (printed, told) = oneshot::channel();
        if self.receipts.send(Handed { receipt, printed }).await.is_err() {
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
        match told.await {
            Ok(true) => {}
            Ok(false) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            Err(_) => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
        }
        tokio::time::sleep(taking.delay).await;
        answer
    }
}

fn is_of_another_key(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Wrong(Rejection::Signature(SignatureError::NoMatch)))
}

impl Manner {
    fn receive(&self, fields: &HeaderMap, body: Bytes, check: &Check, now: i64) -> Receipt {
        let number = |name| fields.value(name).and_then(|text| text.parse().ok());
        let verdict = match Callback::read(fields, body.clone(), check, now) {
            // A signature is checked before the body is read.
            Ok(_) | Err(Rejection::Unreadable(_)) if check.is_unverified() => Verdict::NotChecked,
            Ok(_) if self.by_password => Verdict::Known,
            Ok(_) | Err(Rejection::Unreadable(_)) => Verdict::Verified,
            Err(rejection) => Verdict::Wrong(rejection),
        };
        Receipt {
            id: fields.value(headers::WEBHOOK_ID).unwrap_or_default().to_owned(),
            sequence: number(headers::RINGBACK_SEQUENCE),
            attempt: number(headers::RINGBACK_ATTEMPT),
            replay: fields.value(headers::RINGBACK_REPLAY) == Some(headers::REPLAY_VALUE),
            verdict,
            message: CallbackMessage::parse(&body).map_err(|error| error.to_string()),
            body,
            forwarded: None,
        }
    }
}
