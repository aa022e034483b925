//! TLS: whom to trust, and what goes wrong.

use std::{pin::Pin, task::Poll};

use rcgen::{CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use ringback_delivery::{Failure, Outcome};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::{
    io::{AsyncRead as _, AsyncWriteExt, ReadBuf},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

use super::{
    super::{connect::Connector, tls},
    server::read_request,
    *,
};

/// What accepts TLS with a certificate for these names, and the certificate of its authority.
fn acceptor(
    names: &[&str],
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> (TlsAcceptor, CertificateDer<'static>) {
    let mut authority = CertificateParams::new(Vec::new()).expect("parameters");
    authority.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let issuer =
        CertifiedIssuer::self_signed(authority, KeyPair::generate().expect("a key")).expect("an authority");
    let key = KeyPair::generate().expect("a key");
    let names: Vec<_> = names.iter().map(ToString::to_string).collect();
    let leaf = CertificateParams::new(names).expect("names").signed_by(&key, &issuer).expect("a certificate");
    let config =
        rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_protocol_versions(versions)
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(
                vec![leaf.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).expect("a key"),
            )
            .expect("a certificate");
    (TlsAcceptor::from(Arc::new(config)), issuer.der().clone())
}

/// A TLS endpoint with a certificate for these names; gives its port and the certificate of its authority.
async fn tls_endpoint(
    names: &[&str],
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> (u16, CertificateDer<'static>) {
    let (acceptor, root) = acceptor(names, versions);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let handshake = acceptor.accept(tcp);
            tokio::spawn(async move {
                let Ok(mut stream) = handshake.await else { return };
                while read_request(&mut stream).await.is_some() {
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
                    let _ = stream.flush().await;
                }
            });
        }
    });
    (port, root)
}

fn trusting(roots: Vec<CertificateDer<'static>>) -> Sender {
    let resolver = Answers::new(&[&["127.0.0.1"]]);
    sender(SenderSettings { extra_roots: roots, resolver, ..settings() })
}

async fn reason(sender: &Sender, url: &str) -> String {
    let report = sender.send(post(url)).await;
    assert_eq!(report.outcome, Outcome::Failed(Failure::Tls));
    report.error.expect("a reason")
}

#[tokio::test]
async fn an_authority_of_the_operators_is_trusted_with_either_version_of_tls() {
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let (port, root) = tls_endpoint(&["hook.example"], &[version]).await;
        let sender = trusting(vec![root]);
        for name in ["hook.example", "hook.example."] {
            let report = sender.send(post(&format!("https://{name}:{port}/"))).await;
            assert_eq!(report.outcome, Outcome::Answered { status: 200, retry_after: None }, "{report:?}");
        }
    }
}

#[tokio::test]
async fn a_certificate_can_be_for_an_address() {
    let (port, root) = tls_endpoint(&["127.0.0.1"], rustls::ALL_VERSIONS).await;
    let report = trusting(vec![root]).send(post(&format!("https://127.0.0.1:{port}/"))).await;
    assert_eq!(report.outcome, Outcome::Answered { status: 200, retry_after: None });
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    let (port, _) = tls_endpoint(&["hook.example"], rustls::ALL_VERSIONS).await;
    let reason = reason(&trusting(Vec::new()), &format!("https://hook.example:{port}/")).await;
    assert!(reason.contains("self-signed, or its issuer is unknown"), "{reason}");
}

#[tokio::test]
async fn a_certificate_for_another_host_is_refused() {
    let (port, root) = tls_endpoint(&["other.example"], rustls::ALL_VERSIONS).await;
    let reason = reason(&trusting(vec![root]), &format!("https://hook.example:{port}/")).await;
    assert_eq!(reason, "the TLS handshake failed: the certificate is not valid for this host");
}

#[tokio::test]
async fn an_answer_that_is_not_tls_is_a_tls_failure() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let greeting = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        stream.write_all(b"220 mail.example ESMTP\r\n").await.expect("written");
        stream
    });
    let reason = reason(&trusting(Vec::new()), &format!("https://hook.example:{port}/")).await;
    assert_eq!(reason, "the TLS handshake failed: what came back was not TLS");
    drop(greeting);
}

#[tokio::test]
async fn a_handshake_that_hangs_has_the_connections_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let sender = sender(SenderSettings { connect_timeout: SHORT, ..settings() });
    let report = sender.send(post(&format!("https://127.0.0.1:{port}/"))).await;
    assert_eq!(report.outcome, Outcome::Failed(Failure::Timeout));
}

#[tokio::test]
async fn a_root_that_is_no_certificate_makes_no_sender() {
    let settings = SenderSettings { extra_roots: vec![CertificateDer::from(vec![1, 2, 3])], ..settings() };
    assert!(matches!(Sender::new(settings), Err(InvalidSenderSettings::Tls(_))));
}

#[tokio::test]
async fn an_endpoint_that_sends_tiny_records_gives_way_after_a_portion_of_what_came_over_the_wire() {
    // Each is some twenty bytes; all of them have room on their way.
    const RECORDS: usize = 2_000;
    let (acceptor, root) = acceptor(&["127.0.0.1"], rustls::ALL_VERSIONS);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let sending = tokio::spawn(async move {
        let (tcp, _) = listener.accept().await.expect("a connection");
        let mut stream = acceptor.accept(tcp).await.expect("a handshake");
        for _ in 0..RECORDS {
            stream.write_all(b"x").await.expect("written");
            stream.flush().await.expect("written");
        }
        stream
    });
    let connector = Connector {
        policy: settings().policy,
        resolver: Answers::new(&[&["127.0.0.1"]]),
        tls: tls::connector(&Roots::default(), &[root], None).expect("a connector"),
        proxy: None,
        source_address: None,
        timeout: Duration::from_secs(20),
    };
    let url = url(&format!("https://127.0.0.1:{port}/"));
    let mut stream = connector.open(url.destination()).await.expect("a connection");
    let _open = sending.await.expect("all is sent");
    let (mut turns, mut longest) = (Vec::new(), 0);
    while turns.iter().sum::<usize>() < RECORDS {
        std::future::poll_fn(|cx| {
            let mut turn = 0;
            loop {
                let mut bytes = [0; 1024];
                let mut buffer = ReadBuf::new(&mut bytes);
                match Pin::new(&mut stream).poll_read(cx, &mut buffer) {
                    Poll::Ready(read) => {
                        read.expect("read");
                        turn += buffer.filled().len();
                    }
                    Poll::Pending if turn == 0 => return Poll::Pending,
                    Poll::Pending => break,
                }
            }
            longest = longest.max(turn);
            turns.push(turn);
            Poll::Ready(())
        })
        .await;
    }
    assert!(longest <= 8192 / 20 + 1, "{longest} records in one turn of {}", turns.len());
}
