//! The sender: one POST, and what came of it.
//!
//! A response counts as an answer when all of it has come, or as much of its body as is read at all. A status without the
//! end of its response is no answer: who drips bytes for ever holds a slot no longer than who says nothing.
//!
//! Who sends may look once more whether to, in the last moment: when a connection is there, and nothing of the request is on it
//! ([`Sender::send_if`]). Until then there may have been a wait for one to come free, or for a handshake.
//!
//! Nothing is sent twice. A request is taken to another connection only when the first one, a kept one, turned out to be
//! closed before a byte of the request was taken from the queue (hyper gives the request back only then). Once writing
//! has begun, a broken connection is a [`Failure::Protocol`](ringback_delivery::Failure), and whether to repeat is the
//! lane's decision.
//!
//! Connections are kept for the next callback to the same endpoint, a bounded number in all ([`super::idle`]).

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant, UNIX_EPOCH},
};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, header};
use http_body_util::{BodyExt, Full};
use hyper::{
    Response,
    body::{Body, Incoming},
    client::conn::http1,
};
use hyper_util::rt::TokioIo;
use ringback_delivery::{AccountId, Outcome};
use rustls::pki_types::CertificateDer;

use crate::clock::Clock;

use super::{
    CallbackUrl, EgressPolicy, EgressProxy, EndpointTls, Resolve, Roots, SystemResolver,
    connect::Connector,
    failure::Unanswered,
    idle::{Connected, Idle, Open},
    retry_after,
    target::Destination,
    tls,
};

/// The largest head of a response, in bytes. Its number of fields is bounded by hyper, to 100.
const MAX_HEAD_BYTES: usize = 64 * 1024;
/// How long a connection may take, after its response, until it is ready for the next request. Usually that is at once;
/// who answers before all of the request was read may take long.
const SETTLES_WITHIN: Duration = Duration::from_millis(20);

/// How a [`Sender`] behaves. The default is that of `serve`: public addresses, the web's roots.
#[derive(Clone)]
pub struct SenderSettings {
    /// Where callbacks may go.
    pub policy: Arc<EgressPolicy>,
    /// What names mean.
    pub resolver: Arc<dyn Resolve>,
    /// Certificate authorities to trust.
    pub roots: Roots,
    /// Others beside them.
    pub extra_roots: Vec<CertificateDer<'static>>,
    /// What is particular to the TLS of some endpoints.
    pub endpoints: Vec<EndpointTls>,
    /// The proxy that callbacks go through; none is used, whatever the environment says, where none is given.
    pub proxy: Option<EgressProxy>,
    /// The address that callbacks come from, for allow-lists; endpoints without an address of its family can't be called.
    pub source_address: Option<IpAddr>,
    /// What the dates in `Retry-After` are compared with.
    pub clock: Clock,
    /// For resolving, connecting and TLS together.
    pub connect_timeout: Duration,
    /// For the whole attempt, up to the end of the response.
    pub timeout: Duration,
    /// How long a connection is kept for the next callback.
    pub idle_timeout: Duration,
    /// How many such connections are kept: those that were used last.
    pub max_idle: usize,
    /// How many requests may be open to one endpoint, those not counted that have been out for long, before the next waits a
    /// moment for a connection to come free.
    pub open_at_once: usize,
    /// How much of a response's body is read, in bytes. Past it the status counts, and the connection is closed.
    pub max_body_bytes: usize,
    /// How much of it is reported, in bytes.
    pub max_excerpt_bytes: usize,
}

impl Default for SenderSettings {
    fn default() -> Self {
        Self {
            policy: Arc::default(),
            resolver: Arc::new(SystemResolver::default()),
            roots: Roots::default(),
            extra_roots: Vec::new(),
            endpoints: Vec::new(),
            proxy: None,
            source_address: None,
            clock: Clock::system(),
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(15),
            idle_timeout: Duration::from_secs(60),
            max_idle: 1024,
            open_at_once: 32,
            max_body_bytes: 64 * 1024,
            max_excerpt_bytes: 1024,
        }
    }
}

