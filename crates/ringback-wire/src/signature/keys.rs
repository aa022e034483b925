//! The three kinds of key, parsed from and written as their texts.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::Signer as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::signed_prefix;
use crate::Secret;

const SECRET_PREFIX: &str = "whsec_";
const PRIVATE_PREFIX: &str = "whsk_";
const PUBLIC_PREFIX: &str = "whpk_";

/// Bytes of an HMAC secret (Standard Webhooks: 24 to 64).
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// Why a text is not a key. Never shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The text does not begin with the prefix of its kind.
    #[error("a {kind} must begin with {prefix}")]
    Prefix {
        /// What was to be parsed.
        kind: &'static str,
        /// What it must begin with.
        prefix: &'static str,
    },
    /// What follows the prefix is not standard base64 with padding.
    #[error("what follows the key's prefix must be standard base64")]
    Base64,
    /// The bytes are too few or too many.
    #[error("a {kind} must have {expected} bytes, in base64 after its prefix")]
    Length {
        /// What was to be parsed.
        kind: &'static str,
        /// How many bytes would be right.
        expected: &'static str,
    },
    /// The bytes are no point on the curve, a weak one, or the two halves of a key pair don't belong together.
    #[error("the bytes are not a usable Ed25519 key")]
    NotAKey,
}

fn decode(text: &str, prefix: &'static str, kind: &'static str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let base64 = text.strip_prefix(prefix).ok_or(KeyError::Prefix { kind, prefix })?;
    STANDARD.decode(base64).map(Zeroizing::new).map_err(|_| KeyError::Base64)
}

/// A secret for `v1` signatures, with its two hash states worked out beforehand.
#[derive(Clone)]
pub struct HmacKey {
    secret: Zeroizing<Vec<u8>>,
    keyed: Hmac<Sha256>,
}

impl HmacKey {
    /// Parses `whsec_` and the base64 of 24 to 64 bytes.
    ///
    /// # Errors
    /// [`KeyError`]: no such prefix, not base64, too few or too many bytes.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        Self::from_bytes(&decode(text, SECRET_PREFIX, "secret")?)
    }

    /// Takes 24 to 64 bytes, which should be random.
    ///
    /// # Errors
    /// [`KeyError::Length`].
    pub fn from_bytes(secret: &[u8]) -> Result<Self, KeyError> {
        let length = KeyError::Length { kind: "secret", expected: "24 to 64" };
        if !SECRET_BYTES.contains(&secret.len()) {
            return Err(length);
        }
        let keyed = Hmac::new_from_slice(secret).map_err(|_| length)?;
        Ok(Self { secret: Zeroizing::new(secret.to_vec()), keyed })
    }

    /// The key as its text, `whsec_…`.
    #[must_use]
    pub fn to_text(&self) -> Secret {
        Secret::new(format!("{SECRET_PREFIX}{}", STANDARD.encode(&*self.secret)))
    }

    /// `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`; `timestamp` in Unix seconds.
    #[must_use]
    pub fn sign_v1(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let tag = self.tag(id, &timestamp.to_string(), body);
        format!("v1,{}", STANDARD.encode(tag))
    }

    pub(super) fn tag(&self, id: &str, timestamp: &str, body: &[u8]) -> [u8; 32] {
        let mut mac = self.keyed.clone();
        mac.update(signed_prefix(id, timestamp).as_bytes());
        mac.update(body);
        mac.finalize().into_bytes().into()
    }
}

/// A private key for `v1a` signatures.
#[derive(Clone)]
pub struct Ed25519Key(ed25519_dalek::SigningKey);

impl Ed25519Key {
    /// Parses `whsk_` and the base64 of the 32-byte seed, or of seed and public key (64 bytes).
    ///
    /// # Errors
    /// [`KeyError`]: no such prefix, not base64, another length, or a public key that is not the seed's.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let bytes = decode(text, PRIVATE_PREFIX, "private key")?;
        if let Ok(seed) = <&[u8; 32]>::try_from(bytes.as_slice()) {
            return Ok(Self::from_seed(seed));
        }
        let pair = <&[u8; 64]>::try_from(bytes.as_slice())
            .map_err(|_| KeyError::Length { kind: "private key", expected: "32 or 64" })?;
        ed25519_dalek::SigningKey::from_keypair_bytes(pair).map(Self).map_err(|_| KeyError::NotAKey)
    }

    /// Takes a seed of 32 random bytes (RFC 8032 §5.1.5).
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// The key as its text, `whsk_` and the base64 of seed and public key.
    #[must_use]
    pub fn to_text(&self) -> Secret {
        let pair = Zeroizing::new(self.0.to_keypair_bytes());
        Secret::new(format!("{PRIVATE_PREFIX}{}", STANDARD.encode(*pair)))
    }

    /// The key that listeners check with.
    #[must_use]
    pub fn public(&self) -> Ed25519PublicKey {
        Ed25519PublicKey(self.0.verifying_key())
    }

    /// `v1a,` and the base64 of the Ed25519 signature over `id.timestamp.body`; `timestamp` in Unix seconds.
    #[must_use]
    pub fn sign_v1a(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let mut content = signed_prefix(id, &timestamp.to_string()).into_bytes();
        content.extend_from_slice(body);
        format!("v1a,{}", STANDARD.encode(self.0.sign(&content).to_bytes()))
    }
}

/// A public key for `v1a` signatures; no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ed25519PublicKey(ed25519_dalek::VerifyingKey);

impl Ed25519PublicKey {
    /// Parses `whpk_` and the base64 of 32 bytes.
    ///
    /// # Errors
    /// [`KeyError`]: no such prefix, not base64, another length, not a point on the curve or a weak one.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let bytes = decode(text, PUBLIC_PREFIX, "public key")?;
        let bytes = <&[u8; 32]>::try_from(bytes.as_slice())
            .map_err(|_| KeyError::Length { kind: "public key", expected: "32" })?;
        let key = ed25519_dalek::VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::NotAKey)?;
        if key.is_weak() { Err(KeyError::NotAKey) } else { Ok(Self(key)) }
    }

    /// The key as its text, `whpk_…`.
    #[must_use]
    pub fn to_text(&self) -> String {
        format!("{PUBLIC_PREFIX}{}", STANDARD.encode(self.0.as_bytes()))
    }

    pub(super) fn verifies(&self, content: &[u8], signature: &[u8; 64]) -> bool {
        self.0.verify_strict(content, &ed25519_dalek::Signature::from_bytes(signature)).is_ok()
    }
}

impl fmt::Debug for HmacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HmacKey(hidden)")
    }
}

impl fmt::Debug for Ed25519Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ed25519Key(hidden)")
    }
}
