//! What this node holds, as far as it knows: a token for each shard.

use std::sync::atomic::{AtomicBool, AtomicI32, AtomicI64, Ordering};

use ringback_delivery::SHARDS;

use crate::Lease;

/// See the module. Written by the one task that beats, claims and gives back; read by whoever writes as an owner.
pub(super) struct Tenure {
    /// This node's number; 0 before it has joined.
    node: AtomicI32,
    /// By shard; 0 where it is not held.
    tokens: Box<[AtomicI64]>,
    leaving: AtomicBool,
}

impl Default for Tenure {
    fn default() -> Self {
        Self {
            node: AtomicI32::new(0),
            tokens: (0..SHARDS).map(|_| AtomicI64::new(0)).collect(),
            leaving: AtomicBool::new(false),
        }
    }
}

impl Tenure {
    pub(super) fn node(&self) -> i32 {
        self.node.load(Ordering::Acquire)
    }

    /// This node is that one now, and holds nothing.
    pub(super) fn join(&self, node: i32) {
        self.tokens.iter().for_each(|token| token.store(0, Ordering::Release));
        self.node.store(node, Ordering::Release);
    }

    /// From now on this node takes no more.
    pub(super) fn be_leaving(&self) {
        self.leaving.store(true, Ordering::Release);
    }

    pub(super) fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::Acquire)
    }

    /// The token of a shard; 0 where it is not held.
    pub(super) fn token(&self, shard: u16) -> i64 {
        self.tokens.get(usize::from(shard)).map_or(0, |token| token.load(Ordering::Acquire))
    }

    pub(super) fn hold(&self, shard: u16, token: i64) {
        if let Some(held) = self.tokens.get(usize::from(shard)) {
            held.store(token, Ordering::Release);
        }
    }

    pub(super) fn let_go(&self, shard: u16) {
        self.hold(shard, 0);
    }

    /// That is not held any more. What has another token by now is.
    pub(super) fn lose(&self, lease: Lease) {
        let (Some(held), Ok(token)) = (self.tokens.get(usize::from(lease.shard)), i64::try_from(lease.token))
        else {
            return;
        };
        // Where it is another, nothing is to be done.
        let _ = held.compare_exchange(token, 0, Ordering::AcqRel, Ordering::Acquire);
    }

    /// The token of that lease, as long as it is held; else 0.
    pub(super) fn token_under(&self, lease: Lease) -> i64 {
        let held = self.token(lease.shard);
        if u64::try_from(held) == Ok(lease.token) { held } else { 0 }
    }

    /// All that is held.
    pub(super) fn held(&self) -> Vec<Lease> {
        (0..SHARDS)
            .filter_map(|shard| {
                let token = u64::try_from(self.token(shard)).unwrap_or(0);
                (token > 0).then_some(Lease { shard, token })
            })
            .collect()
    }
}
