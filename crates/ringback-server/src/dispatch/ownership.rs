//! Which shards this node may send for, and until when.
//!
//! It holds its shards by one lease for all, counted from before the renewal was sent (`lease_clock`). An attempt
//! starts only while enough of it is left for the whole request, while the shard still has the token with which the attempt
//! was decided, and while what other nodes did was heard of a moment ago. A process that has its store for itself owns
//! everything for ever.
//!
//! A shard has two tokens: that under which the dispatcher has taken it up, and that under which the database said last that
//! it is this node's. Nothing starts unless they are one: the dispatcher hears of a renewal a little later than it counts.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use ringback_delivery::{AccountId, SHARDS};
use ringback_store::Lease;

use super::lease_clock::Moment;

/// How old the last look at what other nodes did may be.
const HEARD_LASTS: Duration = Duration::from_secs(1);
/// What has to be left of a lease beside the time that a request may take.
const SPARE: Duration = Duration::from_secs(2);
/// The token of a shard where there is nobody else.
const ALONE: u64 = 1;

/// See the module. Read by attempts, written by those who keep the lease and by the dispatcher.
pub(super) struct Ownership {
    is_shared: bool,
    /// What has to be left of the lease for an attempt to start.
    needed: Duration,
    /// Microseconds on the leases' clock.
    leased_until: AtomicU64,
    heard_at: AtomicU64,
    /// By shard, as the dispatcher has heard; 0 where it is not this node's.
    tokens: Box<[AtomicU64]>,
    /// The same, as the database said last.
    confirmed: Box<[AtomicU64]>,
    /// How many of them are.
    count: AtomicUsize,
    /// Shards that are about to be given back: nothing starts there any more.
    draining: Box<[AtomicBool]>,
}

impl Ownership {
    /// Of everything, or of nothing yet where the store is shared.
    pub(super) fn new(is_shared: bool, request_timeout: Duration) -> Self {
        let (token, count) = if is_shared { (0, 0) } else { (ALONE, usize::from(SHARDS)) };
        Self {
            is_shared,
            needed: request_timeout + SPARE,
            leased_until: AtomicU64::new(0),
            heard_at: AtomicU64::new(0),
            tokens: (0..SHARDS).map(|_| AtomicU64::new(token)).collect(),
            confirmed: (0..SHARDS).map(|_| AtomicU64::new(token)).collect(),
            count: AtomicUsize::new(count),
            draining: (0..SHARDS).map(|_| AtomicBool::new(false)).collect(),
        }
    }

    pub(super) fn is_shared(&self) -> bool {
        self.is_shared
    }

    /// The token of an account's shard; 0 where it is not this node's.
    pub(super) fn token(&self, account: AccountId) -> u64 {
        self.token_of(account.shard())
    }

    pub(super) fn token_of(&self, shard: u16) -> u64 {
        of_shard(&self.tokens, shard)
    }

    /// The last look before an attempt starts that was decided with this token.
    pub(super) fn may_start(&self, account: AccountId, token: u64) -> bool {
        if !self.is_shared {
            return true;
        }
        let now = Moment::now();
        // The lease comes first: whoever sees that it was renewed then sees too what it was renewed for.
        moment(&self.leased_until) >= now + self.needed
            && moment(&self.heard_at) + HEARD_LASTS >= now
            && token != 0
            && self.holds(account.shard(), token)
            && !self.is_draining(account.shard())
    }

    /// Whether the shard is this node's with this token, for the dispatcher and for the database alike.
    pub(super) fn holds(&self, shard: u16, token: u64) -> bool {
        self.token_of(shard) == token && of_shard(&self.confirmed, shard) == token
    }

    /// Whether the lease is over, and with it everything lost.
    pub(super) fn is_over(&self) -> bool {
        self.is_shared && moment(&self.leased_until) <= Moment::now()
    }

    pub(super) fn is_draining(&self, shard: u16) -> bool {
        self.draining.get(usize::from(shard)).is_some_and(|draining| draining.load(Ordering::Acquire))
    }

    /// Whether something may still be decided in a shard: it is neither about to be given back, nor lost already.
    pub(super) fn is_open(&self, shard: u16) -> bool {
        !self.is_draining(shard) && self.holds(shard, self.token_of(shard))
    }

    /// All shards that are this node's, those too that are about to be given back.
    pub(super) fn held(&self) -> Vec<u16> {
        (0..SHARDS).filter(|shard| self.token_of(*shard) != 0).collect()
    }

    /// How many those are.
    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    /// The lease counts until then, for these and for no others.
    pub(super) fn renewed(&self, held: &[Lease], until: Moment) {
        let mut tokens = vec![0; usize::from(SHARDS)];
        for lease in held {
            if let Some(token) = tokens.get_mut(usize::from(lease.shard)) {
                *token = lease.token;
            }
        }
        for (confirmed, token) in self.confirmed.iter().zip(tokens) {
            confirmed.store(token, Ordering::Release);
        }
        self.leased_until.store(until.as_micros(), Ordering::Release);
    }

