//! The Ringback service.

pub mod api;
pub mod arrivals;
pub mod clock;
pub mod credentials;
pub mod dispatch;
pub mod send;
pub mod service;
