//! Networks as people write them.

use std::net::IpAddr;

use ipnet::IpNet;

use super::layers::Layers;
use crate::failure::Outcome;

/// The networks of a setting; a bare address is a network of one.
pub(super) fn networks(layers: &Layers, name: &str) -> Outcome<Vec<IpNet>> {
    let given = layers.many::<Network>(name)?.unwrap_or_default();
    Ok(given.into_iter().map(|Network(network)| network).collect())
}

struct Network(IpNet);

impl std::str::FromStr for Network {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        network.map(Self).map_err(|_| "a network is an address and a prefix, such as 10.0.0.0/8")
    }
}
