//! The wire format, from outside: the contract's examples, what publishers may and may not send, and signatures.
#![allow(clippy::unwrap_used)]

mod api;
mod auth;
mod contract;
mod message;
mod publish;
mod publish_refused;
mod signature;

/// One of the contract's examples.
fn fixture(name: &str) -> String {
    std::fs::read_to_string(format!("{}/tests/fixtures/{name}.json", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// Reads `json` as a `T`, and asserts that writing it gives equal JSON.
#[track_caller]
fn round_trip<T: serde::de::DeserializeOwned + serde::Serialize>(json: &str) -> T {
    let value: T = serde_json::from_str(json).unwrap();
    let wanted: serde_json::Value = serde_json::from_str(json).unwrap();
    assert_eq!(serde_json::to_value(&value).unwrap(), wanted);
    value
}
