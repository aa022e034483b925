//! One attempt: take the endpoint in force, fill in its user name and password, sign, wait for a connection, look once more, send.

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use ringback_delivery::{Failure, MessageId, Outcome, Start, Timestamp};
use ringback_store::{Attempt, Content, Store, StoreError};
use ringback_wire::headers;
use ringback_wire::publish::splice_credentials;
use ringback_wire::trace::TraceParent;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::metrics::outcome_class;
use crate::send::{OutgoingCallback, SendReport, Sender, signed};
use crate::trace::{self, Attempted, Tracer};

use super::endpoints::{Endpoints, ReadyEndpoint};
use super::guarded::or_panic;
use super::ownership::Ownership;
use super::trouble::Trouble;

const RINGBACK_SEQUENCE: HeaderName = HeaderName::from_static(headers::RINGBACK_SEQUENCE);
const RINGBACK_ATTEMPT: HeaderName = HeaderName::from_static(headers::RINGBACK_ATTEMPT);
const RINGBACK_REPLAY: HeaderName = HeaderName::from_static(headers::RINGBACK_REPLAY);
const REPLAYED: HeaderValue = HeaderValue::from_static(headers::REPLAY_VALUE);

/// How often an attempt begins anew because its endpoint has changed meanwhile. Then its message waits as one that could not go.
const ROUNDS: u32 = 5;

/// What a delivery's signature is made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Signing {
    /// `v1`: HMAC-SHA256.
    #[default]
    Hmac,
    /// `v1` and beside it `v1a`: Ed25519. It takes some 25 times as long.
    HmacAndEd25519,
}

/// What all attempts share.
pub(super) struct Attempts {
    pub(super) store: Arc<dyn Store>,
    pub(super) endpoints: Arc<Endpoints>,
    pub(super) sender: Sender,
    pub(super) clock: Clock,
    pub(super) signing: Signing,
    pub(super) ownership: Arc<Ownership>,
    pub(super) tracer: Tracer,
    pub(super) trouble: Arc<Trouble>,
}

impl Attempts {
    /// Makes the attempt that was decided with this token of the account's shard. Its outcome is `NotStarted` when there is
    /// nowhere to send to, the message was cancelled since, or the account is not this node's for long enough.
    /// One that panics has failed, so that others have their turn, and its message is tried again as one whose endpoint failed.
    pub(super) async fn make(&self, start: Start, token: u64, content: &Content) -> Attempt {
        let (number, begun) = (start.waiting.attempts, self.clock.now());
        let made = or_panic(self.report(start, token, content)).await;
        let (came, report) = made.unwrap_or_else(|_| (begun, broken_off()));
        let SendReport { outcome, waited, duration, excerpt, error } = report;
        Attempt { number, started_at: came.after(waited), duration, outcome, error, excerpt }
    }

    /// With when it came to its endpoint.
    async fn report(&self, start: Start, token: u64, content: &Content) -> (Timestamp, SendReport) {
        let span = content.trace.and_then(trace::child);
        let mut came = self.clock.now();
        for _ in 0..ROUNDS {
            let taken =
                self.endpoints.take(self.store.as_ref(), &self.clock, self.signing, start.account).await;
            let taken = match taken {
                Ok(Some(taken)) => taken,
                Ok(None) => break,
                Err(error @ StoreError::Unavailable(_)) => {
                    self.trouble.failed(&error);
                    break;
                }
                Err(error) => {
                    tracing::error!(account = %start.account, %error, "an attempt could not begin");
                    break;
                }
            };
            if start.waiting.turn <= taken.endpoint.cancelled_through {
                // Its lane will hear of it. What is registered now was not meant.
                break;
            }
            came = self.clock.now();
            let mut callback = self.prepare(&start, &taken.endpoint, &content.body, came);
            if let Some(span) = &span {
                trace::put(span, &mut callback.headers);
            }
            let may_start = || self.ownership.may_start(start.account, token) && taken.is_current();
            let mut report = self.sender.send_if(callback, may_start).await;
            if report.outcome == Outcome::NotStarted {
                if taken.is_current() {
                    break;
                }
                continue;
            }
            report.excerpt = report
                .excerpt
                .filter(|_| !delivered(&report.outcome))
                .map(|excerpt| redact(excerpt, &taken.endpoint));
            tell(&start, &taken.endpoint, &report, span.as_ref());
            if let (Some(trace), Some(span)) = (content.trace, span) {
                let attempted = || attempted(&start, &taken.endpoint, &report);
                self.tracer.attempted(trace, span, came.after(report.waited), report.duration, attempted);
            }
            return (came, report);
        }
        (came, not_started())
    }

