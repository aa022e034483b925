//! Taking messages in: the act behind a 202 (promise 1).

use async_trait::async_trait;
use ringback_delivery::{AccountId, MessageId, MessageKind, MessageState, OrderingKey, Timestamp};
use sha2::{Digest, Sha256};

use crate::{Content, StoreError};

/// A validated message on its way in.
#[derive(Debug, Clone)]
pub struct NewMessage {
    /// Whose callback it is.
    pub account: AccountId,
    /// What it tells.
    pub kind: MessageKind,
    /// What it keeps order with; `None` goes in parallel with everything.
    pub key: Option<OrderingKey>,
    /// How the publisher names this message, if it does.
    pub idempotency: Option<Idempotency>,
    /// What is sent of it.
    pub content: Content,
}

/// An idempotency key with what it stands for. Its scope is the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Idempotency {
    /// What stands for the key: see [`Idempotency::of`].
    pub key: [u8; 32],
    /// SHA-256 of the message's bytes as they were sent.
    pub message: [u8; 32],
}

impl Idempotency {
    /// What stands for a key and a message.
    ///
    /// A key is the first sixteen bytes of itself, with zeros behind a shorter one, and the first sixteen of its
    /// SHA-256. So keys that begin with the time at which they were made (UUIDs of version 7) lie together in a store,
    /// and cost it little; those that begin at random cost it a page of its own each.
    pub fn of(key: &str, message: &[u8]) -> Self {
        let mut stands = [0; 32];
        let (start, rest) = stands.split_at_mut(16);
        let length = key.len().min(start.len());
        start[..length].copy_from_slice(&key.as_bytes()[..length]);
        rest.copy_from_slice(&Sha256::digest(key)[..16]);
        Self { key: stands, message: Sha256::digest(message).into() }
    }
}

/// What became of one message that was handed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// It is on stable storage and waits for its delivery.
    Queued(MessageId),
    /// The same key came with the same message before: this is that message, and its present state.
    Duplicate(MessageId, MessageState),
    /// The same key came with another message before. Nothing was kept.
    Conflict,
    /// Nothing is registered and pull is off. Nothing was kept.
    Unregistered,
    /// The account has as many pending messages as it may have. Nothing was kept.
    AccountFull,
    /// All accounts together have as many pending messages as they may have. Nothing was kept.
    StoreFull,
}

/// Accepting messages.
#[async_trait]
pub trait Publishing {
    /// Takes messages in, in one commit that other callers may share, and answers for each, in order, after the commit.
    ///
    /// An error means that it is not known whether they were kept.
    async fn accept(&self, now: Timestamp, messages: Vec<NewMessage>) -> Result<Vec<Admission>, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_begin_alike_lie_together_and_differ() {
        let earlier = Idempotency::of("01993b5e-7c00-7aaa-8000-000000000001", b"");
        let later = Idempotency::of("01993b5e-7c01-7aaa-8000-000000000001", b"");
        let other = Idempotency::of("01993b5e-7c00-7aaa-8000-000000000002", b"");
        assert!(earlier.key < later.key && other.key < later.key);
        assert_ne!(earlier.key, other.key);
        assert_ne!(Idempotency::of("a", b"").key, Idempotency::of("a\0", b"").key);
        assert_ne!(Idempotency::of("a", b"1").message, Idempotency::of("a", b"2").message);
    }
}
