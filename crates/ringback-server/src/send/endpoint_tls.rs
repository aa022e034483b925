//! What is particular to the TLS of some endpoints: an authority of their own, pins, a client certificate.

use std::fmt;
use std::sync::Arc;

use ringback_delivery::AccountId;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use url::Host;

use super::Pin;
use super::target::Destination;

/// Whom Ringback says that it is.
pub struct ClientCertificate {
    /// Its certificate, and behind it those of its issuers.
    pub chain: Vec<CertificateDer<'static>>,
    /// The certificate's private key.
    pub key: PrivateKeyDer<'static>,
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientCertificate")
    }
}

/// The TLS of the endpoints on one host. Of several that are meant the first counts.
#[derive(Debug, Clone)]
pub struct EndpointTls {
    /// The host, as it stands in URLs.
    pub host: Host<String>,
    /// The port; all of them where there is none.
    pub port: Option<u16>,
    /// The accounts whose endpoints are meant; all of them where this is empty. A client certificate speaks for Ringback
    /// to whoever registers that host: with accounts it speaks for these only.
    pub accounts: Vec<AccountId>,
    /// Authorities that are trusted for it beside the others.
    pub extra_roots: Vec<CertificateDer<'static>>,
    /// Its certificate's key must be one of these; any that is trusted where there are none.
    pub pins: Vec<Pin>,
    /// What Ringback shows, if it is asked to.
    pub client: Option<Arc<ClientCertificate>>,
}

impl EndpointTls {
    /// Whether this is about that account's endpoint there.
    pub(super) fn is_about(&self, destination: &Destination, account: Option<AccountId>) -> bool {
        let host = destination.host == self.host && self.port.is_none_or(|port| port == destination.port);
        let account = account.is_some_and(|account| self.accounts.contains(&account));
        destination.secure && host && (self.accounts.is_empty() || account)
    }
}
