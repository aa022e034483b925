//! What is secret: sealing what must be read back, hashing what must only be recognised.
//!
//! *Sealed* is XChaCha20-Poly1305 under the sealing key, which lives outside the store. A sealed value is bound to the
//! account and the field that it belongs to, so that it can't be moved to another row, and says which key it was sealed
//! with (`envelope`), so that the key can be changed while everything goes on (`ring`).
//!
//! *Digests* are HMAC-SHA256 under a pepper, a random key that the store holds sealed: a stolen database without the
//! sealing key gives nothing to guess against, and rotating the sealing key leaves every digest as it was.

mod envelope;
mod key;
mod ring;
mod secret;

use std::fmt;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::credentials::Digest;
use ring::{Link, Ring};

pub use key::{KeyError, KeyId, SealingKey};
pub use ring::KeyRecord;
pub use secret::Secret;

/// What a sealed value belongs to. Opening it for anything else fails. Whoever adds one has it re-sealed by
/// [`Resealing`](crate::Resealing) too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The store's own values: check value and pepper.
    Store,
    /// The other sealing key, while there are two.
    Key,
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
            Self::Key => (3, 0),
        };
        let mut bytes = [0; 9];
        bytes[0] = kind;
        bytes[1..].copy_from_slice(&number.to_be_bytes());
        bytes
    }
}

/// Seals, opens and digests for one open store.
pub struct Vault {
    ring: RwLock<Ring>,
    pepper: Zeroizing<[u8; 32]>,
}

/// A sealed value does not open: it was damaged, moved, or sealed with another key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sealed value does not open")]
pub struct Unsealable;

impl Vault {
    /// A vault for a new store, with a new pepper, and the record of its key, to be kept in the store.
    pub fn create(key: &SealingKey) -> Result<(Self, KeyRecord), KeyError> {
        let pepper = Zeroizing::new(random()?);
        let link = Link::new(key.clone());
        let sealed = envelope::seal(&link, Purpose::Store, pepper.as_slice())?;
        let record = KeyRecord { number: 1, id: Some(link.id), pepper: sealed, other: None };
        let ring = Ring { present: link, previous: None, number: record.number };
        Ok((Self { ring: RwLock::new(ring), pepper }, record))
    }

    /// The vault of a store that keeps these records, for who has one of their keys.
    pub fn open(key: &SealingKey, records: &[KeyRecord]) -> Result<Self, KeyError> {
        let ring = Ring::open(&[key], records)?;
        let record = records.iter().find(|record| record.number == ring.number).ok_or(KeyError::Wrong)?;
        let plain = record.pepper(&ring).map_err(|_| KeyError::Wrong)?;
        let pepper = Zeroizing::new(plain.as_slice().try_into().map_err(|_| KeyError::Wrong)?);
        Ok(Self { ring: RwLock::new(ring), pepper })
    }

    /// Takes up keys that were added or retired since.
    ///
    /// # Errors
    ///
    /// [`KeyError::Wrong`] when none of those that were known is left: the rotation went by unseen.
    pub fn follow(&self, records: &[KeyRecord]) -> Result<(), KeyError> {
        let known = self.ring().keys();
        let ring = Ring::open(&known.iter().collect::<Vec<_>>(), records)?;
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = ring;
        Ok(())
    }

    /// What tells whether [`follow`](Self::follow) is due: the highest number of a key that is known, and how many are.
    pub fn keys_known(&self) -> (i64, usize) {
        let ring = self.ring();
        (ring.number, ring.links().count())
    }

    /// The key that seals.
    pub fn present_key(&self) -> SealingKey {
        self.ring().present.key.clone()
    }

    /// The records with which a rotation to `new` begins: in place of the present key's, and the new one's.
    pub fn begin_rotation(&self, new: &SealingKey) -> Result<[KeyRecord; 2], KeyError> {
        let ring = self.ring();
        let (old, new) = (&ring.present, Link::new(new.clone()));
        let record = |link: &Link, other: &Link, number| -> Result<KeyRecord, KeyError> {
            Ok(KeyRecord {
                number,
                id: Some(link.id),
                pepper: envelope::seal(link, Purpose::Store, self.pepper.as_slice())?,
                other: Some(envelope::seal(link, Purpose::Key, other.key.as_bytes())?),
            })
        };
        Ok([record(old, &new, ring.number)?, record(&new, old, ring.number + 1)?])
    }

