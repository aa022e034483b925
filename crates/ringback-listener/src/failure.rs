//! Why a callback was not handled.

use std::sync::Arc;

use http::StatusCode;

use crate::BoxError;

/// Why a callback was not handled. It is not remembered, and comes again. Cheap to clone: those who waited for the same call
/// share its failure.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// 500: the handler returned this error.
    #[error("the handler failed: {0}")]
    Handler(#[source] Arc<BoxError>),
    /// 500: the handler panicked, or its runtime ended.
    #[error("the handler did not come to its end: it panicked, or its runtime ended")]
    Aborted,
    /// 503: it could not be found out whether the message was handled before.
    #[error("can't tell whether the message was handled before: {0}")]
    Store(#[source] Arc<BoxError>),
    /// 503: too many handlers are running.
    #[error("{0} handlers are running already")]
    Busy(usize),
}

impl Failure {
    /// The status to answer with. Ringback takes 500 as being about the message, and 503 as being about the listener, which does not
    /// use up the message's attempts.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Handler(_) | Self::Aborted => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Store(_) | Self::Busy(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// What to tell who sent the message: nothing of the application's.
    #[must_use]
    pub fn public_text(&self) -> &'static str {
        match self {
            Self::Handler(_) | Self::Aborted => "the message was not handled",
            Self::Store(_) | Self::Busy(_) => "not now",
        }
    }
}
