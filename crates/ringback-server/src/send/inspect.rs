//! Saying what a URL leads to now, for a person who wants to know why nothing arrives.

use std::net::IpAddr;

use url::Host;

use super::{CallbackUrl, EgressPolicy, RESOLVE_TIMEOUT, Refusal, Resolve};

/// What a URL leads to at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// The addresses of its host; none when its name can't be resolved.
    pub addresses: Vec<IpAddr>,
    /// The class of the first that may be called, or of the first: `global`, `private` and so on.
    pub address_class: Option<&'static str>,
    /// Why none of them may be called, if so.
    pub refusal: Option<Refusal>,
}

/// Resolves the URL's host and judges what comes.
pub async fn inspect(url: &CallbackUrl, policy: &EgressPolicy, resolver: &dyn Resolve) -> Inspection {
    let destination = url.destination();
    let addresses = match &destination.host {
        Host::Ipv4(address) => vec![IpAddr::V4(*address)],
        Host::Ipv6(address) => vec![IpAddr::V6(*address)],
        Host::Domain(name) => {
            let resolved = tokio::time::timeout(RESOLVE_TIMEOUT, resolver.resolve(name)).await;
            resolved.ok().and_then(Result::ok).unwrap_or_default()
        }
    };
    let verdict = |address: &IpAddr| policy.check(*address, destination.port);
    let passes = addresses.iter().find(|address| verdict(address).is_ok());
    let refusal = match (url.precheck(policy), passes) {
        (Err(refusal), _) => Some(refusal),
        (Ok(()), Some(_)) => None,
        (Ok(()), None) => addresses.first().and_then(|address| verdict(address).err()),
    };
    let address_class = passes.or(addresses.first()).map(|address| EgressPolicy::class_name(*address));
    Inspection { addresses, address_class, refusal }
}
