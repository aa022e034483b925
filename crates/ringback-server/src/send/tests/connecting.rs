//! What is connected to, and what is not.

use std::{cell::Cell, time::Instant};

use ringback_delivery::{Failure, Outcome};
use tokio::net::TcpListener;

use super::{
    server::{Endpoint, Seen, Then},
    *,
};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
const OK_CLOSE: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

fn failed(report: &SendReport) -> Failure {
    match report.outcome {
        Outcome::Failed(failure) => failure,
        ref outcome => panic!("not a failure: {outcome:?}"),
    }
}

/// Public addresses, and of this machine 127.0.0.1 only.
fn only_this(resolver: Arc<dyn Resolve>) -> SenderSettings {
    let policy = EgressPolicy::default().allow_http(true).allow_networks(networks(&["127.0.0.1/32"]));
    SenderSettings { policy: Arc::new(policy), resolver, ..SenderSettings::default() }
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let mut endpoint = Endpoint::start(OK, Then::KeepOpen).await;
    let sender = sender(settings());
    for _ in 0..3 {
        let report = sender.clone().send(post(&endpoint.url())).await;
        assert_eq!(report.outcome, Outcome::Answered { status: 200, retry_after: None });
    }
    let connections = endpoint.seen().iter().filter(|seen| matches!(seen, Seen::Connected(_))).count();
    assert_eq!(connections, 1);
}

#[tokio::test]
async fn a_kept_connection_that_was_closed_meanwhile_is_replaced() {
    let mut endpoint = Endpoint::start(OK, Then::Close).await;
    let sender = sender(settings());
    for _ in 0..3 {
        let report = sender.send(post(&endpoint.url())).await;
        assert_eq!(report.outcome, Outcome::Answered { status: 200, retry_after: None });
    }
    let connections = endpoint.seen().iter().filter(|seen| matches!(seen, Seen::Connected(_))).count();
    assert_eq!(connections, 3);
}

#[tokio::test]
async fn an_attempt_that_may_not_start_sends_nothing() {
    let mut endpoint = Endpoint::start(OK, Then::KeepOpen).await;
    let sender = sender(settings());
    let refused = sender.send_if(post(&endpoint.url()), || false).await;
    assert_eq!((refused.outcome, refused.error), (Outcome::NotStarted, None));
    assert_eq!(endpoint.seen(), []);
    // Nor when that is heard of while a connection is opened, nor on a kept one, which stays.
    for looks in [2, 1] {
        let left = Cell::new(looks);
        let may_start = || left.replace(left.get() - 1) > 0;
        assert_eq!(sender.send_if(post(&endpoint.url()), may_start).await.outcome, Outcome::NotStarted);
        assert!(matches!(sender.send(post(&endpoint.url())).await.outcome, Outcome::Answered { .. }));
    }
    let seen = endpoint.seen();
    assert_eq!(seen.iter().filter(|seen| matches!(seen, Seen::Request(_))).count(), 2);
    assert_eq!(seen.iter().filter(|seen| matches!(seen, Seen::Connected(_))).count(), 1);
}

#[tokio::test]
async fn a_wait_for_a_connection_is_not_the_attempts_time() {
    let mut endpoint = Endpoint::start("", Then::Wait).await;
    let sender = sender(SenderSettings { open_at_once: 1, timeout: SHORT, ..settings() });
    let began = Instant::now();
    let (first, second) =
        tokio::join!(sender.send(post(&endpoint.url())), sender.send(post(&endpoint.url())));
    assert_eq!([failed(&first), failed(&second)], [Failure::Timeout; 2]);
    assert!(first.waited < second.waited && second.duration >= SHORT);
    assert!(second.waited + second.duration <= began.elapsed());
    endpoint.request().await;
    endpoint.request().await;
}

#[tokio::test]
async fn nobody_listening_is_a_connect_failure() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let report = sender(settings()).send(post(&format!("http://{address}/secret"))).await;
    assert_eq!(failed(&report), Failure::Connect);
    assert_eq!(report.error.as_deref(), Some("no connection could be made: the connection was refused"));
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_a_resolve_failure() {
    let settings = SenderSettings { resolver: Answers::new(&[&[]]), ..settings() };
    let report = sender(settings).send(post("http://nowhere.example/")).await;
    assert_eq!(failed(&report), Failure::Resolve);
}

