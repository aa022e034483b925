//! The listener: its TLS, and how many connections it takes, for how long.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use ringback_server::clock::Clock;
use ringback_server::service::{
    ConnectionLimits, Service, ServiceSettings, StartError, TlsError, TlsFiles, TrustedProxies,
};
use ringback_store::sqlite::{SqliteOptions, SqliteStore};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::server::PATIENCE;

const NAME: &str = "ringback.example.com";

async fn start(folder: &Path, settings: ServiceSettings) -> Result<Service, StartError> {
    let store = SqliteStore::open(SqliteOptions::server(folder.join("ringback.db"))).unwrap();
    Service::start(settings, Arc::new(store), Clock::system()).await
}

fn files(folder: &Path) -> TlsFiles {
    TlsFiles { certificate: folder.join("cert.pem"), key: folder.join("key.pem") }
}

/// Writes a new certificate and its key; gives that of its authority.
fn certify(folder: &Path) -> CertificateDer<'static> {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new([NAME.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    std::fs::write(files(folder).key, key.serialize_pem()).unwrap();
    std::fs::write(files(folder).certificate, leaf.pem()).unwrap();
    issuer.der().clone()
}

async fn connect(
    address: SocketAddr,
    root: &CertificateDer<'static>,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(root.clone()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let tcp = TcpStream::connect(address).await?;
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from(NAME).unwrap(), tcp).await
}

/// The status of a request that is sent as it is.
async fn ask(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), path: &str) -> u16 {
    let request = format!("GET {path} HTTP/1.1\r\nhost: {NAME}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    std::str::from_utf8(&answer[9..12]).unwrap().parse().unwrap()
}

#[tokio::test]
async fn both_versions_of_tls_are_spoken_and_http_1_1_is_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let root = certify(folder.path());
    let settings = ServiceSettings { tls: Some(files(folder.path())), ..ServiceSettings::default() };
    let service = start(folder.path(), settings).await.unwrap();
    for version in rustls::ALL_VERSIONS {
        let mut stream = connect(service.local_addr(), &root, &[version]).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"http/1.1".as_slice()));
        assert_eq!(ask(&mut stream, "/healthz").await, 200);
    }
    // Plain HTTP is no way in.
    let mut plain = TcpStream::connect(service.local_addr()).await.unwrap();
    plain.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP/"), "{answer:?}");
    service.stop(PATIENCE).await;
}

#[tokio::test]
async fn a_changed_certificate_is_taken_up_and_a_broken_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let first = certify(folder.path());
    let settings = ServiceSettings { tls: Some(files(folder.path())), ..ServiceSettings::default() };
    let service = start(folder.path(), settings).await.unwrap();
    let address = service.local_addr();
    connect(address, &first, rustls::ALL_VERSIONS).await.unwrap();

    // A key that is not the certificate's: the pair in use stays, until a whole one is there.
    std::fs::write(files(folder.path()).key, KeyPair::generate().unwrap().serialize_pem()).unwrap();
    service.reload();
    connect(address, &first, rustls::ALL_VERSIONS).await.unwrap();
    let second = certify(folder.path());
    service.reload();
    let taken_up = async { while connect(address, &second, rustls::ALL_VERSIONS).await.is_err() {} };
    tokio::time::timeout(PATIENCE, taken_up).await.expect("it is taken up in time");
    assert!(connect(address, &first, rustls::ALL_VERSIONS).await.is_err());
    service.stop(PATIENCE).await;
}

#[tokio::test]
async fn without_a_usable_certificate_nothing_starts_and_the_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let settings = || ServiceSettings { tls: Some(files(folder.path())), ..ServiceSettings::default() };
    let missing = start(folder.path(), settings()).await.err().unwrap();
    assert!(matches!(&missing, StartError::Tls(TlsError::Read { path, .. }) if path.ends_with("cert.pem")));
    certify(folder.path());
    std::fs::write(files(folder.path()).key, "hunter2").unwrap();
    let broken = start(folder.path(), settings()).await.err().unwrap().to_string();
    assert!(broken.contains("key.pem") && !broken.contains("hunter2"), "{broken}");
}

#[tokio::test]
async fn a_handshake_that_does_not_come_ends_and_gives_its_place_back() {
    let folder = tempfile::tempdir().unwrap();
    let root = certify(folder.path());
    let connections = ConnectionLimits {
        connections: 1,
        handshake_timeout: Duration::from_millis(200),
        ..ConnectionLimits::default()
    };
    let tls = Some(files(folder.path()));
    let settings = ServiceSettings { tls, connections, ..ServiceSettings::default() };
    let service = start(folder.path(), settings).await.unwrap();
    let mut silent = TcpStream::connect(service.local_addr()).await.unwrap();
    // Waits for the one place.
    let mut stream = connect(service.local_addr(), &root, rustls::ALL_VERSIONS).await.unwrap();
    assert_eq!(ask(&mut stream, "/healthz").await, 200);
    assert_eq!(silent.read(&mut [0; 1]).await.unwrap_or(0), 0);
    service.stop(PATIENCE).await;
}

async fn bounded(proxies: TrustedProxies, uncounted: Vec<ipnet::IpNet>) -> (Service, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let connections = ConnectionLimits { connections_per_peer: 2, uncounted, ..ConnectionLimits::default() };
    let settings = ServiceSettings { connections, proxies, ..ServiceSettings::default() };
    (start(folder.path(), settings).await.unwrap(), folder)
}

#[tokio::test]
async fn a_client_with_too_many_connections_is_told_so_and_others_are_served() {
    let (service, _folder) = bounded(TrustedProxies::default(), Vec::new()).await;
    let address = service.local_addr();
    let held = [TcpStream::connect(address).await.unwrap(), TcpStream::connect(address).await.unwrap()];
    let mut third = TcpStream::connect(address).await.unwrap();
    assert_eq!(ask(&mut third, "/healthz").await, 429);
    // All of 127.0.0.0/8 is this machine: another client.
    let other = tokio::net::TcpSocket::new_v4().unwrap();
    other.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let mut other = other.connect(address).await.unwrap();
    assert_eq!(ask(&mut other, "/healthz").await, 200);
    drop(held);
    let given_back =
        async { while ask(&mut TcpStream::connect(address).await.unwrap(), "/healthz").await != 200 {} };
    tokio::time::timeout(PATIENCE, given_back).await.expect("its places come back");
    service.stop(PATIENCE).await;
}

#[tokio::test]
async fn the_connections_of_a_proxy_are_not_counted() {
    let (service, _folder) = bounded(TrustedProxies::default(), vec!["127.0.0.0/8".parse().unwrap()]).await;
    let mut held = Vec::new();
    for _ in 0..5 {
        held.push(TcpStream::connect(service.local_addr()).await.unwrap());
    }
    assert_eq!(ask(&mut held[4], "/healthz").await, 200);
    drop(held);
    service.stop(PATIENCE).await;
}
