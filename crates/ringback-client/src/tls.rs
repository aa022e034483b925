//! TLS with rustls and ring: the web's roots, and those that were added.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use crate::BuildError;

/// The certificates in a PEM text.
pub(crate) fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, BuildError> {
    let wrong = |problem: String| BuildError::RootCertificates { problem };
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|error| wrong(format!("the PEM text can't be read: {error}")))?;
    if found.is_empty() {
        return Err(wrong("there is no certificate in the PEM text".to_owned()));
    }
    Ok(found)
}

/// A configuration of its own, whatever the process has as its default.
pub(crate) fn config(extra_roots: Vec<CertificateDer<'static>>) -> Result<ClientConfig, BuildError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for certificate in extra_roots {
        roots
            .add(certificate)
            .map_err(|error| BuildError::RootCertificates { problem: error.to_string() })?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(BuildError::Tls)?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
