//! Sharing a store among several nodes: who owns which shards, and what a node must hear of the others.
//!
//! The cast: a *node* is a running server. It *beats* every few seconds, which renews what it holds; it *claims* shards up to
//! its share, each with a token that fences it off from every owner before; it *gives back* what is more than its share, and
//! everything when it stops. What other nodes did with accounts of its shards comes as *tidings*, which it asks for several
//! times a second.
//!
//! The promise: two nodes never own a shard at once by the database's clock, and what an owner writes after it has lost the
//! shard is refused ([`StoreError::NotOwner`]). A store of one process ([`Sharing::is_shared`] is false) has nothing of this:
//! the process owns all.

use std::time::Duration;

use async_trait::async_trait;
use ringback_delivery::{AccountId, Standing, Timestamp, Turn};

use crate::StoreError;

/// How long a node holds what it has not renewed, by the database's clock, where it was not told otherwise.
pub const LEASE_TERM: Duration = Duration::from_secs(30);

/// A shard that a node holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// Which, below [`ringback_delivery::SHARDS`].
    pub shard: u16,
    /// What tells this stretch of ownership from every other of the shard.
    pub token: u64,
}

/// What a renewal came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beat {
    /// What the node still holds, for the term from before the renewal was sent.
    pub held: Vec<Lease>,
    /// What it had before a failover, and took anew with this: nobody else had it in between. It holds no more than these then.
    pub taken_anew: Vec<Lease>,
    /// How long a renewal counts; [`LEASE_TERM`], or what the node was told.
    pub term: Duration,
    /// How many shards the node should hold, as many nodes as there are.
    pub share: usize,
    /// The database's time.
    pub now: Timestamp,
}

/// A node, as it says of itself when it renews its lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// What its operator calls it.
    pub name: String,
    /// Whether it is the one that asks.
    pub is_this: bool,
    /// The release that it runs.
    pub release: String,
    /// When it joined.
    pub started_at: Timestamp,
    /// When it renewed its lease last; `None` of a release that did not say.
    pub beat_at: Option<Timestamp>,
    /// Whether that lease still counts. A node that has died without a word is listed for an hour at least.
    pub is_alive: bool,
    /// Whether it is about to stop, and takes no more shards.
    pub is_leaving: bool,
    /// Whether it hears at once of what other nodes did; else it asks. `None` of a release that did not say.
    pub is_listening: Option<bool>,
    /// Shards that are its own.
    pub shards: u64,
}

/// What other nodes did with accounts of shards that this node holds.
#[derive(Debug, Clone, Default)]
pub struct Tidings {
    /// These have something new that waits, in their queues up to here; nothing where that was not said.
    pub accepted: Vec<(AccountId, Option<Turn>)>,
    /// Their standings are now these.
    pub standings: Vec<(AccountId, Standing)>,
    /// Shards are nobody's: whoever lacks some may claim them at once.
    pub shards_are_free: bool,
    /// Another database server answered than the one on which the lease was renewed last: after a failover what was heard and read
    /// before may not be there. Nothing is told until the next renewal, with which everything is taken anew.
    pub are_of_another_server: bool,
}

/// What a store shared among nodes does for them.
#[async_trait]
pub trait Sharing {
    /// Whether other processes may dispatch from this store too. Where it is not, the other methods have nothing to tell:
    /// the process owns every shard for ever.
    fn is_shared(&self) -> bool;

    /// Joins, or renews what the node holds. What is not renewed in time is lost, all of it.
    async fn beat(&self) -> Result<Beat, StoreError>;

    /// Takes up to `most` shards that are nobody's, or whose owner has not renewed in time.
    async fn claim(&self, most: usize) -> Result<Vec<Lease>, StoreError>;

    /// Lets shards go, so that another node can take them at once. To be called when nothing is under way for them. Where
    /// this fails they are let go all the same, as far as this node is concerned. A shard that is its own anew, with another
    /// token, stays so.
    async fn give_back(&self, leases: Vec<Lease>) -> Result<(), StoreError>;

    /// Says that these are not this node's any more: its clock says so, or [`StoreError::NotOwner`] did. A shard that is its
    /// own anew, with another token, stays so.
    fn let_go(&self, leases: &[Lease]);

    /// This node is about to stop. It says so with each renewal from now on: it keeps what it has until it gives that back, and
    /// its share is nothing, so that the others' are larger.
    fn be_leaving(&self);

    /// Gives everything back, and is no node any more.
    async fn leave(&self) -> Result<(), StoreError>;

    /// What happened elsewhere since this was asked the last time. After an error the next answer tells it.
    async fn tidings(&self) -> Result<Tidings, StoreError>;

    /// Says, for half a second, that callbacks of this node wait for the processor, or that they don't any more. Who takes
    /// messages in for its accounts hears of it with their commits.
    async fn say_behind(&self, behind: bool) -> Result<(), StoreError>;

    /// Waits until there may be tidings: a hint, which may come too often, and never where hints are switched off.
    async fn hint(&self);

    /// Accounts of these shards with something pending, behind `after`, in an order of the store's own; at most `limit`.
    async fn lanes_waiting_in(
        &self,
        shards: &[u16],
        after: Option<AccountId>,
        limit: usize,
    ) -> Result<Vec<AccountId>, StoreError>;

    /// The nodes that share the store, this one among them, by name; at most 200, and none where it is not shared.
    async fn nodes(&self) -> Result<Vec<Node>, StoreError>;

    /// How many synchronous standbys keep what was answered, so that it outlives the primary; `None` where there is no such
    /// thing, or where this process may not see.
    async fn synchronous_standbys(&self) -> Result<Option<u64>, StoreError>;
}
