//! The Ringback service.

pub mod api;
pub mod arrivals;
pub mod backpressure;
pub mod clock;
pub mod console;
pub mod credentials;
pub mod dispatch;
pub mod events;
pub mod live;
pub mod metrics;
pub mod send;
pub mod service;
pub mod trace;
