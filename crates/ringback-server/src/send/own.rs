//! This machine's own addresses, beside loopback.
//!
//! What listens here behind a firewall is behind no firewall for this machine itself, whichever of its addresses is
//! called. So these addresses are judged as loopback is.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

/// For documentation (RFC 5737): no machine has it.
const NOBODYS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// How it is known which addresses are this machine's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum OwnAddresses {
    /// It is not asked.
    #[default]
    Unasked,
    /// The system is asked, for each connection: addresses come and go.
    System,
    /// These are.
    These(Vec<IpAddr>),
}

impl OwnAddresses {
    /// Asks the system, where it can tell: not where it lets a socket be bound to any address (`ip_nonlocal_bind`).
    pub fn of_system() -> Self {
        if is_bindable(NOBODYS) {
            tracing::warn!(
                "the system binds sockets to any address: this machine's own are not told from others"
            );
            return Self::Unasked;
        }
        Self::System
    }

    /// Whether the address is one of them.
    pub(super) fn have(&self, address: IpAddr) -> bool {
        match self {
            Self::Unasked => false,
            Self::System => is_bindable(address),
            Self::These(addresses) => addresses.contains(&address),
        }
    }
}

/// A socket can be bound to the machine's own addresses only. Nothing is sent, and nothing stays.
fn is_bindable(address: IpAddr) -> bool {
    UdpSocket::bind(SocketAddr::new(address, 0)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_tells_its_own_addresses_from_others() {
        let own = OwnAddresses::of_system();
        if own == OwnAddresses::System {
            assert!(own.have(IpAddr::V4(Ipv4Addr::LOCALHOST)));
            assert!(!own.have(NOBODYS));
        }
    }
}
