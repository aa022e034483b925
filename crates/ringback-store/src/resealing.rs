//! Changing the key that the store is sealed with, while everything goes on.
//!
//! The order of it: [`begin_key_rotation`](Resealing::begin_key_rotation) adds the new key, and nothing is sealed with
//! the old one after its commit; [`reseal_step`](Resealing::reseal_step) goes through the accounts; when a whole walk
//! found nothing left, and every server had the time to hear of the new key (they ask once a second),
//! [`end_key_rotation`](Resealing::end_key_rotation) retires the old one. A rotation that was interrupted anywhere is
//! resumed by walking again. What each sealed value was sealed with stands in it.

use async_trait::async_trait;
use ringback_delivery::AccountId;

use crate::{SealingKey, StoreError};

/// How a rotation began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// With the key that was given.
    Begun,
    /// Another one is under way, to the key that the vault now calls the present one: it has to be ended first.
    UnderWay,
    /// Not at all: the store is sealed with this key.
    Present,
}

/// What a step of re-sealing did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resealed {
    /// So many values were sealed anew.
    pub values: usize,
    /// The account to go on behind; `None` at the end of the walk.
    pub next: Option<AccountId>,
}

/// Rotating the sealing key.
#[async_trait]
pub trait Resealing {
    /// Takes up a key that was added, and forgets one that was retired, by whichever process; says whether there was
    /// something. Cheap: servers ask once a second.
    ///
    /// # Errors
    ///
    /// When the store can't be read, and when it is sealed with none of the keys that are known, which can only be in a
    /// process that did not ask for longer than a rotation took.
    async fn follow_keys(&self) -> Result<bool, StoreError>;

    /// Adds a key. From its commit on nothing is sealed with the old one, by no process: whoever seals looks, in the
    /// transaction that keeps what was sealed, which key is the present one.
    async fn begin_key_rotation(&self, new: SealingKey) -> Result<Rotation, StoreError>;

    /// Seals anew what a bounded number of accounts behind `after` have; nothing, where all of it is sealed with the
    /// present key.
    async fn reseal_step(&self, after: Option<AccountId>) -> Result<Resealed, StoreError>;

    /// Retires the old key, of which nothing may be left, and removes all that could be learned by it. Says whether
    /// there was one.
    async fn end_key_rotation(&self) -> Result<bool, StoreError>;
}