    fn prepare(
        &self,
        start: &Start,
        endpoint: &ReadyEndpoint,
        body: &[u8],
        now: Timestamp,
    ) -> OutgoingCallback {
        let waiting = &start.waiting;
        let body = splice_credentials(body, endpoint.username.expose(), endpoint.password.expose());
        let id = MessageId::new(start.account, waiting.sequence, waiting.accepted_at).to_string();
        let mut callback = signed(&endpoint.url, &endpoint.key, &id, now.as_seconds(), Bytes::from(body));
        callback.account = Some(start.account);
        callback.headers.insert(RINGBACK_SEQUENCE, HeaderValue::from(waiting.sequence.0));
        callback.headers.insert(RINGBACK_ATTEMPT, HeaderValue::from(waiting.attempts));
        if waiting.replay {
            callback.headers.insert(RINGBACK_REPLAY, REPLAYED);
        }
        callback
    }
}

/// What its span tells of an attempt.
fn attempted(start: &Start, endpoint: &ReadyEndpoint, report: &SendReport) -> Attempted {
    let waiting = &start.waiting;
    Attempted {
        message: MessageId::new(start.account, waiting.sequence, waiting.accepted_at),
        number: waiting.attempts,
        replay: waiting.replay,
        url: endpoint.url.clone(),
        outcome: report.outcome.clone(),
        error: report.error.clone(),
    }
}

/// One line for each attempt, at debug.
fn tell(start: &Start, endpoint: &ReadyEndpoint, report: &SendReport, span: Option<&TraceParent>) {
    let status = match report.outcome {
        Outcome::Answered { status, .. } => Some(status),
        Outcome::Failed(_) | Outcome::NotStarted => None,
    };
    tracing::debug!(
        account = %start.account,
        sequence = start.waiting.sequence.0,
        attempt = start.waiting.attempts,
        origin = endpoint.url.origin_for_logs(),
        status,
        outcome = outcome_class(&report.outcome),
        error = report.error,
        ms = report.duration.as_secs_f64() * 1000.0,
        trace_id = span.map(TraceParent::trace_text),
        span_id = span.map(TraceParent::span_text),
        "an attempt ended"
    );
}

fn not_started() -> SendReport {
    SendReport {
        outcome: Outcome::NotStarted,
        waited: Duration::ZERO,
        duration: Duration::ZERO,
        excerpt: None,
        error: None,
    }
}

/// Of an attempt that panicked. Whether anything was sent is not known.
fn broken_off() -> SendReport {
    tracing::error!("an attempt panicked");
    SendReport {
        outcome: Outcome::Failed(Failure::Protocol),
        error: Some("the attempt broke off by a fault of the server that makes it".to_owned()),
        ..not_started()
    }
}

fn delivered(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Answered { status: 200..=299, .. })
}

/// Takes the registration's user name and password out of what the endpoint answered.
pub(super) fn redact(excerpt: Vec<u8>, endpoint: &ReadyEndpoint) -> Vec<u8> {
    let mut text = excerpt;
    for secret in [endpoint.password.expose(), endpoint.username.expose()] {
        text = replace(&text, secret.as_bytes(), b"[hidden]");
    }
    text
}