#[tokio::test]
async fn resolving_has_the_connections_time() {
    let settings = SenderSettings { resolver: Arc::new(Silence), connect_timeout: SHORT, ..settings() };
    let report = sender(settings).send(post("http://slow.example/")).await;
    assert_eq!(failed(&report), Failure::Timeout);
    assert_eq!(report.error.as_deref(), Some("no connection was made in time"));
}

#[tokio::test]
async fn a_refused_address_is_never_connected_to() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let policy = EgressPolicy::new(EgressMode::Private);
    let settings = SenderSettings { policy: Arc::new(policy), ..SenderSettings::default() };
    let report = sender(settings).send(post(&format!("http://{address}/"))).await;
    assert_eq!(failed(&report), Failure::Policy);
    assert_eq!(
        report.error.as_deref(),
        Some(
            "the egress policy refuses it: a loopback address; --egress any or --allow-network would allow it"
        )
    );
    // A connection would have been in the queue before the report came.
    let accepted = std::future::poll_fn(|cx| std::task::Poll::Ready(listener.poll_accept(cx))).await;
    assert!(accepted.is_pending());
}

#[tokio::test]
async fn http_is_refused_under_public_when_it_is_sent_too() {
    let settings = SenderSettings { resolver: Answers::new(&[&["8.8.8.8"]]), ..SenderSettings::default() };
    let report = sender(settings).send(post("http://endpoint.example/")).await;
    assert_eq!(failed(&report), Failure::Policy);
}

#[tokio::test]
async fn a_name_is_judged_by_what_it_means_when_it_is_called() {
    let endpoint = Endpoint::start(OK_CLOSE, Then::Close).await;
    let sender = sender(only_this(Answers::new(&[&["127.0.0.1"], &["10.0.0.1"]])));
    let first = sender.send(post(&endpoint.url_by_name())).await;
    assert_eq!(first.outcome, Outcome::Answered { status: 200, retry_after: None });
    let second = sender.send(post(&endpoint.url_by_name())).await;
    assert_eq!(failed(&second), Failure::Policy);
}

#[tokio::test]
async fn of_many_addresses_the_refused_ones_are_passed_over() {
    let mut endpoint = Endpoint::start(OK, Then::KeepOpen).await;
    let resolver = Answers::new(&[&["169.254.169.254", "10.0.0.1", "127.0.0.2", "127.0.0.1", "::1"]]);
    let report = sender(only_this(resolver)).send(post(&endpoint.url_by_name())).await;
    assert_eq!(report.outcome, Outcome::Answered { status: 200, retry_after: None });
    assert!(endpoint.request().await.contains("host: endpoint.example:"));
}

#[tokio::test]
async fn an_address_that_does_not_answer_leaves_the_next_its_turn() {
    let endpoint = Endpoint::start(OK, Then::KeepOpen).await;
    let settings = SenderSettings { resolver: Answers::new(&[&["127.0.0.2", "127.0.0.1"]]), ..settings() };
    let report = sender(settings).send(post(&endpoint.url_by_name())).await;
    assert_eq!(report.outcome, Outcome::Answered { status: 200, retry_after: None });
}

#[tokio::test]
async fn a_number_is_connected_to_as_the_address_that_it_is() {
    let mut endpoint = Endpoint::start(OK, Then::KeepOpen).await;
    let port = endpoint.address.port();
    let settings = SenderSettings { resolver: Arc::new(Silence), ..settings() };
    let report = sender(settings).send(post(&format!("http://0x7f.1:{port}/a/../b?C=%7e"))).await;
    assert_eq!(report.outcome, Outcome::Answered { status: 200, retry_after: None });
    let request = endpoint.request().await;
    assert!(request.starts_with("POST /a/../b?C=%7e HTTP/1.1\r\n"), "{request}");
    assert!(request.contains(&format!("host: 0x7f.1:{port}\r\n")), "{request}");
}

#[tokio::test]
async fn callbacks_come_from_the_fixed_address() {
    let mut endpoint = Endpoint::start(OK, Then::KeepOpen).await;
    let settings = SenderSettings { source_address: Some(address("127.0.0.3")), ..settings() };
    sender(settings.clone()).send(post(&endpoint.url())).await;
    let Seen::Connected(peer) = endpoint.saw().await else { panic!("no connection") };
    assert_eq!(peer.ip(), address("127.0.0.3"));
    let report = sender(settings).send(post("http://[::1]/")).await;
    assert_eq!(failed(&report), Failure::Connect);
}
