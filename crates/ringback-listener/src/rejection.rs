//! Why a request was refused before the application saw it.

use std::time::Duration;

use http::StatusCode;
use ringback_wire::signature::SignatureError;

use crate::BoxError;

/// Why a request was refused before the application saw it.
///
/// Its text is for the log of who listens. Who sent the request is told the status, and no more than
/// [`Rejection::public_text`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Rejection {
    /// 401: a header of the signature is not there (Standard Webhooks has three).
    #[error("the header {0} is missing, so there is no signature to check")]
    MissingHeader(&'static str),
    /// 401: the signature is not right, or not fresh.
    #[error("the signature was refused: {0}")]
    Signature(#[source] SignatureError),
    /// 401: the message's user name and password are not those of the check.
    #[error("the message's user name or password is wrong")]
    Credentials,
    /// 400: the body is no callback message. The source says what is wrong, and may repeat a value; this text does not.
    #[error("the body is not a callback message: line {}, column {}", .0.line(), .0.column())]
    Unreadable(#[source] serde_json::Error),
    /// 400: the body broke off.
    #[error("the body broke off: {0}")]
    BrokenOff(#[source] BoxError),
    /// 405: callbacks are posted.
    #[error("the method is {0}, and callbacks come by POST")]
    Method(http::Method),
    /// 408: the body did not come in time.
    #[error("the body did not come within {0:?}")]
    TooSlow(Duration),
    /// 413: the body is larger than a callback can be.
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
}

impl Rejection {
    /// The status to answer with.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::MissingHeader(_) | Self::Signature(_) | Self::Credentials => StatusCode::UNAUTHORIZED,
            Self::Unreadable(_) | Self::BrokenOff(_) => StatusCode::BAD_REQUEST,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooSlow(_) => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
        }
    }

    /// What to tell who sent the request: the same for every failed check.
    #[must_use]
    pub fn public_text(&self) -> &'static str {
        match self {
            Self::MissingHeader(_) | Self::Signature(_) | Self::Credentials => "not authorized",
            Self::Unreadable(_) => "the body is not a callback message",
            Self::BrokenOff(_) => "the body broke off",
            Self::Method(_) => "callbacks come by POST",
            Self::TooSlow(_) => "the body took too long",
            Self::TooLarge(_) => "the body is too large",
        }
    }
}
