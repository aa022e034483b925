//! The server from outside: real HTTP on a port of its own, a real store, a clock that the test advances.
#![allow(clippy::unwrap_used, unreachable_pub)]

mod account_errors;
mod body_errors;
mod callbacks;
mod client;
mod credentials;
mod delivery;
mod health;
mod idempotency;
mod login;
mod logs;
mod ndjson;
mod publishing;
mod routes;
mod server;
mod session;
mod signing_key;
mod survival;
mod token;
