//! The server's own TLS: its certificate and key, from files that may change while it runs.
//!
//! The files are looked at every ten seconds, and at once when asked. A pair that can be used replaces the one in use,
//! for connections from then on; one that can't be used (half of it written, or a key that is not the certificate's) is
//! reported once, and the pair in use stays.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use zeroize::Zeroizing;

/// How often the files are looked at.
const EVERY: Duration = Duration::from_secs(10);
/// The most that is read of either file, in bytes.
const LARGEST: u64 = 1 << 20;

/// Where the certificate and its key are, in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The server's certificate, and behind it those of its issuers, without the root.
    pub certificate: PathBuf,
    /// The certificate's private key.
    pub key: PathBuf,
}

/// The certificate or its key can't be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file can't be read.
    #[error("{path} can't be read: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// A file is not what it should be.
    #[error("{path} {what}")]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, without anything of it.
        what: &'static str,
    },
    /// They don't go together, or are of a kind that is not known.
    #[error("the certificate in {path} and its key can't be used: {source}")]
    Pair {
        /// The certificate's file.
        path: PathBuf,
        /// What is wrong with them.
        source: rustls::Error,
    },
}

/// What an address speaks TLS with.
pub(super) struct ServerTls {
    files: TlsFiles,
    in_use: Arc<InUse>,
    acceptor: TlsAcceptor,
    /// Of the files as they were read last.
    seen: Mutex<[u8; 32]>,
}

/// The pair for the next connection.
struct InUse(RwLock<Arc<CertifiedKey>>);

/// The files' content.
struct Pair {
    certificate: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
}

impl ServerTls {
    /// Reads the files.
    pub(super) fn load(files: TlsFiles) -> Result<Self, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let pair = Pair::read(&files)?;
        let in_use = Arc::new(InUse(RwLock::new(pair.certified(&files, &provider)?)));
        let versions = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|source| TlsError::Pair { path: files.certificate.clone(), source })?;
        let mut config = versions.with_no_client_auth().with_cert_resolver(in_use.clone());
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let seen = Mutex::new(pair.digest());
        Ok(Self { files, in_use, acceptor: TlsAcceptor::from(Arc::new(config)), seen })
    }

    /// Shakes hands.
    pub(super) async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
    ) -> io::Result<TlsStream<S>> {
        self.acceptor.accept(stream).await
    }

    /// Follows the files until `stop` is ready.
    pub(super) async fn follow(self: Arc<Self>, asked: Arc<Notify>, stop: impl Future<Output = ()>) {
        tokio::pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => return,
                () = asked.notified() => {}
                () = tokio::time::sleep(EVERY) => {}
            }
            let this = Arc::clone(&self);
            let _ = tokio::task::spawn_blocking(move || this.look()).await;
        }
    }

    /// Takes the files' pair up, if it is another one than when they were looked at last.
    fn look(&self) {
        let pair = match Pair::read(&self.files) {
            Ok(pair) => pair,
            // It may be in the middle of being replaced: the next look sees it whole, or gone, and then says so.
            Err(error) => {
                if self.is_new([0; 32]) {
                    tracing::error!(%error, "the certificate can't be read; the one in use stays");
                }
                return;
            }
        };
        if !self.is_new(pair.digest()) {
            return;
        }
        match pair.certified(&self.files, &ring::default_provider()) {
            Ok(certified) => {
                *self.in_use.0.write().unwrap_or_else(PoisonError::into_inner) = certified;
                tracing::info!(certificate = %self.files.certificate.display(), "a new certificate is in use");
            }
            Err(error) => tracing::error!(%error, "the new certificate can't be used; the one in use stays"),
        }
    }

    fn is_new(&self, digest: [u8; 32]) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *seen, digest) != digest
    }
}

impl Pair {
    fn read(files: &TlsFiles) -> Result<Self, TlsError> {
        Ok(Self { certificate: read(&files.certificate)?, key: Zeroizing::new(read(&files.key)?) })
    }

    fn certified(&self, files: &TlsFiles, provider: &CryptoProvider) -> Result<Arc<CertifiedKey>, TlsError> {
        let content = |path: &Path, what| TlsError::Content { path: path.to_owned(), what };
        let chain: Vec<_> = CertificateDer::pem_slice_iter(&self.certificate)
            .collect::<Result<_, _>>()
            .map_err(|_| content(&files.certificate, "is not PEM"))?;
        if chain.is_empty() {
            return Err(content(&files.certificate, "holds no certificate"));
        }
        let key = PrivateKeyDer::from_pem_slice(&self.key)
            .map_err(|_| content(&files.key, "holds no private key in PEM"))?;
        CertifiedKey::from_der(chain, key, provider)
            .map(Arc::new)
            .map_err(|source| TlsError::Pair { path: files.certificate.clone(), source })
    }

    fn digest(&self) -> [u8; 32] {
        let length = (self.certificate.len() as u64).to_be_bytes();
        Sha256::new()
            .chain_update(length)
            .chain_update(&self.certificate)
            .chain_update(&*self.key)
            .finalize()
            .into()
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    use std::io::Read as _;
    let fail = |source| TlsError::Read { path: path.to_owned(), source };
    let file = std::fs::File::open(path).map_err(fail)?;
    let mut bytes = Vec::new();
    file.take(LARGEST).read_to_end(&mut bytes).map_err(fail)?;
    Ok(bytes)
}

impl ResolvesServerCert for InUse {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

impl fmt::Debug for InUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InUse")
    }
}
