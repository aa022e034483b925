//! The shards that are this node's: what comes with one, what goes with it, and when it can be given back.

use std::collections::BTreeSet;

use ringback_delivery::AccountId;
use ringback_store::Lease;

use super::Running;

impl Running {
    pub(super) fn owns(&self, account: AccountId) -> bool {
        self.ownership.token(account) != 0
    }

    /// Those of these shards that have no other token by now.
    pub(super) fn still(&self, leases: &[Lease]) -> Vec<u16> {
        let same = leases.iter().filter(|lease| self.ownership.token_of(lease.shard) == lease.token);
        same.map(|lease| lease.shard).collect()
    }

    pub(super) fn gained(&mut self, leases: &[Lease]) {
        for Lease { shard, token } in leases {
            // Nothing of an earlier stretch of ownership is taken for this one's.
            self.lost(&[*shard]);
            self.endpoints.forget_all(|account| account.shard() == *shard);
            self.ownership.gain(*shard, *token);
            self.to_look_in.insert(*shard);
        }
    }

    /// Nothing of these shards is this node's any more: what is under way for them counts no more.
    pub(super) fn lost(&mut self, shards: &[u16]) {
        let lost: BTreeSet<u16> =
            shards.iter().copied().filter(|shard| self.ownership.lose(*shard)).collect();
        if lost.is_empty() {
            return;
        }
        let of = |account: AccountId| lost.contains(&account.shard());
        self.engine.lost(of);
        let refused = self.recorder.refuse(of);
        self.recorded(refused);
        self.unreadable.lost(of);
        self.endpoints.forget_all(of);
        self.to_look_in.retain(|shard| !lost.contains(shard));
    }

    /// Loses everything where the lease is over.
    pub(super) fn look_at_lease(&mut self) {
        if !self.ownership.is_shared() {
            return;
        }
        if self.ownership.is_over() {
            let held = self.ownership.held();
            if !held.is_empty() {
                tracing::warn!(shards = held.len(), "the lease is over: nothing is sent until it is renewed");
                let token_of = |shard: &u16| Lease { shard: *shard, token: self.ownership.token_of(*shard) };
                self.store.let_go(&held.iter().map(token_of).collect::<Vec<_>>());
                self.lost(&held);
            }
        }
    }

    /// Gives back what drains and has come to rest. Only once all that the engine decided is carried out: an outcome that is
    /// not with the recorder yet would be lost with its shard, and the next owner would send again.
    pub(super) fn give_back_idle(&mut self) {
        if !self.ownership.is_shared() {
            return;
        }
        let idle = |shard: &u16| {
            let token = self.ownership.token_of(*shard);
            self.ownership.is_draining(*shard)
                // What is lost already may be this node's again, with another token: it is not to be given back.
                && self.ownership.holds(*shard, token)
                && self.flying_in[usize::from(*shard)] == 0
                && !self.recorder.has(*shard)
        };
        let idle: Vec<u16> = self.ownership.held().into_iter().filter(idle).collect();
        if !idle.is_empty() {
            let lease = |shard: &u16| Lease { shard: *shard, token: self.ownership.token_of(*shard) };
            let leases = idle.iter().map(lease).collect();
            self.lost(&idle);
            self.keeper.give_back(leases);
        }
    }
}