/// Settings that no sender can be made of.
#[derive(Debug, thiserror::Error)]
pub enum InvalidSenderSettings {
    /// One of the roots is not a certificate of an authority, or a client's certificate and key don't go together.
    #[error("TLS to endpoints can't be set up as it is configured: {0}")]
    Tls(#[from] rustls::Error),
}

/// One callback to be sent.
#[derive(Debug, Clone)]
pub struct OutgoingCallback {
    /// Whose. Some endpoints' TLS is for some accounts only.
    pub account: Option<AccountId>,
    /// Where to.
    pub url: Arc<CallbackUrl>,
    /// The headers, sent as they are; `Host` and `Content-Length` are added.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// What came of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendReport {
    /// How it ended.
    pub outcome: Outcome,
    /// How long it waited first, for a connection that other requests had.
    pub waited: Duration,
    /// How long it took then, to the end of the response.
    pub duration: Duration,
    /// The beginning of the response's body, as it came; nothing if it was empty. For a failure: what had come by then.
    pub excerpt: Option<Vec<u8>>,
    /// Why there was no answer, in a sentence that the tenant may read: no address, no path, no secret.
    pub error: Option<String>,
}

/// Sends callbacks. A clone is a reference to the same one, and to its connections.
#[derive(Clone)]
pub struct Sender(Arc<Sending>);

struct Sending {
    connector: Connector,
    /// For endpoints whose TLS is particular.
    particular: Vec<Particular>,
    idle: Idle<Connection>,
    clock: Clock,
    timeout: Duration,
    max_body_bytes: usize,
    max_excerpt_bytes: usize,
}

struct Particular {
    rule: EndpointTls,
    connector: Connector,
    /// What its connections are kept under, before the origin: nobody else gets to use them.
    mark: String,
}

/// How a callback goes out.
struct Way<'a> {
    connector: &'a Connector,
    /// What its connections are kept under.
    kept_as: Arc<str>,
}

type Connection = http1::SendRequest<Full<Bytes>>;

impl Connected for Connection {
    fn is_closed(&self) -> bool {
        http1::SendRequest::is_closed(self)
    }
}

/// A request's place among those to its endpoint, with the connection that it got, if it need not open one.
type Place = (Option<Connection>, Open<Connection>);

/// A connection on which a request is open.
struct InUse {
    connection: Connection,
    open: Open<Connection>,
}

/// What has come of the response so far, kept outside of what the time-out cuts off.
#[derive(Default)]
struct Received {
    head: Option<Head>,
    excerpt: Vec<u8>,
}

#[derive(Clone, Copy)]
struct Head {
    status: u16,
    retry_after: Option<Duration>,
}

impl Sender {
    /// A sender with no connections yet. Needs a tokio runtime to be called in.
    ///
    /// # Errors
    ///
    /// If the roots, or a client's certificate, can't be used.
    pub fn new(settings: SenderSettings) -> Result<Self, InvalidSenderSettings> {
        let connector = |rule: Option<&EndpointTls>| -> Result<_, InvalidSenderSettings> {
            Ok(Connector {
                policy: settings.policy.clone(),
                resolver: settings.resolver.clone(),
                tls: tls::connector(&settings.roots, &settings.extra_roots, rule)?,
                proxy: settings.proxy.clone(),
                source_address: settings.source_address,
                timeout: settings.connect_timeout,
            })
        };
        let mut particular = Vec::with_capacity(settings.endpoints.len());
        for (number, rule) in settings.endpoints.iter().enumerate() {
            let (connector, mark) = (connector(Some(rule))?, format!("{number} "));
            particular.push(Particular { rule: rule.clone(), connector, mark });
        }
        let connector = connector(None)?;
        Ok(Self(Arc::new(Sending {
            connector,
            particular,
            idle: Idle::start(settings.max_idle, settings.open_at_once, settings.idle_timeout),
            clock: settings.clock,
            timeout: settings.timeout,
            max_body_bytes: settings.max_body_bytes,
            max_excerpt_bytes: settings.max_excerpt_bytes,
        })))
    }

    /// Makes one attempt. Dropping the future gives it up, and closes its connection.
    pub async fn send(&self, callback: OutgoingCallback) -> SendReport {
        self.send_if(callback, || true).await
    }

    /// The same, but when `may_start` says no there is no attempt: nothing was sent, and the outcome is
    /// [`Outcome::NotStarted`]. It is asked first of all, and once more on each connection before anything of the request is written to it.
    pub async fn send_if(&self, callback: OutgoingCallback, may_start: impl Fn() -> bool) -> SendReport {
        let way = self.0.way(&callback.url, callback.account);
        let came = Instant::now();
        if !may_start() {
            let waited = Duration::ZERO;
            return SendReport {
                outcome: Outcome::NotStarted,
                waited,
                duration: waited,
                excerpt: None,
                error: None,
            };
        }
        let place = self.0.idle.take(&way.kept_as).await;
        let started = Instant::now();
        let mut received = Received::default();
        let exchange = self.0.exchange(&way, place, callback, may_start, &mut received);
        let ended = tokio::time::timeout(self.0.timeout, exchange).await;
        let ended = ended.unwrap_or_else(|_| Err(Unanswered::timeout(received.head.is_some())));
        let duration = started.elapsed();
        let (outcome, error) = match ended {
            Ok(Some((Head { status, retry_after }, connection))) => {
                keep(connection).await;
                (Outcome::Answered { status, retry_after }, None)
            }
            Ok(None) => (Outcome::NotStarted, None),
            Err(Unanswered { failure, reason }) => (Outcome::Failed(failure), Some(reason)),
        };
        let excerpt = (!received.excerpt.is_empty()).then_some(received.excerpt);
        SendReport { outcome, waited: started - came, duration, excerpt, error }
    }
}

