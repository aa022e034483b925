//! The listener from outside: through tower, and over HTTP on ports of this machine.
#![allow(clippy::unwrap_used)]

mod cast;
mod catch_up;
mod checks;
#[cfg(feature = "catch-up")]
mod client;
mod duplicates;
mod fake_source;
mod gap_detector;
mod gaps;
mod handling;
mod http;
mod memory_store;
mod plain;
mod rejections;
