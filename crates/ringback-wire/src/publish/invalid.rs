//! Why a published message was refused.

use crate::error_code;

/// Characters of a field's name, or of a reason, that an error repeats at most.
const SHOWN_CHARS: usize = 200;

/// What is wrong with a published message; 400. Its text is for the publisher, names the field, and repeats none of the
/// message's values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidMessage {
    /// There is nothing but white space.
    #[error("the body is empty: it must be one message, a JSON object")]
    Empty,
    /// It can't be read as JSON in UTF-8.
    #[error("the body is not JSON: {reason}")]
    NotJson {
        /// What was found, with line and column where known.
        reason: String,
    },
    /// It is JSON, and not an object.
    #[error("the body must be one message, a JSON object")]
    NotAnObject,
    /// Arrays and objects lie too deep in each other.
    #[error("arrays and objects must not lie more than {} deep in each other", super::MAX_DEPTH)]
    TooDeep,
    /// One field is wrong, missing, or given when it must not be.
    #[error("`{field}` {problem}")]
    Field {
        /// The way to the field, as in `upgradeFinished.deviceList[0].status`.
        field: String,
        /// What would be right: a phrase that follows the field's name, as in `must be a string`.
        problem: String,
    },
}

impl InvalidMessage {
    pub(super) fn field(field: impl AsRef<str>, problem: impl Into<String>) -> Self {
        Self::Field { field: shortened(field.as_ref()), problem: problem.into() }
    }

    /// The `errorCode` to answer with, one of [`crate::error_code`].
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => error_code::REQUEST_UNDEFINED,
            Self::NotJson { .. } | Self::NotAnObject => error_code::INVALID_JSON,
            Self::Field { field, .. } => match field.as_str() {
                "accountName" => error_code::ACCOUNT_INVALID,
                "idempotencyKey" | super::IDEMPOTENCY_KEY_HEADER => error_code::IDEMPOTENCY_KEY_INVALID,
                _ => error_code::MESSAGE_INVALID,
            },
            Self::TooDeep => error_code::MESSAGE_INVALID,
        }
    }

    /// Whether the bytes were no JSON at all, as against JSON that says something wrong.
    #[must_use]
    pub fn is_not_json(&self) -> bool {
        matches!(self, Self::Empty | Self::NotJson { .. })
    }
}

/// The beginning of a text that a publisher wrote, so that an error can't be as large as a message.
pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}
