//! What an operator is told when an endpoint falls ill or recovers, and when a message is given up (**ours**).
//!
//! An event is sent like a callback: a POST of JSON, signed after Standard Webhooks with the events' own secret. Its form
//! is theirs: `type`, `timestamp`, `data`.

use serde::{Deserialize, Serialize};

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OperatorEvent {
    /// What happened.
    #[serde(rename = "type")]
    pub kind: EventKind,
    /// When; RFC 3339.
    pub timestamp: String,
    /// To whom, and why.
    pub data: EventData,
}

/// The kinds of event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum EventKind {
    /// An endpoint is in trouble: only probes are sent.
    #[serde(rename = "lane.onHold")]
    LaneOnHold,
    /// An endpoint that was in trouble took a message.
    #[serde(rename = "lane.recovered")]
    LaneRecovered,
    /// An endpoint answered 410: nothing is sent until it is registered anew or resumed.
    #[serde(rename = "lane.suspended")]
    LaneSuspended,
    /// A message was given up.
    #[serde(rename = "message.dead")]
    MessageDead,
}

/// What an event is about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventData {
    /// Whose lane, or message.
    pub account_name: String,
    /// Why, in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The dead message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<String>,
    /// Its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
    /// Events of this kind for this account that were not sent since the last that was: there is one in ten minutes at most.
    #[serde(default)]
    pub suppressed: u64,
}
