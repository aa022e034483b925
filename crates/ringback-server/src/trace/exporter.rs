//! Gathers spans that have ended and sends them to a collector: OTLP over HTTP, as protocol buffers.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue, USER_AGENT};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message as _;
use ringback_delivery::Outcome;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};
use uuid::Uuid;

use super::otlp;
use super::span::Ended;
use super::tracer::{Recording, Tracer};
use crate::clock::Clock;
use crate::metrics::Metrics;
use crate::send::{AGENT, CallbackUrl, InvalidCallbackUrl, OutgoingCallback, Sender};

/// Spans that wait to be sent; more are dropped.
const QUEUE: usize = 8192;
/// Spans in one request.
const BATCH: usize = 512;
/// How long a request waits to become full.
const GATHERS_FOR: Duration = Duration::from_secs(1);
/// How long to wait before each attempt to send a request; after the last, its spans are dropped.
const ATTEMPTS: [Duration; 3] = [Duration::ZERO, Duration::from_secs(1), Duration::from_secs(5)];
/// How long a stop may take to send what waits.
const FLUSHES_WITHIN: Duration = Duration::from_secs(3);
/// Where a collector takes traces, behind its endpoint.
const PATH: &str = "/v1/traces";
const PROTOBUF: HeaderValue = HeaderValue::from_static("application/x-protobuf");

/// Where spans go, and which.
#[derive(Debug, Clone)]
pub struct TracerSettings {
    /// The collector's URL for traces: see [`collector_url`].
    pub url: Arc<CallbackUrl>,
    /// Of the publish requests that come in no trace, the portion that begins one: 0 to 1.
    pub ratio: f64,
}

/// The URL for traces of a collector with this endpoint, such as `http://127.0.0.1:4318`.
///
/// # Errors
///
/// Says what is wrong with the endpoint as a URL.
pub fn collector_url(endpoint: &str) -> Result<CallbackUrl, InvalidCallbackUrl> {
    CallbackUrl::parse(&format!("{}{PATH}", endpoint.trim_end_matches('/')))
}

/// The task that exports.
pub(crate) struct Exporter {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Exporter {
    /// Exports from then on what the tracer is told. Needs a tokio runtime.
    pub(crate) fn start(
        settings: TracerSettings,
        sender: Sender,
        clock: Clock,
        metrics: Metrics,
    ) -> (Tracer, Self) {
        let (queue, ended) = mpsc::channel(QUEUE);
        let (stop, stopped) = oneshot::channel();
        let resource = otlp::resource(Uuid::new_v4().to_string());
        let run = Run { url: settings.url, sender, metrics: metrics.clone(), resource, is_failing: false };
        let tracer = Tracer::exporting(Recording { queue, ratio: settings.ratio, clock, metrics });
        (tracer, Self { stop, task: tokio::spawn(run.export(ended, stopped)) })
    }

    /// Sends what waits, as far as that goes quickly, and stops.
    pub(crate) async fn stop(mut self) {
        // The task listens until it has stopped.
        let _ = self.stop.send(());
        if timeout(FLUSHES_WITHIN, &mut self.task).await.is_err() {
            tracing::warn!("the last spans were not exported before the stop");
            self.task.abort();
        }
    }
}

struct Run {
    url: Arc<CallbackUrl>,
    sender: Sender,
    metrics: Metrics,
    resource: Resource,
    /// Whether the last request was given up: that is said once, and once that it is over.
    is_failing: bool,
}

impl Run {
    async fn export(mut self, mut ended: mpsc::Receiver<Ended>, mut stopped: oneshot::Receiver<()>) {
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            let stops = tokio::select! {
                biased;
                _ = &mut stopped => true,
                () = gather(&mut ended, &mut batch) => false,
            };
            if stops {
                break;
            }
            self.send(&mut batch, &ATTEMPTS).await;
        }
        loop {
            while batch.len() < BATCH
                && let Ok(one) = ended.try_recv()
            {
                batch.push(one);
            }
            if batch.is_empty() {
                return;
            }
            self.send(&mut batch, &ATTEMPTS[..1]).await;
        }
    }

    /// Sends the batch, and drops it if that does not go.
    async fn send(&mut self, batch: &mut Vec<Ended>, attempts: &[Duration]) {
        let spans = batch.len() as u64;
        let body = Bytes::from(otlp::body(&self.resource, batch.drain(..)));
        let origin = self.url.origin_for_logs();
        let mut why = String::new();
        for wait in attempts {
            tokio::time::sleep(*wait).await;
            let headers = HeaderMap::from_iter([(CONTENT_TYPE, PROTOBUF), (USER_AGENT, AGENT)]);
            let request =
                OutgoingCallback { account: None, url: self.url.clone(), headers, body: body.clone() };
            let report = self.sender.send(request).await;
            match report.outcome {
                Outcome::Answered { status: 200..=299, .. } => {
                    if std::mem::take(&mut self.is_failing) {
                        tracing::info!(origin, "the collector takes spans again");
                    }
                    let rejected = rejected(report.excerpt.as_deref()).min(spans);
                    self.metrics.spans_exported(spans - rejected);
                    self.metrics.spans_dropped(rejected);
                    return;
                }
                // The specification names those after which to try again.
                Outcome::Answered { status, .. } => {
                    why = format!("it answered {status}");
                    if !matches!(status, 429 | 502 | 503 | 504) {
                        break;
                    }
                }
                Outcome::Failed(_) | Outcome::NotStarted => why = report.error.unwrap_or_default(),
            }
        }
        self.metrics.spans_dropped(spans);
        if !std::mem::replace(&mut self.is_failing, true) {
            tracing::warn!(origin, why, "the collector takes no spans; they are dropped until it does");
        }
    }
}

/// Waits for a span, and then for more, until there is a batch or its time is over.
async fn gather(ended: &mut mpsc::Receiver<Ended>, batch: &mut Vec<Ended>) {
    if ended.recv_many(batch, BATCH - batch.len()).await == 0 {
        // Nothing can come any more; the stop will.
        std::future::pending::<()>().await;
    }
    let deadline = Instant::now() + GATHERS_FOR;
    while batch.len() < BATCH {
        let room = BATCH - batch.len();
        match timeout_at(deadline, ended.recv_many(batch, room)).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
}

/// How many spans the collector's answer says that it did not take.
fn rejected(answer: Option<&[u8]>) -> u64 {
    let answer = answer.and_then(|bytes| ExportTraceServiceResponse::decode(bytes).ok());
    let partial = answer.and_then(|answer| answer.partial_success);
    partial.map_or(0, |partial| u64::try_from(partial.rejected_spans).unwrap_or_default())
}
