//! The Rust SDK (being written).
