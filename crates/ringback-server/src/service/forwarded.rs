//! Whom a request comes from, where proxies stand in between.
//!
//! `X-Forwarded-For` can be written by anyone. So it counts only as far as it was written by proxies that the operator
//! trusts: it is read from its end, where the nearest proxy wrote, and the first address that is no trusted proxy's is
//! the client's.

use std::net::IpAddr;

use http::HeaderMap;
use ipnet::IpNet;

const FORWARDED_FOR: &str = "x-forwarded-for";
const FORWARDED_PROTO: &str = "x-forwarded-proto";

/// How many proxies a request may have come through; addresses before that are not looked at.
const MAX_HOPS: usize = 16;

/// The proxies whose word counts.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// The proxies of these networks.
    pub fn new(networks: impl IntoIterator<Item = IpNet>) -> Self {
        Self(networks.into_iter().collect())
    }

    /// Whether this is one of them.
    pub(super) fn has(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The client of a request that came from `peer`.
    pub(super) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        if !self.has(client) {
            return client;
        }
        let lines = headers.get_all(FORWARDED_FOR);
        let hops = lines.iter().rev().flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
        for hop in hops.take(MAX_HOPS) {
            let Some(address) = address(hop) else { break };
            client = address;
            if !self.has(client) {
                break;
            }
        }
        client
    }

    /// Whether the client of a request that came from `peer` spoke TLS to the proxy, as that proxy says.
    pub(super) fn is_secure(&self, peer: IpAddr, headers: &HeaderMap) -> bool {
        self.has(peer) && headers.get(FORWARDED_PROTO).is_some_and(|proto| proto == "https")
    }
}

/// An address, with or without a port; some proxies write one.
fn address(hop: &[u8]) -> Option<IpAddr> {
    let hop = std::str::from_utf8(hop).ok()?.trim();
    let address = hop
        .parse::<IpAddr>()
        .or_else(|_| hop.parse::<std::net::SocketAddr>().map(|socket| socket.ip()))
        .or_else(|_| hop.trim_start_matches('[').trim_end_matches(']').parse());
    address.ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn client(peer: &str, lines: &[&str]) -> String {
        let trusted = TrustedProxies::new(["10.0.0.0/8", "fd00::/8"].map(|network| network.parse().unwrap()));
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, line.parse().unwrap());
        }
        trusted.client(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn a_stranger_is_who_the_connection_says_whatever_it_writes() {
        assert_eq!(client("192.0.2.1", &["198.51.100.9"]), "192.0.2.1");
        assert_eq!(client("192.0.2.1", &["10.0.0.1", "127.0.0.1"]), "192.0.2.1");
    }

    #[test]
    fn what_a_client_wrote_before_the_trusted_proxies_does_not_count() {
        assert_eq!(client("10.0.0.1", &["127.0.0.1, 192.0.2.7"]), "192.0.2.7");
        assert_eq!(client("10.0.0.1", &["8.8.8.8, 192.0.2.7, 10.0.0.2"]), "192.0.2.7");
        assert_eq!(client("10.0.0.1", &["8.8.8.8", "192.0.2.7", "10.0.0.3, 10.0.0.2"]), "192.0.2.7");
    }

    #[test]
    fn ports_brackets_and_mapped_addresses_are_read_and_what_is_no_address_ends_the_reading() {
        assert_eq!(client("10.0.0.1", &["192.0.2.7:4711"]), "192.0.2.7");
        assert_eq!(client("::ffff:10.0.0.1", &["[2001:db8::1]"]), "2001:db8::1");
        assert_eq!(client("fd00::1", &["[2001:db8::1]:443"]), "2001:db8::1");
        assert_eq!(client("10.0.0.1", &["192.0.2.7, unknown"]), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &["192.0.2.7, unknown, 10.0.0.2"]), "10.0.0.2");
        assert_eq!(client("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn a_header_without_end_is_read_to_its_bound() {
        let hops = vec!["10.0.0.9"; 1000].join(",");
        assert_eq!(client("10.0.0.1", &[&format!("192.0.2.7,{hops}")]), "10.0.0.9");
    }
}
