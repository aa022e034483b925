//! Every JSON body, header and signature that crosses a process in Ringback: what a ThingSpace-compatible server, its
//! clients, its publishers and its listeners say to each other.
//!
//! Two families live here. The *contract* is ThingSpace's: [`auth`], [`v1`] and the callback message ([`message`]),
//! which Ringback must speak as it is. The rest is Ringback's own: [`publish`], [`api`], [`signature`] (Standard
//! Webhooks), [`trace`] (W3C Trace Context) and [`headers`]. Documentation says "contract §n" where a fact comes from the project's contract document
//! (its sections: 1 authentication, 2 callbacks V1, 3 the callback message), and "ours" where Ringback decided.
//!
//! The crate does no I/O, reads no clock and draws no random numbers; time and key bytes are given to it. Values that are
//! secrets are held in [`Secret`], which `Debug` never shows.

#![forbid(unsafe_code)]

mod text_enum;
mod whole_number;

pub mod account;
pub mod api;
pub mod auth;
pub mod error_code;
pub mod event;
pub mod headers;
pub mod message;
pub mod message_type;
pub mod publish;
pub mod rfc3339;
pub mod routes;
#[cfg(feature = "schema")]
pub mod schema;
pub mod secret;
pub mod signature;
pub mod trace;
pub mod v1;

pub use message_type::MessageType;
pub use secret::Secret;
pub use text_enum::UnknownText;
