//! What came back from one attempt, and whose fault it was.
//!
//! The sender reports an [`Outcome`]; [`Outcome::class`] says what it means to the lane: the one place where a status
//! turns into a judgement.

use std::time::Duration;

/// How one attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The endpoint answered with an HTTP status.
    Answered {
        /// The status code, 100 to 599.
        status: u16,
        /// The answer's `Retry-After`, as a span from the moment of the answer.
        retry_after: Option<Duration>,
    },
    /// There was no answer.
    Failed(Failure),
    /// Nothing was sent: the registration was gone, or the server is stopping. No fault of the endpoint, no attempt.
    NotStarted,
}

/// Why there was no answer. All of them are endpoint failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Failure {
    /// The host's name could not be resolved.
    Resolve,
    /// The egress policy refuses the address that the URL leads to.
    Policy,
    /// No connection could be made.
    Connect,
    /// The TLS handshake failed, a certificate that is not trusted included.
    Tls,
    /// No connection, or no whole answer, within its time.
    Timeout,
    /// The connection broke, or what came was not HTTP.
    Protocol,
}

/// What an outcome means to the lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// 2xx: delivered.
    Success,
    /// The endpoint is in trouble, whatever the message: no connection, TLS, time-out, 429, 502, 503, 504.
    EndpointFailure {
        /// How long the endpoint asked to be left alone.
        retry_after: Option<Duration>,
    },
    /// The endpoint refused this message: any other status.
    MessageFailure {
        /// How long the endpoint asked to wait.
        retry_after: Option<Duration>,
    },
    /// 410: nobody wants these messages here; the registration is suspended.
    Gone,
    /// Nothing was sent.
    NotStarted,
}

impl Outcome {
    /// What this outcome means to the lane.
    pub fn class(&self) -> Class {
        match *self {
            Self::Answered { status: 200..=299, .. } => Class::Success,
            Self::Answered { status: 410, .. } => Class::Gone,
            Self::Answered { status: 429 | 503, retry_after } => Class::EndpointFailure { retry_after },
            Self::Answered { status: 502 | 504, .. } | Self::Failed(_) => {
                Class::EndpointFailure { retry_after: None }
            }
            Self::Answered { retry_after, .. } => Class::MessageFailure { retry_after },
            Self::NotStarted => Class::NotStarted,
        }
    }
}

impl Failure {
    /// Every failure there is. The order is part of the stored format: add at the end.
    pub const ALL: [Self; 6] =
        [Self::Resolve, Self::Policy, Self::Connect, Self::Tls, Self::Timeout, Self::Protocol];

    /// The failure in a word, as it stands in the API, in logs and in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Resolve => "resolve",
            Self::Policy => "policy",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Protocol => "protocol",
        }
    }
}
