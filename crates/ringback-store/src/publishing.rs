//! Taking messages in: the act behind a 202 (promise 1).

use async_trait::async_trait;
use bytes::Bytes;
use ringback_delivery::{AccountId, MessageId, MessageKind, MessageState, OrderingKey, Timestamp};

use crate::StoreError;

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
    /// The message's JSON object as it is delivered, but for the user name and password.
    pub body: Bytes,
}

/// An idempotency key with what it stands for. Its scope is the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Idempotency {
    /// SHA-256 of the key.
    pub key: [u8; 32],
    /// SHA-256 of the message's bytes as they were sent.
    pub message: [u8; 32],
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
