//! The Ringback service.

pub mod send;
