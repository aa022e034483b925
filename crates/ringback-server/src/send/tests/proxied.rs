//! Through a proxy: what it is asked for, and that the policy holds.

use ringback_delivery::{Failure, Outcome};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::{
    server::{Endpoint, Then},
    *,
};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

/// A proxy; gives what it was asked for, line by line, and lets everything through that goes to this machine.
async fn proxy(answer: &'static str) -> (EgressProxy, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let (asked, asks) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let asked = asked.clone();
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await.expect("a head"));
                }
                let line =
                    String::from_utf8(head).expect("text").lines().next().unwrap_or_default().to_owned();
                let to = line.split(' ').nth(1).unwrap_or_default().to_owned();
                let _ = asked.send(line);
                stream.write_all(answer.as_bytes()).await.expect("a client");
                if let Ok(mut beyond) = TcpStream::connect(&to).await {
                    let _ = tokio::io::copy_bidirectional(&mut stream, &mut beyond).await;
                }
            });
        }
    });
    (format!("http://127.0.0.1:{port}").parse().expect("a proxy"), asks)
}

fn through(proxy: EgressProxy, policy: EgressPolicy, resolver: Arc<dyn Resolve>) -> Sender {
    sender(SenderSettings {
        proxy: Some(proxy),
        policy: Arc::new(policy),
        resolver,
        ..SenderSettings::default()
    })
}

#[tokio::test]
async fn the_proxy_is_asked_for_the_address_that_was_judged_and_the_endpoint_for_its_name() {
    let (proxy, mut asked) = proxy("HTTP/1.1 200 Connection established\r\nx: y\r\n\r\n").await;
    let mut endpoint = Endpoint::start(OK, Then::KeepOpen).await;
    let port = endpoint.url().trim_end_matches('/').rsplit(':').next().expect("a port").to_owned();
    let port: String = port.chars().take_while(char::is_ascii_digit).collect();
    let sender = through(proxy, EgressPolicy::new(EgressMode::Any), Answers::new(&[&["127.0.0.1"]]));
    let report = sender.send(post(&format!("http://endpoint.example:{port}/"))).await;
    assert_eq!(report.outcome, Outcome::Answered { status: 200, retry_after: None }, "{:?}", report.error);
    assert_eq!(asked.recv().await.as_deref(), Some(&*format!("CONNECT 127.0.0.1:{port} HTTP/1.1")));
    let seen = format!("{:?}", endpoint.seen());
    assert!(seen.contains(&format!("endpoint.example:{port}")), "{seen}");
}

#[tokio::test]
async fn what_the_policy_refuses_is_not_asked_of_the_proxy() {
    let (proxy, mut asked) = proxy("HTTP/1.1 200 OK\r\n\r\n").await;
    let sender = through(proxy, EgressPolicy::default(), Answers::new(&[&["10.0.0.1"]]));
    for url in ["https://inside.example/", "https://127.0.0.1/", "https://169.254.169.254/"] {
        let report = sender.send(post(url)).await;
        assert_eq!(report.outcome, Outcome::Failed(Failure::Policy), "{url}");
    }
    assert!(asked.try_recv().is_err(), "the proxy was asked");
}

#[tokio::test]
async fn a_proxy_that_refuses_is_told_and_is_not_gone_around() {
    let (proxy, _asked) = proxy("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n").await;
    let endpoint = Endpoint::start(OK, Then::KeepOpen).await;
    let sender = through(proxy, EgressPolicy::new(EgressMode::Any), Arc::new(SystemResolver::default()));
    let report = sender.send(post(&endpoint.url())).await;
    assert_eq!(report.outcome, Outcome::Failed(Failure::Connect));
    assert_eq!(report.error.as_deref(), Some("the egress proxy opened no way to it"));
}
