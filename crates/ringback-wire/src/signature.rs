//! Signatures of Standard Webhooks (<https://www.standardwebhooks.com>), made and checked.
//!
//! What is signed is `id.timestamp.body`. A delivery always bears a `v1` signature (HMAC-SHA256, with the secret that server
//! and listener share), and a `v1a` one beside it (Ed25519, which a listener checks with a public key) where that is asked
//! for. Keys are texts with a prefix: `whsec_` the secret, `whsk_` the private key, `whpk_` the public one, each followed by
//! standard base64.
//!
//! Keys are parsed once and kept: [`SigningKey`] by who sends, [`Verifier`] by who listens. Both hold secrets, wipe them when
//! dropped, and don't show them in `Debug`.

mod keys;
mod verify;

pub use keys::{Ed25519Key, Ed25519PublicKey, HmacKey, KeyError};
pub use verify::{DEFAULT_TOLERANCE_SECONDS, SignatureError, Verifier, VerifyingKey, WebhookHeaders};

/// What an account's deliveries are signed with.
#[derive(Debug, Clone)]
pub struct SigningKey {
    hmac: HmacKey,
    /// Large, and seldom there.
    ed25519: Option<Box<Ed25519Key>>,
    previous: Vec<SigningKey>,
}

impl SigningKey {
    /// Signs with `v1`, and with `v1a` too if there is a private key.
    #[must_use]
    pub fn new(hmac: HmacKey, ed25519: Option<Ed25519Key>) -> Self {
        Self { hmac, ed25519: ed25519.map(Box::new), previous: Vec::new() }
    }

    /// Parses a `whsec_…` text; signs with `v1` only.
    ///
    /// # Errors
    /// As [`HmacKey::parse`].
    pub fn parse(secret: &str) -> Result<Self, KeyError> {
        HmacKey::parse(secret).map(|hmac| Self::new(hmac, None))
    }

    /// Signs with earlier keys too, after its own, so that listeners can change over while a key is being rotated.
    #[must_use]
    pub fn with_previous(mut self, previous: Vec<SigningKey>) -> Self {
        self.previous = previous;
        self
    }

    /// The value of the `webhook-signature` header: all signatures, separated by spaces. `timestamp` is in Unix seconds.
    #[must_use]
    pub fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let mut header = self.hmac.sign_v1(id, timestamp, body);
        if let Some(key) = &self.ed25519 {
            header.push(' ');
            header.push_str(&key.sign_v1a(id, timestamp, body));
        }
        for previous in &self.previous {
            header.push(' ');
            header.push_str(&previous.sign(id, timestamp, body));
        }
        header
    }

    /// The key of the `v1` signatures.
    #[must_use]
    pub fn hmac(&self) -> &HmacKey {
        &self.hmac
    }

    /// The key of the `v1a` signatures, if they are made.
    #[must_use]
    pub fn ed25519(&self) -> Option<&Ed25519Key> {
        self.ed25519.as_deref()
    }
}

/// A `v1` signature, `v1,` and base64; for [`HmacKey::sign_v1`].
#[must_use]
pub fn sign_v1(key: &HmacKey, id: &str, timestamp: i64, body: &[u8]) -> String {
    key.sign_v1(id, timestamp, body)
}

/// A `v1a` signature, `v1a,` and base64; for [`Ed25519Key::sign_v1a`].
#[must_use]
pub fn sign_v1a(key: &Ed25519Key, id: &str, timestamp: i64, body: &[u8]) -> String {
    key.sign_v1a(id, timestamp, body)
}

/// `id.timestamp.` — what stands before the body in what is signed.
fn signed_prefix(id: &str, timestamp: &str) -> String {
    let mut prefix = String::with_capacity(id.len() + timestamp.len() + 2);
    for part in [id, ".", timestamp, "."] {
        prefix.push_str(part);
    }
    prefix
}
