//! The keys that a store is sealed with: one, or two while it is being re-sealed.
//!
//! A rotation adds a key, which seals from then on; what the other one sealed is sealed anew, a step at a time, while
//! everything goes on; then the other one is retired. While there are two, each is kept sealed with the other, so that
//! who knows one knows both, whichever it was started with. Every sealed value says which key it was sealed with.

use chacha20poly1305::XChaCha20Poly1305;
use chacha20poly1305::aead::KeyInit as _;

use super::{KeyError, KeyId, Purpose, SealingKey, Unsealable, envelope};

/// A key of a store, as the store keeps it: not the key, but what can be told by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// Keys are numbered as they are added; the one with the highest number seals.
    pub number: i64,
    /// Its id. `None` for the key of a store that was made before keys had ids.
    pub id: Option<KeyId>,
    /// The pepper, sealed with it. It is the check value too: a key that opens it is the right one.
    pub pepper: Vec<u8>,
    /// The other key, sealed with this one, while there is another.
    pub other: Option<Vec<u8>>,
}

/// One key, ready to work.
pub(super) struct Link {
    pub(super) key: SealingKey,
    pub(super) id: KeyId,
    pub(super) cipher: XChaCha20Poly1305,
}

impl Link {
    pub(super) fn new(key: SealingKey) -> Self {
        Self { id: key.id(), cipher: XChaCha20Poly1305::new(&(*key.as_bytes()).into()), key }
    }
}

/// The keys that are known.
pub(super) struct Ring {
    /// Seals.
    pub(super) present: Link,
    /// Opens what is not sealed anew yet.
    pub(super) previous: Option<Link>,
    /// The number of the one that seals.
    pub(super) number: i64,
}

impl Ring {
    /// The ring of these records, for who knows one of their keys.
    pub(super) fn open(known: &[&SealingKey], records: &[KeyRecord]) -> Result<Self, KeyError> {
        let mut keys: Vec<(i64, SealingKey)> = Vec::with_capacity(records.len());
        for record in records {
            let Some(key) = known.iter().find(|key| record.is_of(key)) else { continue };
            keys.push((record.number, (*key).clone()));
        }
        // Who knows one of two is told the other by it.
        if let ([(number, key)], true) = (keys.as_slice(), records.len() > 1) {
            let told =
                records.iter().find(|record| record.number == *number).and_then(|of| of.tell_other(key));
            let told = told.ok_or(KeyError::Wrong)?;
            let record = records.iter().find(|record| record.is_of(&told)).ok_or(KeyError::Wrong)?;
            keys.push((record.number, told));
        }
        keys.sort_unstable_by_key(|(number, _)| *number);
        let (number, present) = keys.pop().ok_or(KeyError::Wrong)?;
        let previous = keys.pop().map(|(_, key)| Link::new(key));
        Ok(Self { present: Link::new(present), previous, number })
    }

    pub(super) fn links(&self) -> impl Iterator<Item = &Link> {
        std::iter::once(&self.present).chain(&self.previous)
    }

    pub(super) fn keys(&self) -> Vec<SealingKey> {
        self.links().map(|link| link.key.clone()).collect()
    }
}

impl KeyRecord {
    /// Whether it is the record of this key.
    fn is_of(&self, key: &SealingKey) -> bool {
        self.id.is_none_or(|id| id == key.id())
            && envelope::open(&Link::new(key.clone()), Purpose::Store, &self.pepper).is_ok()
    }

    /// The other key, told by this one.
    fn tell_other(&self, key: &SealingKey) -> Option<SealingKey> {
        let plain = envelope::open(&Link::new(key.clone()), Purpose::Key, self.other.as_deref()?).ok()?;
        Some(SealingKey::from_bytes(plain.as_slice().try_into().ok()?))
    }

    /// The pepper that it keeps.
    pub(super) fn pepper(&self, ring: &Ring) -> Result<zeroize::Zeroizing<Vec<u8>>, Unsealable> {
        envelope::open(&ring.present, Purpose::Store, &self.pepper)
    }
}
