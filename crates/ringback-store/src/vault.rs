//! What is secret: sealing what must be read back, hashing what must only be recognised.
//!
//! *Sealed* is XChaCha20-Poly1305 under the sealing key, which lives outside the store. A sealed value is bound to the
//! account and the field that it belongs to, so that it can't be moved to another row. Layout: version (1 byte), nonce
//! (24), ciphertext and tag.
//!
//! *Digests* are HMAC-SHA256 under a pepper, a random key that the store holds sealed: a stolen database without the
//! sealing key gives nothing to guess against, and rotating the sealing key leaves every digest as it was.

use std::fmt;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::credentials::Digest;

const VERSION: u8 = 1;
const NONCE_BYTES: usize = 24;

/// Something that may not show in a log: `Debug` hides it, and its memory is wiped.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Secret(String);

impl Secret {
    /// Hides a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself. Whoever calls this answers for where it goes.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// The 32 bytes that seal a store. They live beside an SQLite database, or are given; never in the store.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct SealingKey([u8; 32]);

/// A sealing key can't be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// It is not 32 bytes in hexadecimal or base64.
    #[error("a sealing key is 32 bytes in hexadecimal or base64")]
    Malformed,
    /// It is not the key that this store was sealed with.
    #[error(
        "the sealing key is not the one that this store was sealed with: give the key that was beside it"
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

impl SealingKey {
    /// A new key from the system's generator.
    pub fn generate() -> Result<Self, KeyError> {
        Ok(Self(random()?))
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

/// What a sealed value belongs to. Opening it for anything else fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The store's own values: check value and pepper.
    Store,
    /// An account's registration.
    Registration(u64),
    /// An account's signing secret.
    Signing(u64),
}

impl Purpose {
    fn binding(self) -> [u8; 9] {
        let (kind, number) = match self {
            Self::Store => (0, 0),
            Self::Registration(account) => (1, account),
            Self::Signing(account) => (2, account),
        };
        let mut bytes = [0; 9];
        bytes[0] = kind;
        bytes[1..].copy_from_slice(&number.to_be_bytes());
        bytes
    }
}

/// Seals, opens and digests for one open store.
pub struct Vault {
    cipher: XChaCha20Poly1305,
    pepper: Zeroizing<[u8; 32]>,
}

/// A sealed value does not open: it was damaged, moved, or sealed with another key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sealed value does not open")]
pub struct Unsealable;

impl Vault {
    /// A vault for a new store, with a new pepper, and the pepper sealed: to be kept in the store. It is the check
    /// value too: a key that opens it is the right one.
    pub fn create(key: &SealingKey) -> Result<(Self, Vec<u8>), KeyError> {
        let vault = Self { cipher: cipher(key), pepper: Zeroizing::new(random()?) };
        let sealed = vault.seal(Purpose::Store, vault.pepper.as_slice())?;
        Ok((vault, sealed))
    }

    /// The vault of a store that keeps this sealed pepper.
    pub fn open(key: &SealingKey, sealed_pepper: &[u8]) -> Result<Self, KeyError> {
        let mut vault = Self { cipher: cipher(key), pepper: Zeroizing::new([0; 32]) };
        let pepper = vault.unseal(Purpose::Store, sealed_pepper).map_err(|_| KeyError::Wrong)?;
        *vault.pepper = pepper.as_slice().try_into().map_err(|_| KeyError::Wrong)?;
        Ok(vault)
    }

    /// Seals a value. Fails only when the system has no randomness.
    pub fn seal(&self, purpose: Purpose, plain: &[u8]) -> Result<Vec<u8>, KeyError> {
        let nonce: [u8; NONCE_BYTES] = random()?;
        let payload = Payload { msg: plain, aad: &purpose.binding() };
        let ciphertext =
            self.cipher.encrypt(&XNonce::from(nonce), payload).map_err(|_| KeyError::Malformed)?;
        let mut sealed = Vec::with_capacity(1 + NONCE_BYTES + ciphertext.len());
        sealed.push(VERSION);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&ciphertext);
        Ok(sealed)
    }

    /// Opens what [`Vault::seal`] sealed for the same purpose.
    pub fn unseal(&self, purpose: Purpose, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unsealable> {
        let (version, rest) = sealed.split_first().ok_or(Unsealable)?;
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(Unsealable)?;
        if *version != VERSION {
            return Err(Unsealable);
        }
        let payload = Payload { msg: ciphertext, aad: &purpose.binding() };
        self.cipher.decrypt(&XNonce::from(*nonce), payload).map(Zeroizing::new).map_err(|_| Unsealable)
    }

    /// The digest by which something that we generated is recognised. `domain` keeps kinds of secrets apart.
    pub fn digest(&self, domain: &str, secret: &str) -> Digest {
        let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(self.pepper.as_slice())
            .unwrap_or_else(|_| unreachable!("HMAC takes a key of any length"));
        mac.update(domain.as_bytes());
        mac.update(&[0]);
        mac.update(secret.as_bytes());
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault")
    }
}

fn cipher(key: &SealingKey) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(&key.0.into())
}

/// Bytes from the system's generator.
pub fn random<const N: usize>() -> Result<[u8; N], KeyError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| KeyError::Random(error.to_string()))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_sealed_for_one_account_does_not_open_for_another() {
        let (vault, _) = Vault::create(&SealingKey::generate().unwrap()).unwrap();
        let sealed = vault.seal(Purpose::Registration(1), b"secret").unwrap();
        assert_eq!(vault.unseal(Purpose::Registration(1), &sealed).unwrap().as_slice(), b"secret");
        assert_eq!(vault.unseal(Purpose::Registration(2), &sealed), Err(Unsealable));
        assert_eq!(vault.unseal(Purpose::Signing(1), &sealed), Err(Unsealable));
    }

    #[test]
    fn a_wrong_key_is_told_apart_and_the_right_one_gives_the_same_digests() {
        let key = SealingKey::generate().unwrap();
        let (vault, pepper) = Vault::create(&key).unwrap();
        assert!(matches!(Vault::open(&SealingKey::generate().unwrap(), &pepper), Err(KeyError::Wrong)));
        let again = Vault::open(&SealingKey::from_hex(&key.to_hex()).unwrap(), &pepper).unwrap();
        assert_eq!(again.digest("token", "x"), vault.digest("token", "x"));
        assert_ne!(again.digest("token", "x"), vault.digest("session", "x"));
    }

    #[test]
    fn a_damaged_value_does_not_open() {
        let (vault, _) = Vault::create(&SealingKey::generate().unwrap()).unwrap();
        let mut sealed = vault.seal(Purpose::Store, b"secret").unwrap();
        *sealed.last_mut().unwrap() ^= 1;
        assert_eq!(vault.unseal(Purpose::Store, &sealed), Err(Unsealable));
        assert_eq!(vault.unseal(Purpose::Store, &[]), Err(Unsealable));
    }
}
