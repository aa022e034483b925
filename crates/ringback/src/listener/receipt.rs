//! One callback as it was received.

use bytes::Bytes;
use ringback_wire::message::CallbackMessage;
use ringback_wire::signature::SignatureError;

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
    /// What the signature says.
    pub(crate) verdict: Verdict,
    /// The message, where it could be read.
    pub(crate) message: Result<CallbackMessage, serde_json::Error>,
    /// The bytes that came.
    pub(crate) body: Bytes,
}

/// What a signature says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is right.
    Verified,
    /// There is no key to verify it with.
    NotChecked,
    /// It is not right.
    Wrong(SignatureError),
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Verified => f.write_str("signature verified ✓"),
            Self::NotChecked => f.write_str("signature not checked"),
            Self::Wrong(error) => write!(f, "SIGNATURE WRONG ✗ ({error})"),
        }
    }
}