fn replace(text: &[u8], what: &[u8], with: &[u8]) -> Vec<u8> {
    if what.is_empty() {
        return text.to_vec();
    }
    let mut replaced = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        if let Some(behind) = rest.strip_prefix(what) {
            replaced.extend_from_slice(with);
            rest = behind;
        } else {
            replaced.push(*first);
            rest = after;
        }
    }
    replaced
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use futures_util::FutureExt as _;
    use ringback_delivery::{
        AccountId, Command, EmptyLane, Engine, LaneRead, LaneRecord, MessageKind, Settings, Standing, Turn,
        Waiting,
    };
    use ringback_store::sqlite::{SqliteOptions, SqliteStore};
    use ringback_store::{
        Dispatching as _, NewMessage, Publishing as _, Registration, Registrations as _, Secret,
    };

    use tokio::net::TcpListener;

    use crate::send::{EgressMode, EgressPolicy, SenderSettings};

    use super::*;

    /// Where nobody listens: an attempt that begins fails.
    const NOWHERE: &str = "http://127.0.0.1:9/";

    async fn register(store: &SqliteStore, account: AccountId) {
        register_at(store, account, NOWHERE).await;
    }

    async fn register_at(store: &SqliteStore, account: AccountId, url: &str) {
        let registration = Registration { url: Secret::new(url), username: None, password: None };
        store.register(Clock::system().now(), account, registration).await.unwrap();
    }

    async fn accept(store: &SqliteStore, account: AccountId) {
        let message = NewMessage {
            account,
            kind: MessageKind::UpgradeFinished,
            key: None,
            idempotency: None,
            content: Bytes::from_static(b"{}").into(),
        };
        store.accept(Clock::system().now(), vec![message]).await.unwrap();
    }

    async fn waiting(store: &SqliteStore, account: AccountId) -> Vec<Waiting> {
        let read = LaneRead {
            account,
            opening: false,
            after: Turn(0),
            limit: 10,
            due_by: None,
            followers: Vec::new(),
        };
        let rows = store.load(vec![read]).await.unwrap().remove(0);
        rows.queue.into_iter().map(|(waiting, _)| waiting).collect()
    }

    /// As a lane decides that has heard of nothing but the message.
    fn decide(account: AccountId, waiting: Waiting) -> Start {
        let now = Clock::system().now();
        let before = Turn(waiting.turn.0 - 1);
        let standing = Standing { registered: true, last_turn: before, ..Standing::default() };
        let lane = EmptyLane { standing, record: LaneRecord::default() };
        let mut engine = Engine::new(Settings::default(), now);
        engine.accepted(now, account, waiting, Some(&lane));
        engine.pump(now);
        match engine.next_command() {
            Some(Command::Start(start)) => start,
            other => panic!("{other:?}"),
        }
    }

    fn anywhere() -> SenderSettings {
        let policy = Arc::new(EgressPolicy::new(EgressMode::Any));
        SenderSettings { policy, ..SenderSettings::default() }
    }

    fn attempts(store: Arc<dyn Store>) -> Attempts {
        attempts_with(store, anywhere())
    }

    fn attempts_with(store: Arc<dyn Store>, settings: SenderSettings) -> Attempts {
        Attempts {
            store,
            endpoints: Arc::default(),
            sender: Sender::new(settings).unwrap(),
            clock: Clock::system(),
            signing: Signing::Hmac,
            ownership: Arc::new(Ownership::new(false, Duration::from_secs(15))),
            tracer: Tracer::default(),
            trouble: Arc::default(),
        }
    }

    #[tokio::test]
    async fn what_was_cancelled_does_not_go_to_who_is_registered_since() {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(SqliteStore::open(SqliteOptions::server(folder.path().join("db"))).unwrap());
        let account: AccountId = "0252012345-00001".parse().unwrap();
        register(&store, account).await;
        accept(&store, account).await;
        store.deregister(Clock::system().now(), account).await.unwrap();
        register(&store, account).await;
        accept(&store, account).await;
        let attempts = attempts(store.clone());
        let token = attempts.ownership.token(account);
        let mut outcomes = Vec::new();
        for waiting in waiting(&store, account).await {
            let start = decide(account, waiting);
            let content = Content::from(Bytes::from_static(b"{}"));
            outcomes.push(attempts.make(start, token, &content).await.outcome);
        }
        assert!(matches!(outcomes[..], [Outcome::NotStarted, Outcome::Failed(_)]), "{outcomes:?}");
    }

    /// Two attempts to one endpoint of one place, of which the second waits, and is overtaken by what is done to its account.
    /// Gives what came of it, and whether a connection was opened for it to where the first one went.
    async fn overtaken(overtake: impl AsyncFnOnce(&SqliteStore, &Attempts, AccountId)) -> (Attempt, bool) {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(SqliteStore::open(SqliteOptions::server(folder.path().join("db"))).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let accounts = ["0252012345-00001", "0252012345-00002"].map(|account| account.parse().unwrap());
        let attempts = attempts_with(store.clone(), SenderSettings { open_at_once: 1, ..anywhere() });
        let content = Content::from(Bytes::from_static(b"{}"));
        let mut made = Vec::new();
        for account in accounts {
            register_at(&store, account, &url).await;
            accept(&store, account).await;
            attempts.endpoints.look_up(&*store, &attempts.clock, attempts.signing, vec![account]).await;
            let start = decide(account, waiting(&store, account).await[0]);
            made.push(Box::pin(attempts.make(start, attempts.ownership.token(account), &content)));
        }
        let (mut late, mut first) = (made.pop().unwrap(), made.pop().unwrap());
        assert!(
            futures_util::poll!(&mut first).is_pending(),
            "it has the endpoint's only place, and connects"
        );
        assert!(futures_util::poll!(&mut late).is_pending(), "it waits");
        overtake(&store, &attempts, accounts[1]).await;
        let late = late.await;
        // The first is not looked at again: it has sent nothing.
        let (_first, _) = listener.accept().await.unwrap();
        (late, listener.accept().now_or_never().is_some())
    }

    #[tokio::test]
    async fn what_waits_for_a_connection_does_not_go_to_who_has_deregistered_meanwhile() {
        let deregister = async |_: &SqliteStore, attempts: &Attempts, account| {
            let gone = Standing { registered: false, cancelled_through: Turn(1), ..Standing::default() };
            attempts.endpoints.changed(account, gone);
        };
        let (late, opened) = overtaken(deregister).await;
        assert_eq!(late.outcome, Outcome::NotStarted);
        assert!(!opened);
    }

    #[tokio::test]
    async fn what_waits_for_a_connection_goes_to_who_is_registered_by_then() {
        let replace = async |store: &SqliteStore, attempts: &Attempts, account| {
            register(store, account).await;
            let anew = Standing { registered: true, generation: 2, ..Standing::default() };
            attempts.endpoints.changed(account, anew);
        };
        let (late, opened) = overtaken(replace).await;
        assert_eq!(late.outcome, Outcome::Failed(Failure::Connect), "nobody listens at the new address");
        assert!(!opened);
    }

    #[tokio::test]
    async fn an_attempt_that_panics_has_failed() {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(SqliteStore::open(SqliteOptions::server(folder.path().join("db"))).unwrap());
        let account: AccountId = "0252012345-00001".parse().unwrap();
        register(&store, account).await;
        accept(&store, account).await;
        let attempts = attempts(store.clone());
        let start = decide(account, waiting(&store, account).await[0]);
        let no_object = Content::from(Bytes::new());
        let attempt = attempts.make(start, attempts.ownership.token(account), &no_object).await;
        assert_eq!((attempt.number, attempt.outcome), (1, Outcome::Failed(Failure::Protocol)));
        assert!(attempt.error.unwrap().contains("fault of the server"));
    }

    #[test]
    fn every_place_of_a_secret_is_hidden() {
        assert_eq!(replace(b"a pass b passpass", b"pass", b"*"), b"a * b **");
        assert_eq!(replace(b"unchanged", b"", b"*"), b"unchanged");
    }
}
