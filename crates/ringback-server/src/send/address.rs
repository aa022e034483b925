//! What kind of address an address is.
//!
//! After the IANA special-purpose registries (RFC 6890 and what followed), and, for metadata, the clouds' own manuals.
//! An address that carries an IPv4 address inside is more than one address: [`embedded`] takes the inner ones out, and
//! the policy judges all of them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an address is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Routed on the public Internet.
    Global,
    /// RFC 1918, shared address space (100.64.0.0/10), unique local (fc00::/7).
    Private,
    /// 127.0.0.0/8 and ::1.
    Loopback,
    /// 169.254.0.0/16 and fe80::/10.
    LinkLocal,
    /// Where clouds serve a machine its credentials.
    Metadata,
    /// Unspecified, multicast, broadcast, documentation, benchmarking, reserved.
    Special,
}

/// The metadata services that answer on IPv4: AWS, GCP, Azure and most others; AWS's DNS, clock, ECS and EKS; Tencent;
/// Azure's wire server; Alibaba; Volcano Engine; Oracle.
const METADATA_V4: [Ipv4Addr; 10] = [
    Ipv4Addr::new(169, 254, 169, 254),
    Ipv4Addr::new(169, 254, 169, 253),
    Ipv4Addr::new(169, 254, 169, 123),
    Ipv4Addr::new(169, 254, 170, 2),
    Ipv4Addr::new(169, 254, 170, 23),
    Ipv4Addr::new(169, 254, 0, 23),
    Ipv4Addr::new(168, 63, 129, 16),
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(100, 96, 0, 96),
    Ipv4Addr::new(192, 0, 0, 192),
];

/// The metadata services that answer on IPv6, beside AWS's fd00:ec2::/32: OpenStack, Oracle, Linode, GCP, Scaleway.
const METADATA_V6: [Ipv6Addr; 5] = [
    Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0xa9fe, 0xa9fe),
    Ipv6Addr::new(0xfd00, 0xc1, 0, 0, 0, 0, 0xa9fe, 0xa9fe),
    Ipv6Addr::new(0xfd00, 0xa9fe, 0xa9fe, 0, 0, 0, 0, 1),
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42),
];

/// What the address is for, by its own number alone.
pub(super) fn kind(address: IpAddr) -> Kind {
    match address {
        IpAddr::V4(address) => kind_v4(address),
        IpAddr::V6(address) => kind_v6(address),
    }
}

fn kind_v4(address: Ipv4Addr) -> Kind {
    if METADATA_V4.contains(&address) {
        return Kind::Metadata;
    }
    match address.octets() {
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] => Kind::Private,
        [127, ..] => Kind::Loopback,
        [169, 254, ..] => Kind::LinkLocal,
        // This network (and, on Linux, this host), protocol assignments, documentation, the former 6to4 relays,
        // benchmarking, multicast, reserved and broadcast.
        [0, ..]
        | [192, 0, 0 | 2, _]
        | [192, 88, 99, _]
        | [198, 18..=19, ..]
        | [198, 51, 100, _]
        | [203, 0, 113, _]
        | [224..=255, ..] => Kind::Special,
        _ => Kind::Global,
    }
}

fn kind_v6(address: Ipv6Addr) -> Kind {
    if METADATA_V6.contains(&address) {
        return Kind::Metadata;
    }
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 1] => Kind::Loopback,
        [0xfd00, 0x0ec2, ..] => Kind::Metadata,
        [0xfc00..=0xfdff, ..] => Kind::Private,
        [0xfe80..=0xfebf, ..] => Kind::LinkLocal,
        // NAT64 by its well-known prefix, Teredo and 6to4 lead to the IPv4 address inside, which is judged beside them.
        [0x64, 0xff9b, 0, 0, 0, 0, _, _] | [0x2001, 0, ..] | [0x2002, ..] => Kind::Global,
        // Protocol assignments (2001::/23) and documentation.
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Kind::Special,
        // All that IANA has opened for global unicast so far.
        [0x2000..=0x3fff, ..] => Kind::Global,
        // The unspecified address, IPv4-compatible, NAT64 for local use (64:ff9b:1::/48, where the IPv4 address stands
        // wherever its operator put it), discard-only, site-local, multicast and what is not assigned.
        _ => Kind::Special,
    }
}

/// The IPv4 addresses that an IPv6 address carries inside, to be judged beside it.
///
/// IPv4-mapped addresses are not among them: they *are* IPv4 addresses, and [`IpAddr::to_canonical`] makes them so.
pub(super) fn embedded(address: IpAddr) -> impl Iterator<Item = IpAddr> {
    let none = [None, None];
    let inner = match address {
        IpAddr::V4(_) => none,
        IpAddr::V6(address) => match address.segments() {
            [0, 0, 0, 0, 0, 0, 0, 0 | 1] => none,
            // IPv4-compatible, and both of NAT64's prefixes.
            [0, 0, 0, 0, 0, 0, high, low]
            | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
            | [0x64, 0xff9b, 1, _, _, _, high, low] => [Some(v4(high, low)), None],
            [0x2002, high, low, ..] => [Some(v4(high, low)), None],
            // Teredo: its server, and the client's address with every bit turned over.
            [0x2001, 0, server_high, server_low, _, _, high, low] => {
                [Some(v4(server_high, server_low)), Some(v4(!high, !low))]
            }
            _ => none,
        },
    };
    inner.into_iter().flatten().map(IpAddr::V4)
}

fn v4(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from((u32::from(high) << 16) | u32::from(low))
}
