//! What is known of a span once it has ended.

use std::sync::Arc;
use std::time::Duration;

use ringback_delivery::{MessageId, Outcome, Timestamp};
use ringback_wire::trace::TraceParent;

use crate::send::CallbackUrl;

/// A span that has ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// Its trace and its own id.
    pub(super) context: TraceParent,
    /// The span that caused it; `None` for the first of a trace.
    pub(super) parent: Option<[u8; 8]>,
    /// When it began.
    pub(super) started: Timestamp,
    /// How long it took.
    pub(super) took: Duration,
    pub(super) what: What,
}

/// What it was.
#[derive(Debug)]
pub(super) enum What {
    /// A publish request.
    Published {
        /// The status that it was answered with.
        status: u16,
        /// The messages that were accepted, and the first of them.
        accepted: u64,
        first: Option<MessageId>,
    },
    /// An attempt.
    Attempted(Box<Attempted>),
}

/// An attempt that was made.
#[derive(Debug)]
pub(crate) struct Attempted {
    /// The message.
    pub(crate) message: MessageId,
    /// Which attempt it is, from 1.
    pub(crate) number: u32,
    /// Whether a person had it sent again.
    pub(crate) replay: bool,
    /// Where it went. Only host and port are told.
    pub(crate) url: Arc<CallbackUrl>,
    /// How it ended.
    pub(crate) outcome: Outcome,
    /// Why there was no answer, in a sentence that the tenant may read.
    pub(crate) error: Option<String>,
}
