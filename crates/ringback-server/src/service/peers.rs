//! How many connections each client has, so that one of them does not take them all.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ipnet::IpNet;

use super::accept::ConnectionLimits;

/// Who has a network of IPv6 has a /64 of addresses at least: they count as one.
const NETWORK_V6: u128 = !0 << 64;

/// See the module. Only clients that have a connection are in memory.
pub(super) struct Peers {
    each: usize,
    uncounted: Vec<IpNet>,
    taken: Mutex<HashMap<IpAddr, usize>>,
}

/// One connection of a client, given back when it is dropped.
pub(super) struct OfPeer {
    peers: Arc<Peers>,
    client: Option<IpAddr>,
}

impl Peers {
    pub(super) fn new(limits: &ConnectionLimits) -> Self {
        Self {
            each: limits.connections_per_peer,
            uncounted: limits.uncounted.clone(),
            taken: Mutex::default(),
        }
    }

    /// A place for a connection of this client; `None` where it has as many as it may.
    pub(super) fn take(self: &Arc<Self>, address: IpAddr) -> Option<OfPeer> {
        let address = address.to_canonical();
        if self.uncounted.iter().any(|network| network.contains(&address)) {
            return Some(OfPeer { peers: Arc::clone(self), client: None });
        }
        let client = client_of(address);
        let mut taken = self.lock();
        let has = taken.entry(client).or_default();
        if *has >= self.each {
            return None;
        }
        *has += 1;
        Some(OfPeer { peers: Arc::clone(self), client: Some(client) })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn client_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from(u128::from(address) & NETWORK_V6)),
    }
}

impl Drop for OfPeer {
    fn drop(&mut self) {
        let Some(client) = self.client else { return };
        let mut taken = self.peers.lock();
        if let Some(has) = taken.get_mut(&client) {
            *has -= 1;
            if *has == 0 {
                taken.remove(&client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn peers(each: usize) -> Arc<Peers> {
        let uncounted = vec!["10.0.0.0/8".parse().unwrap()];
        Arc::new(Peers::new(&ConnectionLimits {
            connections_per_peer: each,
            uncounted,
            ..Default::default()
        }))
    }

    fn take(peers: &Arc<Peers>, address: &str) -> Option<OfPeer> {
        peers.take(address.parse().unwrap())
    }

    #[test]
    fn one_client_is_bounded_and_others_are_not() {
        let peers = peers(2);
        let held = [take(&peers, "192.0.2.1").unwrap(), take(&peers, "::ffff:192.0.2.1").unwrap()];
        assert!(take(&peers, "192.0.2.1").is_none());
        assert!(take(&peers, "192.0.2.2").is_some());
        drop(held);
        assert!(take(&peers, "192.0.2.1").is_some());
        assert!(peers.lock().is_empty(), "nothing is kept of who is gone");
    }

    #[test]
    fn the_addresses_of_a_network_of_ipv6_are_one_client() {
        let peers = peers(1);
        let _held = take(&peers, "2001:db8:1:2::1").unwrap();
        assert!(take(&peers, "2001:db8:1:2:ffff::2").is_none());
        assert!(take(&peers, "2001:db8:1:3::1").is_some());
    }

    #[test]
    fn proxies_are_not_counted() {
        let peers = peers(1);
        let _held: Vec<_> = (0..9).map(|_| take(&peers, "10.1.2.3").unwrap()).collect();
    }
}