    /// Seals a value. Fails only when the system has no randomness.
    pub fn seal(&self, purpose: Purpose, plain: &[u8]) -> Result<Vec<u8>, KeyError> {
        envelope::seal(&self.ring().present, purpose, plain)
    }

    /// Opens what [`Vault::seal`] sealed for the same purpose.
    pub fn unseal(&self, purpose: Purpose, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unsealable> {
        let ring = self.ring();
        ring.links().find_map(|link| envelope::open(link, purpose, sealed).ok()).ok_or(Unsealable)
    }

    /// The value sealed with the present key; `None` where it is that already.
    pub fn reseal(&self, purpose: Purpose, sealed: &[u8]) -> Result<Option<Vec<u8>>, Unsealable> {
        if envelope::key_of(sealed) == Some(self.ring().present.id) {
            return Ok(None);
        }
        let plain = self.unseal(purpose, sealed)?;
        self.seal(purpose, &plain).map(Some).map_err(|_| Unsealable)
    }

    /// Seals as releases did whose keys had no ids.
    #[cfg(test)]
    pub(crate) fn seal_without_id(&self, purpose: Purpose, plain: &[u8]) -> Vec<u8> {
        envelope::seal_without_id(&self.ring().present, purpose, plain)
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

    fn ring(&self) -> RwLockReadGuard<'_, Ring> {
        self.ring.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault")
    }
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
        let (vault, record) = Vault::create(&key).unwrap();
        let records = [record];
        assert!(matches!(Vault::open(&SealingKey::generate().unwrap(), &records), Err(KeyError::Wrong)));
        let again = Vault::open(&SealingKey::from_hex(&key.to_hex()).unwrap(), &records).unwrap();
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

    #[test]
    fn while_there_are_two_keys_either_opens_all_and_the_newer_seals() {
        let (old, new) = (SealingKey::generate().unwrap(), SealingKey::generate().unwrap());
        let (vault, _) = Vault::create(&old).unwrap();
        let before = vault.seal(Purpose::Signing(1), b"before").unwrap();
        let records = vault.begin_rotation(&new).unwrap();
        vault.follow(&records).unwrap();
        let after = vault.seal(Purpose::Signing(1), b"after").unwrap();
        for key in [&old, &new] {
            let vault = Vault::open(key, &records).unwrap();
            assert_eq!(vault.unseal(Purpose::Signing(1), &before).unwrap().as_slice(), b"before");
            assert_eq!(vault.unseal(Purpose::Signing(1), &after).unwrap().as_slice(), b"after");
            assert!(vault.present_key() == new);
            assert_eq!(vault.digest("token", "x"), Vault::open(&old, &records).unwrap().digest("token", "x"));
        }
        assert_eq!(vault.reseal(Purpose::Signing(1), &after), Ok(None));
        let again = vault.reseal(Purpose::Signing(1), &before).unwrap().unwrap();

        let [_, KeyRecord { number, id, pepper, .. }] = records;
        let left = [KeyRecord { number, id, pepper, other: None }];
        assert!(matches!(Vault::open(&old, &left), Err(KeyError::Wrong)));
        let alone = Vault::open(&new, &left).unwrap();
        assert_eq!(alone.unseal(Purpose::Signing(1), &again).unwrap().as_slice(), b"before");
        assert_eq!(alone.unseal(Purpose::Signing(1), &before), Err(Unsealable));
        vault.follow(&left).unwrap();
        assert_eq!(vault.keys_known(), (2, 1));
    }

    #[test]
    fn neither_keys_nor_secrets_nor_vaults_show_themselves() {
        let key = SealingKey::from_bytes([0x5a; 32]);
        let (vault, _) = Vault::create(&key).unwrap();
        let shown = format!("{:?} {:?} {:?}", key, Secret::new("hunter2"), vault);
        assert_eq!(shown, "SealingKey Secret Vault");
    }
}
