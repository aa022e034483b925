//! Traces: what a publisher's `traceparent` says goes with its message to every attempt; and, where that is asked for, the
//! server's own part of the trace goes to an OpenTelemetry collector.
//!
//! The cast: `context` reads and writes the header; the [`Tracer`] makes a span of a publish request and one of each
//! attempt, which `span` describes; the `exporter` gathers those that have ended, `otlp` writes them down, and they are
//! sent by OTLP over HTTP.
//!
//! The promise: where nothing is exported, a message that came in no trace costs nothing here. Where something is, nobody
//! waits for it: the queue is bounded, and what finds no place in it, or is not taken by the collector, is counted and let
//! go. A span holds no secret, no path of a callback's URL and nothing of a body.

mod context;
mod exporter;
mod otlp;
mod span;
mod tracer;

pub(crate) use context::{child, of_request, parent, put};
pub(crate) use exporter::Exporter;
pub(crate) use span::Attempted;
pub(crate) use tracer::{InSpan, PublishSpan};

pub use exporter::{TracerSettings, collector_url};
pub use tracer::Tracer;
