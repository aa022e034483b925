//! TLS to endpoints: 1.2 at least, certificates checked, HTTP/1.1.

use std::sync::Arc;

use rustls::{
    ClientConfig, Error, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, ServerName},
};
use tokio_rustls::TlsConnector;
use url::Host;

use super::{EndpointTls, Roots, trust::Pinned};

/// The way to start TLS with an endpoint; with those that a rule is about, by the rule.
///
/// Names its crypto provider, so that nothing else in the process can change it.
pub(super) fn connector(
    roots: &Roots,
    extra_roots: &[CertificateDer<'static>],
    rule: Option<&EndpointTls>,
) -> Result<TlsConnector, Error> {
    let provider = Arc::new(ring::default_provider());
    let mut store = roots.store(extra_roots)?;
    for root in rule.iter().flat_map(|rule| &rule.extra_roots) {
        store.add(root.clone())?;
    }
    let builder =
        ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
    let builder = match rule {
        Some(rule) if !rule.pins.is_empty() => {
            let pinned = Pinned::new(store, rule.pins.clone(), provider).map_err(no_roots)?;
            builder.dangerous().with_custom_certificate_verifier(Arc::new(pinned))
        }
        _ => builder.with_root_certificates(usable(store)?),
    };
    let mut config = match rule.and_then(|rule| rule.client.as_ref()) {
        Some(client) => builder.with_client_auth_cert(client.chain.clone(), client.key.clone_key())?,
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

fn usable(store: RootCertStore) -> Result<RootCertStore, Error> {
    if store.is_empty() { Err(no_roots("none of them")) } else { Ok(store) }
}

fn no_roots(why: impl ToString) -> Error {
    Error::General(format!("no certificate authority can be used: {}", why.to_string()))
}

/// The name that an endpoint's certificate must bear; nothing if no certificate can.
pub(super) fn server_name(host: &Host<String>) -> Option<ServerName<'static>> {
    match host {
        Host::Domain(name) => ServerName::try_from(name.clone()).ok(),
        Host::Ipv4(address) => Some(ServerName::IpAddress(std::net::IpAddr::from(*address).into())),
        Host::Ipv6(address) => Some(ServerName::IpAddress(std::net::IpAddr::from(*address).into())),
    }
}
