//! The egress policy: which addresses and ports callbacks may go to.
//!
//! Three modes, each wider than the one before, with the operator's networks laid over them: a denied network is refused
//! whatever else is said, an allowed one is allowed whatever its addresses are for. Link-local and metadata addresses are
//! in no mode. The default is the safe one: public addresses, `https` only.
//!
//! Other addresses of this very machine are judged as loopback is, where [`OwnAddresses`] tells which they are.

use std::{net::IpAddr, str::FromStr};

use ipnet::{IpNet, Ipv4Net};

use super::{
    AddressClass, OwnAddresses, Refusal,
    address::{Kind, embedded, kind},
};

/// How far callbacks may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EgressMode {
    /// Public addresses only.
    #[default]
    Public,
    /// Private networks as well: RFC 1918, 100.64.0.0/10 (carriers, VPNs) and fc00::/7.
    Private,
    /// Loopback as well.
    Any,
}

/// Where callbacks may go. It judges addresses, and resolves nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EgressPolicy {
    mode: EgressMode,
    allow: Vec<IpNet>,
    deny: Vec<IpNet>,
    ports: Option<Vec<u16>>,
    allow_http: bool,
    own: OwnAddresses,
}

/// A word that is none of `public`, `private` and `any`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the egress mode is one of public, private, any")]
pub struct UnknownEgressMode;

impl EgressPolicy {
    /// The policy of a mode, without networks, with all ports.
    pub fn new(mode: EgressMode) -> Self {
        Self { mode, ..Self::default() }
    }

    /// Allows these networks too, whatever their addresses are for: the only way to link-local and metadata addresses.
    #[must_use]
    pub fn allow_networks(mut self, networks: impl IntoIterator<Item = IpNet>) -> Self {
        self.allow.extend(networks.into_iter().map(canonical));
        self
    }

    /// Refuses these networks, whatever else allows them.
    #[must_use]
    pub fn deny_networks(mut self, networks: impl IntoIterator<Item = IpNet>) -> Self {
        self.deny.extend(networks.into_iter().map(canonical));
        self
    }

    /// Allows these ports, and no others than those given so; without a call all are allowed.
    #[must_use]
    pub fn allow_ports(mut self, ports: impl IntoIterator<Item = u16>) -> Self {
        self.ports.get_or_insert_default().extend(ports);
        self
    }

    /// Whether `http://` may be called under [`EgressMode::Public`]; the wider modes always allow it.
    #[must_use]
    pub fn allow_http(mut self, allow: bool) -> Self {
        self.allow_http = allow;
        self
    }

    /// Judges this machine's own addresses as loopback; without a call they are as any others of their class.
    #[must_use]
    pub fn own_addresses(mut self, own: OwnAddresses) -> Self {
        self.own = own;
        self
    }

    /// How far callbacks may go, the networks aside.
    pub fn mode(&self) -> EgressMode {
        self.mode
    }

    /// Whether a connection to this address and port may be opened.
    ///
    /// An address that carries an IPv4 address inside (mapped, NAT64, 6to4, Teredo) passes only if each of the two does.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] that says what class of address it is, and which setting would allow it.
    pub fn check(&self, address: IpAddr, port: u16) -> Result<(), Refusal> {
        self.check_port(port)?;
        let address = address.to_canonical();
        self.judge(address)?;
        embedded(address).try_for_each(|inner| self.judge(inner))
    }

    /// Whether this port may be called, on whatever address.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] of class [`AddressClass::Port`].
    pub fn check_port(&self, port: u16) -> Result<(), Refusal> {
        match &self.ports {
            Some(ports) if !ports.contains(&port) => Err(Refusal::new(AddressClass::Port)),
            _ => Ok(()),
        }
    }

    /// Whether a URL without TLS may be called.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] of class [`AddressClass::PlainHttp`].
    pub fn check_plain_http(&self) -> Result<(), Refusal> {
        if self.allow_http || self.mode > EgressMode::Public {
            Ok(())
        } else {
            Err(Refusal::new(AddressClass::PlainHttp))
        }
    }

    /// The class of an address in a word: `global`, or the name of the [`AddressClass`] that a policy may refuse.
    pub fn class_name(address: IpAddr) -> &'static str {
        match kind(address.to_canonical()) {
            Kind::Global => "global",
            Kind::Private => AddressClass::Private.name(),
            Kind::Loopback => AddressClass::Loopback.name(),
            Kind::LinkLocal => AddressClass::LinkLocal.name(),
            Kind::Metadata => AddressClass::Metadata.name(),
            Kind::Special => AddressClass::Special.name(),
        }
    }

    fn judge(&self, address: IpAddr) -> Result<(), Refusal> {
        let within = |networks: &[IpNet]| networks.iter().any(|network| network.contains(&address));
        if within(&self.deny) {
            return Err(Refusal::new(AddressClass::Denied));
        }
        let (class, allowed_from) = match kind(address) {
            Kind::Global | Kind::Private if self.mode < EgressMode::Any && self.own.have(address) => {
                (AddressClass::OwnHost, Some(EgressMode::Any))
            }
            Kind::Global => return Ok(()),
            Kind::Private => (AddressClass::Private, Some(EgressMode::Private)),
            Kind::Loopback => (AddressClass::Loopback, Some(EgressMode::Any)),
            Kind::LinkLocal => (AddressClass::LinkLocal, None),
            Kind::Metadata => (AddressClass::Metadata, None),
            Kind::Special => (AddressClass::Special, None),
        };
        if allowed_from.is_some_and(|mode| self.mode >= mode) || within(&self.allow) {
            Ok(())
        } else {
            Err(Refusal::new(class))
        }
    }
}

/// A network of IPv4-mapped addresses as the IPv4 network that it is, since addresses are judged in that form.
fn canonical(network: IpNet) -> IpNet {
    const MAPPED: u8 = 96;
    if let IpNet::V6(v6) = network
        && let Some(prefix) = v6.prefix_len().checked_sub(MAPPED)
        && let Some(address) = v6.network().to_ipv4_mapped()
        && let Ok(v4) = Ipv4Net::new(address, prefix)
    {
        return IpNet::V4(v4);
    }
    network
}

impl FromStr for EgressMode {
    type Err = UnknownEgressMode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "public" => Ok(Self::Public),
            "private" => Ok(Self::Private),
            "any" => Ok(Self::Any),
            _ => Err(UnknownEgressMode),
        }
    }
}

impl std::fmt::Display for EgressMode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Public => "public",
            Self::Private => "private",
            Self::Any => "any",
        })
    }
}
