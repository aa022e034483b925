//! Failed log-ins, by client and user name: who fails often waits, and nobody else does.
//!
//! An attempt counts as failed from its beginning, so that many at once are no way around the bound; a success forgets
//! them. A bounded number of pairs is remembered; past that the one that failed longest ago is forgotten, so that no flood
//! of names or addresses keeps anyone out.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ringback_delivery::Timestamp;
use ringback_store::credentials::Digest;

/// Failures in a row that are free.
pub(super) const FAILURES: u32 = 5;
/// How long whoever used them up waits after the last.
pub(super) const WAIT: Duration = Duration::from_secs(15 * 60);
/// Pairs that are remembered.
const REMEMBERED: usize = 10_000;

type Pair = (IpAddr, Digest);

/// See the module.
#[derive(Default)]
pub(super) struct Throttle(Mutex<HashMap<Pair, Failures>>);

#[derive(Clone, Copy)]
struct Failures {
    count: u32,
    last: Timestamp,
}

impl Throttle {
    /// Begins an attempt, or says how long to wait before the next.
    pub(super) fn begin(&self, now: Timestamp, client: IpAddr, user: Digest) -> Result<(), Duration> {
        let mut known = self.lock();
        let pair = (network(client), user);
        let mut failures = known
            .get(&pair)
            .copied()
            .filter(|failures| now.since(failures.last) < WAIT)
            .unwrap_or(Failures { count: 0, last: now });
        if failures.count >= FAILURES {
            return Err(WAIT.saturating_sub(now.since(failures.last)));
        }
        if known.len() >= REMEMBERED && !known.contains_key(&pair) {
            forget_the_oldest(&mut known);
        }
        failures.count += 1;
        failures.last = now;
        known.insert(pair, failures);
        Ok(())
    }

    /// The attempt succeeded.
    pub(super) fn succeeded(&self, client: IpAddr, user: Digest) {
        self.lock().remove(&(network(client), user));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Pair, Failures>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn forget_the_oldest(known: &mut HashMap<Pair, Failures>) {
    let oldest = known.iter().min_by_key(|(_, failures)| failures.last).map(|(pair, _)| *pair);
    if let Some(oldest) = oldest {
        known.remove(&oldest);
    }
}

/// Of IPv6 the network: whoever has one address there has them all.
fn network(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000_000);
    const USER: Digest = [1; 32];

    fn client(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn who_fails_often_waits_and_nobody_else_does() {
        let throttle = Throttle::default();
        let one = client("192.0.2.1");
        for _ in 0..FAILURES {
            throttle.begin(NOW, one, USER).unwrap();
        }
        assert_eq!(throttle.begin(NOW.after(WAIT / 3), one, USER), Err(WAIT - WAIT / 3));
        throttle.begin(NOW, client("192.0.2.2"), USER).unwrap();
        throttle.begin(NOW, one, [2; 32]).unwrap();
        throttle.begin(NOW.after(WAIT), one, USER).unwrap();
    }

    #[test]
    fn a_success_forgets_the_failures_before_it() {
        let throttle = Throttle::default();
        let one = client("2001:db8::1");
        for _ in 0..FAILURES {
            throttle.begin(NOW, one, USER).unwrap();
        }
        // The same network.
        throttle.succeeded(client("2001:db8::ffff"), USER);
        throttle.begin(NOW, one, USER).unwrap();
    }

    #[test]
    fn a_flood_of_names_keeps_nobody_out_and_takes_bounded_memory() {
        let throttle = Throttle::default();
        let flooder = client("192.0.2.1");
        for number in 0..REMEMBERED as u64 + 50 {
            let mut user = [0; 32];
            user[..8].copy_from_slice(&number.to_be_bytes());
            throttle.begin(NOW.after(Duration::from_millis(number)), flooder, user).unwrap();
        }
        assert_eq!(throttle.lock().len(), REMEMBERED);
    }
}
