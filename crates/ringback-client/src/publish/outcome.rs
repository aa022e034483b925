//! What became of one of many published messages.

use ringback_wire::publish::PublishAnswer;
use ringback_wire::v1::FotaV1Result;

use crate::{Error, OutgoingMessage};

/// One message of [`crate::Messages::publish_all`], and what became of it.
#[derive(Debug, Clone)]
pub struct Published {
    /// The message, to be sent again where it failed: [`OutgoingMessage::to_json`] keeps its key.
    pub message: OutgoingMessage,
    /// What the server said about it.
    pub outcome: Result<PublishAnswer, PublishFailure>,
}

/// Why a message of a batch is not known to be accepted.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum PublishFailure {
    /// The server refused this message.
    #[error("{code}: {result}")]
    Refused {
        /// The HTTP status that it would have got by itself.
        code: u16,
        /// Code and message.
        result: FotaV1Result,
    },
    /// The request that it was in failed.
    #[error(transparent)]
    Request(Error),
}

impl PublishFailure {
    /// Whether the message may have been accepted nevertheless. Send it again with the same key, which is harmless.
    #[must_use]
    pub fn is_outcome_unknown(&self) -> bool {
        match self {
            Self::Refused { code, .. } => *code >= 500,
            Self::Request(error) => error.is_outcome_unknown(),
        }
    }
}
