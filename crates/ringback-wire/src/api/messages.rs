//! Messages as they are listed and looked at, and what was tried for each.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::MessageType;
#[cfg(feature = "schema")]
use crate::schema;
use crate::text_enum::{closed_enum, open_enum};

closed_enum! {
    /// Where a message stands. Of the message, not of an attempt; a replay moves one back to pending.
    MessageState {
        /// Waits for its first or next attempt.
        Pending = "pending",
        /// Answered with a 2xx, or acknowledged.
        Delivered = "delivered",
        /// Given up, after the last attempt or at 7 days of age.
        Dead = "dead",
        /// Its account deregistered.
        Cancelled = "cancelled",
    }
}

closed_enum! {
    /// Why a message was given up.
    DeathCause {
        /// The last attempt of the schedule failed.
        Attempts = "attempts",
        /// It reached 7 days of age.
        Age = "age",
    }
}

open_enum! {
    /// What a pending message waits for. Where it waits for several things, the first of these.
    WaitsFor {
        /// A registration, or that it is pulled.
        Registration = "registration",
        /// That an operator resumes its account.
        Resume = "resume",
        /// That a probe ends the hold of its account; it may be the probe itself.
        Probe = "probe",
        /// That its account, whose endpoint answered 410, is registered anew or resumed.
        Reinstatement = "reinstatement",
        /// The end of a message before it with the same ordering key.
        Message = "message",
        /// The time of its next attempt.
        Retry = "retry",
        /// Its turn: nothing speaks against it.
        Turn = "turn",
    }
}

/// The query of `GET /messages`; what is left out does not narrow the search.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MessageSearch {
    /// Only this account's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Only in this state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<MessageState>,
    /// Only of this type.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<MessageType>,
    /// Only accepted at this time or later; RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Only accepted before this time; RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Only of this upgrade; wants `account`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upgrade_id: Option<String>,
    /// Only about this device (its IMEI); wants `account`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Where to go on: the last page's [`MessageList::next`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Messages on a page at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// The answer to `GET /messages`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct MessageList {
    /// One page, newest first, without `attempts` and `message`.
    pub messages: Vec<MessageView>,
    /// The cursor of the next page, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// One message.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MessageView {
    /// Its id, the `webhook-id` of its deliveries.
    pub id: String,
    /// Its account.
    #[cfg_attr(feature = "schema", schema(value_type = schema::AccountName))]
    pub account: String,
    /// Its sequence number in the account, from 1.
    pub sequence: u64,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: MessageType,
    /// Where it stands.
    pub state: MessageState,
    /// Its ordering key, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ordering_key: Option<String>,
    /// When it was accepted.
    #[cfg_attr(feature = "schema", schema(value_type = schema::Time))]
    pub accepted_at: String,
    /// When it was delivered, died or was cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<schema::Time>))]
    pub finished_at: Option<String>,
    /// Why it is dead, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub death_cause: Option<DeathCause>,
    /// What it waits for, if it is pending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<WaitsFor>,
    /// The same as a sentence, with what would change it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<String>,
    /// The id of the first pending message with the same ordering key, if this one is pending behind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_behind: Option<String>,
    /// When it is to be tried next, if it was tried, is pending, and nothing else keeps it waiting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<schema::Time>))]
    pub next_attempt_at: Option<String>,
    /// How often it was tried.
    pub attempt_count: u32,
    /// The id of the trace that it was published in, if it was in one: 32 hexadecimal digits; only of a single message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// Every attempt, oldest first; only of a single message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<Vec<AttemptView>>,
    /// The message itself, without user name and password; only of a single message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<schema::KeptMessage>))]
    pub message: Option<Box<RawValue>>,
}

/// One attempt to deliver a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AttemptView {
    /// Which one, from 1: the `ringback-attempt` that it bore.
    pub attempt: u32,
    /// When it began.
    #[cfg_attr(feature = "schema", schema(value_type = schema::Time))]
    pub started_at: String,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// Where it went: scheme, host and port only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// The HTTP status that was answered, if one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(minimum = 100, maximum = 999))]
    pub status: Option<u16>,
    /// What went wrong, as a sentence, if something did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The beginning of the answer, 1 KiB at most; only for `operate` on `*`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excerpt: Option<String>,
    /// Whether a person had sent it again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replay: bool,
}
