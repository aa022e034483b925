//! Opening a connection to a server, with TLS where its URL says so.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::Url;

/// For connecting, TLS included.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A connection, with or without TLS.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send {}

impl<T: AsyncRead + AsyncWrite + Send> Stream for T {}

/// No connection.
pub(super) enum ConnectError {
    Io(io::Error),
    Tls(rustls::Error),
}

impl From<io::Error> for ConnectError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Connects to the URL's host.
pub(super) async fn open(root: &Url) -> Result<TokioIo<Pin<Box<dyn Stream>>>, ConnectError> {
    let opened = tokio::time::timeout(TIMEOUT, open_in_time(root)).await;
    opened.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()))
}

async fn open_in_time(root: &Url) -> Result<TokioIo<Pin<Box<dyn Stream>>>, ConnectError> {
    let host = root.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let port = root.port_or_known_default().unwrap_or_default();
    let stream = TcpStream::connect((host, port)).await?;
    stream.set_nodelay(true)?;
    if root.scheme() == "http" {
        return Ok(TokioIo::new(Box::pin(stream)));
    }
    let name = ServerName::try_from(host.to_owned())
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    let stream =
        TlsConnector::from(Arc::new(tls().map_err(ConnectError::Tls)?)).connect(name, stream).await?;
    Ok(TokioIo::new(Box::pin(stream)))
}

fn tls() -> Result<ClientConfig, rustls::Error> {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}
