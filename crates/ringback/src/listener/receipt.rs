//! One callback as it was received.

use bytes::Bytes;
use http::StatusCode;
use ringback_listener::{Callback, MessageState, Rejection};
use ringback_wire::message::CallbackMessage;

/// One callback as it was received.
#[derive(Debug)]
pub(crate) struct Receipt {
    /// The message's id; empty where there was none.
    pub(crate) id: String,
    /// Its number in its account.
    pub(crate) sequence: Option<u64>,
    /// Which attempt it was.
    pub(crate) attempt: Option<u64>,
    /// Whether a person sent it again.
    pub(crate) replay: bool,
    /// What the check says.
    pub(crate) verdict: Verdict,
    /// The message, where it could be read.
    pub(crate) message: Result<CallbackMessage, String>,
    /// The bytes that came.
    pub(crate) body: Bytes,
    /// What came of passing it on, where that was tried.
    pub(crate) forwarded: Option<Forwarded>,
}

/// What a check says.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// Its signature is right.
    Verified,
    /// The registration's user name and password are right.
    Known,
    /// There is nothing to check it with.
    NotChecked,
    /// It was read back from the server, where it stands so.
    ReadBack(MessageState),
    /// It is not right.
    Wrong(Rejection),
}

/// What came of passing a callback on.
#[derive(Debug)]
pub(crate) enum Forwarded {
    /// It was answered with this status.
    Answered(StatusCode),
    /// There was no answer, for this reason.
    Unanswered(String),
}

impl Receipt {
    /// A message that was read back.
    pub(crate) fn read_back(callback: Callback, forwarded: Option<Forwarded>) -> Self {
        let state = callback.state.unwrap_or(MessageState::Pending);
        Self {
            id: callback.id.unwrap_or_default(),
            sequence: callback.sequence,
            attempt: callback.attempt,
            replay: callback.replay,
            verdict: Verdict::ReadBack(state),
            message: Ok(callback.message),
            body: callback.body,
            forwarded,
        }
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Verified => f.write_str("signature verified ✓"),
            Self::Known => f.write_str("user name and password verified ✓"),
            Self::NotChecked => f.write_str("signature not checked"),
            Self::ReadBack(state) => write!(f, "read back, {state}"),
            Self::Wrong(Rejection::Signature(error)) => write!(f, "SIGNATURE WRONG ✗ ({error})"),
            Self::Wrong(Rejection::MissingHeader(name)) => write!(f, "NOT SIGNED ✗ (no {name})"),
            Self::Wrong(rejection) => write!(f, "REFUSED ✗ ({rejection})"),
        }
    }
}

impl std::fmt::Display for Forwarded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Answered(status) => write!(f, "passed on, answered {status}"),
            Self::Unanswered(reason) => write!(f, "NOT PASSED ON ✗ ({reason})"),
        }
    }
}
