//! Whose certificates are trusted, and which of them an endpoint is pinned to.
//!
//! There is no setting that turns the check off. Who runs a private authority names its root; a pin is asked for beside
//! the check, never in its place.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use sha2::{Digest as _, Sha256};

/// Which authorities are trusted.
#[derive(Debug, Clone, Default)]
pub enum Roots {
    /// Those that browsers trust, as they were when this was built.
    #[default]
    Web,
    /// These, in place of them: the system's, or a private authority's.
    These(Vec<CertificateDer<'static>>),
}

impl Roots {
    /// The store of these and `extra` ones.
    pub(super) fn store(&self, extra: &[CertificateDer<'static>]) -> Result<RootCertStore, Error> {
        let mut store = RootCertStore::empty();
        match self {
            Self::Web => store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
            // A system's store has certificates that nobody can use any more.
            Self::These(roots) => {
                store.add_parsable_certificates(roots.iter().cloned());
            }
        }
        for root in extra {
            store.add(root.clone())?;
        }
        Ok(store)
    }
}

/// The SHA-256 of a certificate's public key (its SubjectPublicKeyInfo), as RFC 7469 has it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Pin([u8; 32]);

/// A text is no pin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a pin is sha256/ and the base64 of 32 bytes")]
pub struct InvalidPin;

impl Pin {
    /// The pin of a certificate.
    pub fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        let parsed = ParsedCertificate::try_from(certificate).ok()?;
        Some(Self(Sha256::digest(parsed.subject_public_key_info()).into()))
    }
}

impl FromStr for Pin {
    type Err = InvalidPin;

    fn from_str(text: &str) -> Result<Self, InvalidPin> {
        let digest = text.strip_prefix("sha256/").ok_or(InvalidPin)?;
        let digest = STANDARD.decode(digest).map_err(|_| InvalidPin)?;
        digest.try_into().map(Self).map_err(|_| InvalidPin)
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256/{}", STANDARD.encode(self.0))
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Checks a certificate as ever, and then that it is pinned.
#[derive(Debug)]
pub(super) struct Pinned {
    check: Arc<WebPkiServerVerifier>,
    pins: Vec<Pin>,
}

impl Pinned {
    pub(super) fn new(
        roots: RootCertStore,
        pins: Vec<Pin>,
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, rustls::client::VerifierBuilderError> {
        let check = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build()?;
        Ok(Self { check, pins })
    }
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let checked =
            self.check.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)?;
        // Only the endpoint's own: what it sends beside it may have nothing to do with it.
        match Pin::of(end_entity) {
            Some(pin) if self.pins.contains(&pin) => Ok(checked),
            _ => Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure)),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.check.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.check.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.check.supported_verify_schemes()
    }
}
