//! What a publisher is told.

use serde::{Deserialize, Serialize};

use crate::api::MessageState;
use crate::text_enum::closed_enum;
use crate::v1::FotaV1Result;

closed_enum! {
    /// What became of a published message.
    PublishStatus {
        /// 202: accepted, on stable storage, to be delivered.
        Queued = "queued",
        /// 202: the same message was accepted before, under the same idempotency key.
        Duplicate = "duplicate",
        /// 200: nothing is registered and pull is off, so it was not accepted and is not kept.
        Unregistered = "unregistered",
    }
}

/// The answer to one message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PublishAnswer {
    /// The message's id, the later `webhook-id`; not with `unregistered`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The message's sequence number in its account, from 1; not with `unregistered`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
    /// What became of it.
    pub status: PublishStatus,
    /// With `duplicate`: the state that the first one is in now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<MessageState>,
}

impl PublishAnswer {
    /// A message that was accepted now.
    pub fn queued(id: impl Into<String>, sequence: u64) -> Self {
        Self { id: Some(id.into()), sequence: Some(sequence), status: PublishStatus::Queued, state: None }
    }

    /// A message that was accepted before; `id`, `sequence` and `state` are the first one's.
    pub fn duplicate(id: impl Into<String>, sequence: u64, state: MessageState) -> Self {
        Self {
            id: Some(id.into()),
            sequence: Some(sequence),
            status: PublishStatus::Duplicate,
            state: Some(state),
        }
    }

    /// A message that nobody wants.
    #[must_use]
    pub fn unregistered() -> Self {
        Self { id: None, sequence: None, status: PublishStatus::Unregistered, state: None }
    }
}

/// The answer to one line of an NDJSON publish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct NdjsonLine {
    /// Which line, from 1.
    pub line: u64,
    /// The HTTP status that the message would have got by itself.
    pub code: u16,
    /// The body that it would have got, its fields beside the two above.
    #[serde(flatten)]
    pub outcome: LineOutcome,
}

/// What a line's answer says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(untagged)]
pub enum LineOutcome {
    /// As for a single message.
    Answer(PublishAnswer),
    /// `errorCode` and `errorMessage`.
    Error(FotaV1Result),
}
