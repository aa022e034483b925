//! The sealing key itself.

use std::fmt;

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Sets a key's id apart from every other hash of it.
const ID_DOMAIN: &[u8] = b"ringback sealing key id\0";

/// The 32 bytes that seal a store. They live beside an SQLite database, or are given; never in the store.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SealingKey([u8; 32]);

/// Compared in constant time.
impl PartialEq for SealingKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for SealingKey {}

/// A sealing key can't be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// It is not 32 bytes in hexadecimal or base64.
    #[error("a sealing key is 32 bytes in hexadecimal or base64")]
    Malformed,
    /// It is not the key that this store was sealed with.
    #[error(
        "the sealing key is not the one that this store is sealed with: give the key that was beside it, or, if it was \
         rotated, the new one"
    )]
    Wrong,
    /// The file that holds it can't be read or written.
    #[error("the sealing key's file {path} can't be used: {reason}")]
    File {
        /// The file.
        path: std::path::PathBuf,
        /// The system's words, or what is wrong with it.
        reason: String,
    },
    /// The system gave no randomness.
    #[error("the system's random number generator failed: {0}")]
    Random(String),
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey")
    }
}

/// By what a sealing key is told from others: made from it one-way, and no secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId([u8; KeyId::BYTES]);

impl KeyId {
    /// How long it is.
    pub const BYTES: usize = 8;

    /// The id of these bytes, as a store keeps it; `None` if they are not as many.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl SealingKey {
    /// What it is told by.
    pub fn id(&self) -> KeyId {
        let digest = Sha256::new().chain_update(ID_DOMAIN).chain_update(self.0).finalize();
        let mut id = [0; KeyId::BYTES];
        id.copy_from_slice(&digest[..KeyId::BYTES]);
        KeyId(id)
    }

    /// Its bytes, to be sealed with another.
    pub(super) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// A new key from the system's generator.
    pub fn generate() -> Result<Self, KeyError> {
        Ok(Self(super::random()?))
    }

    /// Reads 64 hexadecimal digits; white space around them is ignored.
    pub fn from_hex(text: &str) -> Result<Self, KeyError> {
        let digits = text.trim().as_bytes();
        if digits.len() != 64 {
            return Err(KeyError::Malformed);
        }
        let mut key = [0_u8; 32];
        for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
            let nibble = |digit: u8| char::from(digit).to_digit(16).ok_or(KeyError::Malformed);
            *byte =
                u8::try_from(nibble(pair[0])? * 16 + nibble(pair[1])?).map_err(|_| KeyError::Malformed)?;
        }
        Ok(Self(key))
    }

    /// The key of these bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The key as 64 hexadecimal digits, to be written to its file.
    pub fn to_hex(&self) -> Zeroizing<String> {
        use std::fmt::Write as _;
        let mut text = Zeroizing::new(String::with_capacity(64));
        for byte in self.0 {
            let _ = write!(text, "{byte:02x}");
        }
        text
    }
}
