//! An account reading its own messages back: catching up after it was down, or pulling instead of being called.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::MessageState;
#[cfg(feature = "schema")]
use crate::schema;

/// The longest `wait` of a catch-up request, in seconds.
pub const MAX_WAIT_SECONDS: u64 = 60;

/// The answer to `GET /accounts/{a}/messages?after=N&limit=L&wait=S`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CatchUpPage {
    /// The lowest sequence number that is still kept; one above `last` where none is. If it is more than one above the
    /// `after` that was asked for, messages in between are gone.
    pub first: u64,
    /// The messages after the number asked for, in sequence; empty where there is none yet.
    pub messages: Vec<CatchUpMessage>,
    /// The highest sequence number that was given out so far; 0 before the first.
    pub last: u64,
}

/// One message of a page.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CatchUpMessage {
    /// Its sequence number in the account.
    pub sequence: u64,
    /// Its id, the `webhook-id` of its deliveries.
    pub id: String,
    /// Where it stands.
    pub state: MessageState,
    /// The message, byte for byte as it is kept: without user name and password.
    #[cfg_attr(feature = "schema", schema(value_type = schema::KeptMessage))]
    pub message: Box<RawValue>,
}

/// The body of `PUT /accounts/{a}/pull`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PullRequest {
    /// Whether messages are accepted and kept for the account without a registered URL.
    pub enabled: bool,
}

/// The answer to `PUT /accounts/{a}/pull`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PullAnswer {
    /// Whether it is on now.
    pub enabled: bool,
}

/// The body of `POST /accounts/{a}/ack`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AckRequest {
    /// Every pending message up to this sequence number, itself included, was read and counts as delivered.
    #[serde(deserialize_with = "crate::whole_number::read")]
    pub through: u64,
}

/// The answer to `POST /accounts/{a}/ack`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct AckAnswer {
    /// The highest sequence number acknowledged so far.
    pub through: u64,
}