    /// The lease counts for these too.
    pub(super) fn claimed(&self, leases: &[Lease]) {
        for lease in leases {
            if let Some(confirmed) = self.confirmed.get(usize::from(lease.shard)) {
                confirmed.store(lease.token, Ordering::Release);
            }
        }
    }

    /// What the dispatcher takes for this node's, apart: what the database does too, and what it does not any more.
    pub(super) fn kept_and_lost(&self) -> (Vec<Lease>, Vec<Lease>) {
        let known = (0..SHARDS).map(|shard| Lease { shard, token: self.token_of(shard) });
        known.filter(|lease| lease.token != 0).partition(|lease| self.holds(lease.shard, lease.token))
    }

    /// What others did until then was heard of.
    pub(super) fn heard(&self, asked: Moment) {
        self.heard_at.store(asked.as_micros(), Ordering::Release);
    }

    pub(super) fn gain(&self, shard: u16, token: u64) {
        self.set_draining(shard, false);
        if let Some(held) = self.tokens.get(usize::from(shard))
            && held.swap(token, Ordering::AcqRel) == 0
        {
            self.count.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// Whether it was held.
    pub(super) fn lose(&self, shard: u16) -> bool {
        let held = self.tokens.get(usize::from(shard));
        let was_held = held.is_some_and(|held| held.swap(0, Ordering::AcqRel) != 0);
        if was_held {
            self.count.fetch_sub(1, Ordering::AcqRel);
        }
        was_held
    }

    pub(super) fn set_draining(&self, shard: u16, draining: bool) {
        if let Some(known) = self.draining.get(usize::from(shard)) {
            known.store(draining, Ordering::Release);
        }
    }
}

fn of_shard(tokens: &[AtomicU64], shard: u16) -> u64 {
    tokens.get(usize::from(shard)).map_or(0, |token| token.load(Ordering::Acquire))
}

fn moment(micros: &AtomicU64) -> Moment {
    Moment::from_micros(micros.load(Ordering::Acquire))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn account() -> AccountId {
        AccountId::from_number(7).unwrap()
    }

    fn lease(token: u64) -> Lease {
        Lease { shard: account().shard(), token }
    }

    fn holding(left: Duration) -> Ownership {
        let ownership = Ownership::new(true, Duration::from_secs(15));
        ownership.gain(account().shard(), 3);
        ownership.renewed(&[lease(3)], Moment::now() + left);
        ownership.heard(Moment::now());
        ownership
    }

    #[test]
    fn who_is_alone_may_always_start() {
        let ownership = Ownership::new(false, Duration::from_secs(15));
        assert!(ownership.may_start(account(), ownership.token(account())));
        assert!(!ownership.is_over());
        assert_eq!(ownership.held().len(), usize::from(SHARDS));
    }

    #[test]
    fn an_attempt_needs_the_request_time_out_and_two_seconds_of_the_lease() {
        assert!(holding(Duration::from_secs(18)).may_start(account(), 3));
        assert!(!holding(Duration::from_secs(16)).may_start(account(), 3));
        assert!(holding(Duration::ZERO).is_over());
    }

    #[test]
    fn an_attempt_needs_the_token_that_it_was_decided_with() {
        let ownership = holding(Duration::from_secs(30));
        assert!(!ownership.may_start(account(), 2));
        assert_eq!(ownership.count(), 1);
        assert!(ownership.lose(account().shard()) && !ownership.lose(account().shard()));
        assert_eq!(ownership.count(), 0);
        assert!(!ownership.may_start(account(), 3) && !ownership.may_start(account(), 0));
        ownership.claimed(&[lease(4)]);
        assert!(!ownership.may_start(account(), 4), "the dispatcher has not heard of it");
        ownership.gain(account().shard(), 4);
        assert!(ownership.may_start(account(), 4) && ownership.is_open(account().shard()));
    }

    #[test]
    fn nothing_starts_in_a_shard_that_is_given_back_nor_where_nothing_was_heard_for_long() {
        let ownership = holding(Duration::from_secs(30));
        ownership.set_draining(account().shard(), true);
        assert!(!ownership.may_start(account(), 3));
        ownership.set_draining(account().shard(), false);
        assert!(ownership.may_start(account(), 3));
        let second_ago = Moment::now().as_micros() - u64::try_from(HEARD_LASTS.as_micros()).unwrap();
        ownership.heard(Moment::from_micros(second_ago - 1));
        assert!(!ownership.may_start(account(), 3));
    }
}