impl Sending {
    /// The way that callbacks of this account to this URL go.
    fn way(&self, url: &CallbackUrl, account: Option<AccountId>) -> Way<'_> {
        let origin = url.origin();
        match self.particular.iter().find(|one| one.rule.is_about(url.destination(), account)) {
            None => Way { connector: &self.connector, kept_as: origin.clone() },
            Some(one) => Way { connector: &one.connector, kept_as: format!("{}{origin}", one.mark).into() },
        }
    }

    /// The response's head, and the connection if it may be used again; nothing if it may not start.
    async fn exchange(
        &self,
        way: &Way<'_>,
        place: Place,
        callback: OutgoingCallback,
        may_start: impl Fn() -> bool,
        received: &mut Received,
    ) -> Result<Option<(Head, Option<InUse>)>, Unanswered> {
        let url = callback.url.clone();
        let answered = self.request(way, place, url.destination(), request(callback), may_start).await?;
        let Some((connection, response)) = answered else { return Ok(None) };
        let asked = response.headers().get(header::RETRY_AFTER);
        let now = || {
            let since_epoch = u64::try_from(self.clock.now().as_millis()).unwrap_or_default();
            UNIX_EPOCH + Duration::from_millis(since_epoch)
        };
        let head = Head {
            status: response.status().as_u16(),
            retry_after: asked.and_then(|value| retry_after(value, now())),
        };
        received.head = Some(head);
        let whole = self.read(response.into_body(), &mut received.excerpt).await?;
        Ok(Some((head, whole.then_some(connection))))
    }

    /// Sends the request on the connection of its place, or else on a new one.
    async fn request(
        &self,
        way: &Way<'_>,
        mut place: Place,
        destination: &Destination,
        mut request: Request<Full<Bytes>>,
        may_start: impl Fn() -> bool,
    ) -> Result<Option<(InUse, Response<Incoming>)>, Unanswered> {
        loop {
            let (kept, open) = place;
            let is_new = kept.is_none();
            let ready = match kept {
                Some(connection) => Ok(connection),
                None if !may_start() => return Ok(None),
                // Boxed: it is large, and most attempts find a connection.
                None => Box::pin(connect(way.connector, destination)).await,
            };
            // Nothing was sent so far, whether there is a connection or not.
            if !may_start() {
                if let Ok(connection) = ready {
                    open.give_back(connection);
                }
                return Ok(None);
            }
            let mut connection = ready?;
            match connection.try_send_request(request).await {
                Ok(response) => return Ok(Some((InUse { connection, open }, response))),
                Err(mut failed) => match failed.take_message() {
                    // A kept one was closed meanwhile, and nothing was sent.
                    Some(unsent) if !is_new => request = unsent,
                    _ => return Err(failed.into_error().into()),
                },
            }
            drop(open);
            place = self.idle.take(&way.kept_as).await;
        }
    }

    /// Reads the body to its end, so that the connection can be used again, or to the bound; whether it is whole.
    async fn read(&self, mut body: Incoming, excerpt: &mut Vec<u8>) -> Result<bool, hyper::Error> {
        let mut read = 0;
        while !body.is_end_stream() {
            let Some(frame) = body.frame().await.transpose()? else { break };
            let Some(data) = frame.data_ref() else { continue };
            let wanted = self.max_excerpt_bytes - excerpt.len();
            excerpt.extend_from_slice(&data[..data.len().min(wanted)]);
            read += data.len();
            if read > self.max_body_bytes {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Keeps a connection for the next callback, if it is to be kept by either side.
async fn keep(used: Option<InUse>) {
    let Some(InUse { mut connection, open }) = used else { return };
    if let Ok(Ok(())) = tokio::time::timeout(SETTLES_WITHIN, connection.ready()).await {
        open.keep(connection);
    }
}

async fn connect(connector: &Connector, destination: &Destination) -> Result<Connection, Unanswered> {
    let stream = connector.open(destination).await.map_err(|error| Unanswered::from(&error))?;
    let (sender, connection) =
        http1::Builder::new().max_buf_size(MAX_HEAD_BYTES).handshake(TokioIo::new(stream)).await?;
    // It ends when its sender is dropped; whether it ended well is told by the request.
    tokio::spawn(connection);
    Ok(sender)
}

fn request(OutgoingCallback { url, mut headers, body, .. }: OutgoingCallback) -> Request<Full<Bytes>> {
    headers.insert(header::HOST, url.host_header().clone());
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = url.target().clone();
    *request.headers_mut() = headers;
    request
}
