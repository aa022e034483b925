//! One attempt: take the endpoint in force, fill in its user name and password, sign, wait for a connection, look once more,
//! send.

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
mod tests;
