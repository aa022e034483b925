//! TLS with roots of one's own, and proxies.

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use ringback_client::{BuildError, Client, Environment, Error, Proxy};
use rustls::pki_types::PrivateKeyDer;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::server::{ACCOUNT, Reply, Server, credentials, good_tokens, serve};

/// The root URL of a server with TLS, and its certificate as PEM. It serves until the test's runtime ends.
async fn encrypted() -> (String, String) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], PrivateKeyDer::Pkcs8(signing_key.serialize_der().into()))
        .expect("a configuration");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("its address").port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    let answer = |seen: &_, before| {
                        good_tokens(seen, before).unwrap_or_else(|| Reply::json(200, "[]"))
                    };
                    serve(stream, Arc::new(answer), Arc::new(Mutex::new(Vec::new()))).await;
                }
            });
        }
    });
    let base64 = STANDARD.encode(cert.der());
    let pem = format!("-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----\n");
    (format!("https://localhost:{port}"), pem)
}

#[tokio::test]
async fn a_certificate_is_taken_if_its_root_was_added() {
    let (url, pem) = encrypted().await;
    let builder = Client::builder().environment(Environment::url(url)).credentials(credentials()).no_proxy();
    let client = builder.add_root_certificates(pem).expect("a root").build().expect("a client");
    client.software_management_callbacks_v1().list_registered_callbacks(ACCOUNT).await.expect("a list");
}

#[tokio::test]
async fn a_certificate_of_an_unknown_root_is_a_failure_of_transport() {
    let (url, _) = encrypted().await;
    let builder = Client::builder().environment(Environment::url(url)).credentials(credentials()).no_proxy();
    let client = builder.build().expect("a client");
    let error = client.software_management_callbacks_v1().list_registered_callbacks(ACCOUNT).await;
    assert!(matches!(error, Err(Error::Transport { .. })), "{error:?}");
}

#[test]
fn what_is_no_certificate_is_refused() {
    for pem in ["", "hello", "-----BEGIN CERTIFICATE-----\nAAAA"] {
        let error = Client::builder().add_root_certificates(pem).expect_err("no certificate");
        assert!(matches!(error, BuildError::RootCertificates { .. }), "{error:?}");
    }
    let nothing = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let builder = Client::builder().environment(Environment::Staging).credentials(credentials());
    let error = builder.add_root_certificates(nothing).expect("PEM").build().expect_err("no certificate");
    assert!(matches!(error, BuildError::RootCertificates { .. }), "{error:?}");
}

#[tokio::test]
async fn requests_go_through_the_proxy_that_is_given() {
    let proxy = Server::start(|seen, before| {
        let mut inner = seen.clone();
        inner.path = inner.path.replace("http://ringback.example", "");
        good_tokens(&inner, before).unwrap_or_else(|| Reply::json(200, "[]"))
    })
    .await;
    let client = Client::builder()
        .environment(Environment::url("http://ringback.example"))
        .credentials(credentials())
        .proxy(Proxy::new(proxy.url.clone()).login("me", "hush"))
        .build()
        .expect("a client");
    client.software_management_callbacks_v1().list_registered_callbacks(ACCOUNT).await.expect("a list");
    let seen = proxy.seen();
    assert_eq!(seen.len(), 3);
    for request in seen {
        assert!(request.path.starts_with("http://ringback.example/api/"), "{}", request.path);
        // me:hush
        assert_eq!(request.header("proxy-authorization"), Some("Basic bWU6aHVzaA=="));
    }
}
