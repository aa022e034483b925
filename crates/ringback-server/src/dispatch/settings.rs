//! How the dispatcher works, and what it says of itself.

use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use ringback_delivery::Settings;

use crate::backpressure::Backpressure;
use crate::events::Events;
use crate::live::Live;
use crate::metrics::Metrics;
use crate::trace::Tracer;

use super::attempt::Signing;

/// How the dispatcher works.
#[derive(Debug, Clone)]
pub struct DispatchSettings {
    /// The engine's numbers.
    pub engine: Settings,
    /// What deliveries are signed with.
    pub signing: Signing,
    /// Bytes of bodies that are kept in memory: half for fresh messages, half for what was read ahead.
    pub body_bytes: usize,
    /// How long a request may take in all: nothing starts for an account that is not this node's for so long.
    pub request_timeout: Duration,
    /// Where attempts are counted.
    pub metrics: Metrics,
    /// Who is told what was recorded, for those who watch.
    pub live: Option<Live>,
    /// What sees that something happened to a lane or a message.
    pub events: Events,
    /// What makes spans of attempts.
    pub tracer: Tracer,
    /// What holds publishers back while callbacks wait for the processor.
    pub backpressure: Backpressure,
}

impl Default for DispatchSettings {
    fn default() -> Self {
        Self {
            engine: Settings::default(),
            signing: Signing::default(),
            body_bytes: 8 << 20,
            request_timeout: Duration::from_secs(15),
            metrics: Metrics::default(),
            live: None,
            events: Events::default(),
            tracer: Tracer::default(),
            backpressure: Backpressure::default(),
        }
    }
}

/// What the dispatcher is doing, for whoever watches.
#[derive(Debug, Default)]
pub struct DispatchStats {
    /// Attempts under way.
    pub flying: AtomicUsize,
    /// Answered outcomes that are not recorded yet.
    pub unrecorded: AtomicUsize,
    /// Lanes in memory.
    pub lanes: AtomicUsize,
}
