//! Pins, client certificates, and whose endpoints they are for.

use rcgen::{CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use ringback_delivery::{AccountId, Failure, Outcome};
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use tokio::{io::AsyncWriteExt, net::TcpListener};
use tokio_rustls::TlsAcceptor;
use url::Host;

use super::{server::read_request, *};

const HOST: &str = "endpoint.example";

/// An authority, an endpoint's certificate and a client's.
struct Certificates {
    authority: CertificateDer<'static>,
    endpoint: CertificateDer<'static>,
    endpoint_key: PrivateKeyDer<'static>,
    client: Arc<ClientCertificate>,
}

fn certificates() -> Certificates {
    let mut authority = CertificateParams::new(Vec::new()).expect("parameters");
    authority.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let issuer =
        CertifiedIssuer::self_signed(authority, KeyPair::generate().expect("a key")).expect("an authority");
    let issue = |name: &str| {
        let key = KeyPair::generate().expect("a key");
        let parameters = CertificateParams::new([name.to_owned()]).expect("a name");
        let certificate = parameters.signed_by(&key, &issuer).expect("a certificate");
        (certificate.der().clone(), PrivateKeyDer::try_from(key.serialize_der()).expect("a key"))
    };
    let (endpoint, endpoint_key) = issue(HOST);
    let (client, key) = issue("ringback.example");
    let client = Arc::new(ClientCertificate { chain: vec![client], key });
    Certificates { authority: issuer.der().clone(), endpoint, endpoint_key, client }
}

/// An endpoint that answers 200 with a client's certificate, and 401 without.
async fn endpoint(certificates: &Certificates) -> u16 {
    let mut roots = RootCertStore::empty();
    roots.add(certificates.authority.clone()).expect("a root");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_client_cert_verifier(verifier.allow_unauthenticated().build().expect("a verifier"))
        .with_single_cert(vec![certificates.endpoint.clone()], certificates.endpoint_key.clone_key())
        .expect("a certificate");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let handshake = acceptor.accept(tcp);
            tokio::spawn(async move {
                let Ok(mut stream) = handshake.await else { return };
                let known = stream.get_ref().1.peer_certificates().is_some();
                let status = if known { "200 OK" } else { "401 Unauthorized" };
                while read_request(&mut stream).await.is_some() {
                    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
                    let _ = stream.write_all(answer.as_bytes()).await;
                    let _ = stream.flush().await;
                }
            });
        }
    });
    port
}

fn rule() -> EndpointTls {
    EndpointTls {
        host: Host::Domain(HOST.to_owned()),
        port: None,
        accounts: Vec::new(),
        extra_roots: Vec::new(),
        pins: Vec::new(),
        client: None,
    }
}

fn with(certificates: &Certificates, rules: Vec<EndpointTls>) -> Sender {
    let resolver = Answers::new(&[&["127.0.0.1"]]);
    let extra_roots = vec![certificates.authority.clone()];
    sender(SenderSettings { extra_roots, endpoints: rules, resolver, ..settings() })
}

fn account(number: u64) -> AccountId {
    AccountId::from_number(number).expect("an account")
}

fn post_of(account: AccountId, port: u16) -> OutgoingCallback {
    OutgoingCallback { account: Some(account), ..post(&format!("https://{HOST}:{port}/")) }
}

fn answered(status: u16) -> Outcome {
    Outcome::Answered { status, retry_after: None }
}

#[tokio::test]
async fn a_client_certificate_is_shown_for_its_accounts_only_and_its_connections_are_theirs() {
    let certificates = certificates();
    let port = endpoint(&certificates).await;
    let client = Some(certificates.client.clone());
    let sender = with(&certificates, vec![EndpointTls { accounts: vec![account(1)], client, ..rule() }]);
    // One after the other: a kept connection would speak for whoever comes next.
    for (number, status) in [(1, 200), (2, 401), (1, 200), (2, 401)] {
        assert_eq!(sender.send(post_of(account(number), port)).await.outcome, answered(status), "{number}");
    }
}

#[tokio::test]
async fn a_pinned_host_must_show_the_pinned_key_and_be_trusted_besides() {
    let certificates = certificates();
    let port = endpoint(&certificates).await;
    let pin = Pin::of(&certificates.endpoint).expect("a pin");
    let other = Pin::of(&certificates.authority).expect("a pin");
    let pinned = |pins: &[Pin]| vec![EndpointTls { pins: pins.to_vec(), ..rule() }];
    let report = with(&certificates, pinned(&[other, pin])).send(post_of(account(1), port)).await;
    assert_eq!(report.outcome, answered(401));

    let report = with(&certificates, pinned(&[other])).send(post_of(account(1), port)).await;
    assert_eq!(report.outcome, Outcome::Failed(Failure::Tls));
    let reason = report.error.expect("a reason");
    assert!(reason.ends_with("the certificate is not one that this host is pinned to"), "{reason}");

    // The pin alone is no trust.
    let settings =
        SenderSettings { endpoints: pinned(&[pin]), resolver: Answers::new(&[&["127.0.0.1"]]), ..settings() };
    let report = sender(settings).send(post_of(account(1), port)).await;
    assert!(report.error.expect("a reason").contains("issuer is unknown"));
}

#[tokio::test]
async fn an_authority_can_be_trusted_for_one_host_only_or_in_place_of_the_webs() {
    let certificates = certificates();
    let port = endpoint(&certificates).await;
    let extra_roots = vec![certificates.authority.clone()];
    let resolver = || Answers::new(&[&["127.0.0.1"]]);
    let endpoints = vec![EndpointTls { extra_roots: extra_roots.clone(), port: Some(port), ..rule() }];
    let for_host = sender(SenderSettings { endpoints, resolver: resolver(), ..settings() });
    assert_eq!(for_host.send(post_of(account(1), port)).await.outcome, answered(401));
    let elsewhere = vec![EndpointTls { extra_roots: extra_roots.clone(), port: Some(1), ..rule() }];
    let elsewhere = sender(SenderSettings { endpoints: elsewhere, resolver: resolver(), ..settings() });
    assert_eq!(elsewhere.send(post_of(account(1), port)).await.outcome, Outcome::Failed(Failure::Tls));
    let private =
        sender(SenderSettings { roots: Roots::These(extra_roots), resolver: resolver(), ..settings() });
    assert_eq!(private.send(post_of(account(1), port)).await.outcome, answered(401));
}
