//! The listener's side: is this callback from whom it should be, and is it fresh?

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use subtle::ConstantTimeEq as _;

use super::keys::{Ed25519PublicKey, HmacKey, KeyError};
use super::signed_prefix;

/// How far a callback's timestamp may lie from now, before or after, in seconds (Standard Webhooks' libraries: 5 minutes).
pub const DEFAULT_TOLERANCE_SECONDS: u64 = 300;

/// Signatures that are looked at in one header at most, since each `v1a` one costs a check per key.
const MAX_SIGNATURES: usize = 16;

/// The three headers of a callback, as they came.
#[derive(Debug, Clone, Copy)]
pub struct WebhookHeaders<'a> {
    /// `webhook-id`.
    pub id: &'a str,
    /// `webhook-timestamp`: Unix seconds, decimal.
    pub timestamp: &'a str,
    /// `webhook-signature`: signatures separated by spaces.
    pub signature: &'a str,
}

/// A key that a callback can be checked with.
#[derive(Debug, Clone)]
pub enum VerifyingKey {
    /// Checks `v1` signatures.
    Hmac(HmacKey),
    /// Checks `v1a` signatures.
    Ed25519(Ed25519PublicKey),
}

impl VerifyingKey {
    /// Parses `whpk_…`, a public key, or else `whsec_…`, a secret.
    ///
    /// # Errors
    /// [`KeyError`], as the two kinds' own `parse`.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        if text.starts_with("whpk_") {
            Ed25519PublicKey::parse(text).map(Self::Ed25519)
        } else {
            HmacKey::parse(text).map(Self::Hmac)
        }
    }
}

/// Why a callback is not to be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// A header is there, and empty.
    #[error("the header {0} is empty")]
    EmptyHeader(&'static str),
    /// The timestamp is not a whole number of seconds.
    #[error("the header webhook-timestamp must be whole Unix seconds")]
    InvalidTimestamp,
    /// The timestamp lies too far back: an old callback sent again, or a clock that is wrong.
    #[error(
        "the callback is too old: signed {seconds} s ago by this machine's clock, {tolerance} s are allowed"
    )]
    TooOld {
        /// How long ago it was signed.
        seconds: u64,
        /// How long ago it may have been.
        tolerance: u64,
    },
    /// The timestamp lies too far ahead: a clock is wrong.
    #[error(
        "the callback is from the future: signed {seconds} s ahead of this machine's clock, {tolerance} s are allowed"
    )]
    TooNew {
        /// How far ahead it was signed.
        seconds: u64,
        /// How far ahead it may be.
        tolerance: u64,
    },
    /// No signature of a kind that there is a key for.
    #[error("the header webhook-signature has no signature of a kind that a key was given for")]
    NoUsableSignature,
    /// There are signatures, and none is right: another key, or a changed body.
    #[error("no signature matches: it is another key's, or the body was changed on its way")]
    NoMatch,
}

/// Checks callbacks against one or several keys; several while a key is being rotated.
#[derive(Debug, Clone)]
pub struct Verifier {
    keys: Vec<VerifyingKey>,
    tolerance: u64,
}

impl Verifier {
    /// Checks with any of `keys`; without one, nothing is ever right.
    #[must_use]
    pub fn new(keys: Vec<VerifyingKey>) -> Self {
        Self { keys, tolerance: DEFAULT_TOLERANCE_SECONDS }
    }

    /// Parses each of `texts` (`whsec_…` or `whpk_…`).
    ///
    /// # Errors
    /// [`KeyError`] of the first that is none.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, KeyError> {
        texts.into_iter().map(VerifyingKey::parse).collect::<Result<_, _>>().map(Self::new)
    }

    /// Allows another distance from now, in seconds.
    #[must_use]
    pub fn with_tolerance(mut self, seconds: u64) -> Self {
        self.tolerance = seconds;
        self
    }

    /// Whether a callback with these headers and exactly these bytes is right at `now`, in Unix seconds.
    ///
    /// # Errors
    /// [`SignatureError`]; answer 401 (or 400) and don't act on the body.
    pub fn verify(&self, headers: WebhookHeaders<'_>, body: &[u8], now: i64) -> Result<(), SignatureError> {
        let WebhookHeaders { id, timestamp, signature } = headers;
        for (name, value) in [
            (crate::headers::WEBHOOK_ID, id),
            (crate::headers::WEBHOOK_TIMESTAMP, timestamp),
            (crate::headers::WEBHOOK_SIGNATURE, signature),
        ] {
            if value.is_empty() {
                return Err(SignatureError::EmptyHeader(name));
            }
        }
        self.check_age(timestamp, now)?;
        let mut content = None;
        let mut usable = false;
        for one in signature.split(' ').take(MAX_SIGNATURES) {
            let Some((version, base64)) = one.split_once(',') else { continue };
            let Ok(bytes) = STANDARD.decode(base64) else { continue };
            for key in &self.keys {
                let matches = match (key, version) {
                    (VerifyingKey::Hmac(key), "v1") => {
                        bool::from(key.tag(id, timestamp, body).as_slice().ct_eq(&bytes))
                    }
                    (VerifyingKey::Ed25519(key), "v1a") => {
                        let content = content.get_or_insert_with(|| signed_content(id, timestamp, body));
                        bytes.as_slice().try_into().is_ok_and(|signature| key.verifies(content, signature))
                    }
                    _ => continue,
                };
                if matches {
                    return Ok(());
                }
                usable = true;
            }
        }
        Err(if usable { SignatureError::NoMatch } else { SignatureError::NoUsableSignature })
    }

    fn check_age(&self, timestamp: &str, now: i64) -> Result<(), SignatureError> {
        if !timestamp.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(SignatureError::InvalidTimestamp);
        }
        let signed: i64 = timestamp.parse().map_err(|_| SignatureError::InvalidTimestamp)?;
        let (seconds, tolerance) = (now.abs_diff(signed), self.tolerance);
        match seconds > tolerance {
            false => Ok(()),
            true if signed < now => Err(SignatureError::TooOld { seconds, tolerance }),
            true => Err(SignatureError::TooNew { seconds, tolerance }),
        }
    }
}

fn signed_content(id: &str, timestamp: &str, body: &[u8]) -> Vec<u8> {
    let mut content = signed_prefix(id, timestamp).into_bytes();
    content.extend_from_slice(body);
    content
}
