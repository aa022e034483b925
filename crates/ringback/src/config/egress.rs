//! Where callbacks may go, and what they come from.

use std::net::IpAddr;

use ipnet::IpNet;
use ringback_server::send::{EgressMode, EgressPolicy, EgressProxy, OwnAddresses};

use super::layers::Layers;
use super::network::networks;
use super::setting::Setting;
use super::shown::Shown;
use crate::failure::Outcome;

pub(super) const SETTINGS: &[Setting] = &[
    Setting::one(
        "egress",
        "public|private|any",
        "Where callbacks may go: public addresses; private networks too; loopback too [default: public]",
    ),
    Setting::many(
        "allow-network",
        "CIDR",
        "A network that callbacks may go to whatever it is; may be repeated",
    ),
    Setting::many("deny-network", "CIDR", "A network that callbacks may never go to; may be repeated"),
    Setting::many("allow-port", "PORT", "A port that callbacks may go to [default: all]; may be repeated"),
    Setting::switch("allow-http", "Allow http:// endpoints under public; private and any allow them"),
    Setting::one(
        "egress-proxy",
        "URL",
        "The HTTP proxy that callbacks go through, as http://HOST:PORT [default: none, whatever the environment says]",
    ),
    Setting::one(
        "source-address",
        "ADDRESS",
        "The address that callbacks come from [default: the system's choice]",
    ),
];

/// Where callbacks may go.
#[derive(Debug, Clone, Default)]
pub(crate) struct Egress {
    pub(crate) mode: EgressMode,
    pub(crate) allow_networks: Vec<IpNet>,
    pub(crate) deny_networks: Vec<IpNet>,
    /// `None`: all.
    pub(crate) ports: Option<Vec<u16>>,
    pub(crate) allow_http: bool,
    pub(crate) proxy: Option<EgressProxy>,
    pub(crate) source_address: Option<IpAddr>,
}

impl Egress {
    /// Loopback and private networks too, as a server on one's own machine wants it.
    pub(crate) fn any() -> Self {
        Self { mode: EgressMode::Any, ..Self::default() }
    }

    pub(super) fn read(layers: &Layers) -> Outcome<Self> {
        Ok(Self {
            mode: layers.one("egress")?.unwrap_or_default(),
            allow_networks: networks(layers, "allow-network")?,
            deny_networks: networks(layers, "deny-network")?,
            ports: layers.many("allow-port")?,
            allow_http: layers.switch("allow-http")?,
            proxy: layers.one("egress-proxy")?,
            source_address: layers.one("source-address")?,
        })
    }

    /// The policy that this is.
    pub(crate) fn policy(&self) -> EgressPolicy {
        let policy = EgressPolicy::new(self.mode)
            .own_addresses(self.own_addresses())
            .allow_networks(self.allow_networks.iter().copied())
            .deny_networks(self.deny_networks.iter().copied())
            .allow_http(self.allow_http);
        match &self.ports {
            Some(ports) => policy.allow_ports(ports.iter().copied()),
            None => policy,
        }
    }

    /// Under `any` they are no matter. Through a proxy they are not this machine's.
    fn own_addresses(&self) -> OwnAddresses {
        match (self.mode, &self.proxy) {
            (EgressMode::Public | EgressMode::Private, None) => OwnAddresses::of_system(),
            _ => OwnAddresses::Unasked,
        }
    }

    pub(super) fn show(&self, shown: &mut Shown<'_>) {
        shown.put("egress", self.mode.to_string());
        shown.put_all("allow-network", &self.allow_networks);
        shown.put_all("deny-network", &self.deny_networks);
        match &self.ports {
            Some(ports) => {
                let ports: Vec<toml::Value> = ports.iter().map(|port| i64::from(*port).into()).collect();
                shown.put("allow-port", ports);
            }
            None => shown.unset("allow-port", "all ports"),
        }
        shown.put("allow-http", self.allow_http);
        let proxy = self.proxy.as_ref().map(ToString::to_string);
        shown.put_or("egress-proxy", proxy, "no proxy is used");
        shown.put_or(
            "source-address",
            self.source_address.map(|address| address.to_string()),
            "the system chooses",
        );
    }
}
