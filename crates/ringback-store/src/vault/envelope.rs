//! The form of a sealed value: a version, the id of its key, a nonce, ciphertext and tag.
//!
//! Version 2 is 1 + 8 + 24 bytes before the ciphertext. Version 1 had no key's id.

use chacha20poly1305::XNonce;
use chacha20poly1305::aead::{Aead as _, Payload};
use zeroize::Zeroizing;

use super::ring::Link;
use super::{KeyError, KeyId, Purpose, Unsealable, random};

const WITHOUT_ID: u8 = 1;
const WITH_ID: u8 = 2;
const NONCE_BYTES: usize = 24;

/// Seals a value with a key. Fails only when the system has no randomness.
pub(super) fn seal(link: &Link, purpose: Purpose, plain: &[u8]) -> Result<Vec<u8>, KeyError> {
    let nonce: [u8; NONCE_BYTES] = random()?;
    let payload = Payload { msg: plain, aad: &purpose.binding() };
    let ciphertext = link.cipher.encrypt(&XNonce::from(nonce), payload).map_err(|_| KeyError::Malformed)?;
    let mut sealed = Vec::with_capacity(1 + KeyId::BYTES + NONCE_BYTES + ciphertext.len());
    sealed.push(WITH_ID);
    sealed.extend_from_slice(link.id.as_bytes());
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(&ciphertext);
    Ok(sealed)
}

/// Opens a value that was sealed with this key for this purpose.
pub(super) fn open(link: &Link, purpose: Purpose, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unsealable> {
    let (id, rest) = split(sealed).ok_or(Unsealable)?;
    if id.is_some_and(|id| id != link.id) {
        return Err(Unsealable);
    }
    let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(Unsealable)?;
    let payload = Payload { msg: ciphertext, aad: &purpose.binding() };
    link.cipher.decrypt(&XNonce::from(*nonce), payload).map(Zeroizing::new).map_err(|_| Unsealable)
}

/// Which key it says that it was sealed with.
pub(super) fn key_of(sealed: &[u8]) -> Option<KeyId> {
    split(sealed)?.0
}

fn split(sealed: &[u8]) -> Option<(Option<KeyId>, &[u8])> {
    let (version, rest) = sealed.split_first()?;
    match *version {
        WITHOUT_ID => Some((None, rest)),
        WITH_ID => {
            let (id, rest) = rest.split_at_checked(KeyId::BYTES)?;
            Some((Some(KeyId::from_bytes(id)?), rest))
        }
        _ => None,
    }
}

/// Seals as releases did whose keys had no ids.
#[cfg(test)]
pub(crate) fn seal_without_id(link: &Link, purpose: Purpose, plain: &[u8]) -> Vec<u8> {
    let mut sealed = seal(link, purpose, plain).unwrap_or_default();
    sealed.drain(1..=KeyId::BYTES);
    sealed[0] = WITHOUT_ID;
    sealed
}
