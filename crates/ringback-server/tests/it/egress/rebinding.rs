//! Names that mean one thing when they are judged and another when they are called: the guard is at the connection.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use http::{StatusCode, header};
use ringback_server::send::{EgressMode, EgressPolicy};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::dns::{Said, addresses};
use super::house::House;

/// The one address of this machine that the policy allows: it stands for the public Internet.
const OUTSIDE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 1);
/// Another, which it refuses: it stands for all that is inside.
const INSIDE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

fn policy() -> EgressPolicy {
    EgressPolicy::new(EgressMode::Public).allow_http(true).allow_networks([IpAddr::from(OUTSIDE).into()])
}

/// Takes everything on one address, counts connections, and keeps none open.
struct Endpoint {
    port: u16,
    requests: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Endpoint {
    async fn start(address: Ipv4Addr, port: u16) -> Self {
        let socket = TcpListener::bind((address, port)).await.unwrap();
        let port = socket.local_addr().unwrap().port();
        let requests = Arc::new(AtomicUsize::new(0));
        let count = requests.clone();
        let router = Router::new().fallback(move || async move {
            count.fetch_add(1, Ordering::SeqCst);
            (StatusCode::NO_CONTENT, [(header::CONNECTION, "close")])
        });
        let task = tokio::spawn(async move { axum::serve(socket, router).await.unwrap() });
        Self { port, requests, task }
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The same port on both addresses.
async fn endpoints() -> (Endpoint, Endpoint) {
    let outside = Endpoint::start(OUTSIDE, 0).await;
    let inside = Endpoint::start(INSIDE, outside.port).await;
    (outside, inside)
}

fn refused(attempt: &serde_json::Value) -> bool {
    attempt["error"].as_str().is_some_and(|error| error.contains("the egress policy refuses it"))
}

#[tokio::test]
async fn a_name_that_was_outside_when_it_was_registered_is_not_called_inside() {
    let (house, (outside, inside)) = (House::start(policy()).await, endpoints().await);
    // Registered, called well, and then turned.
    house.dns.say(
        "turning.example",
        &[addresses(&["127.0.0.1"]), addresses(&["127.0.0.1"]), addresses(&["127.0.0.2"])],
    );
    house.register(0, &format!("http://turning.example:{}/", outside.port)).await.ok();
    let first = house.attempt(&house.publish(0).await).await;
    assert_eq!(first["status"], 204, "{first}");
    let second = house.attempt(&house.publish(0).await).await;
    assert!(refused(&second), "{second}");
    assert!(!second.to_string().contains("127.0.0.2"), "the address is told: {second}");
    assert_eq!((outside.requests(), inside.requests()), (1, 0));
    assert_eq!(house.dns.asked("turning.example"), 3, "each connection looks it up, once");
}

#[tokio::test]
async fn a_name_that_could_not_be_judged_when_it_was_registered_is_judged_when_it_is_called() {
    let (house, (outside, inside)) = (House::start(policy()).await, endpoints().await);
    house.dns.say("late.example", &[Said::Failure, addresses(&["127.0.0.2", "::1", "169.254.169.254"])]);
    house.register(0, &format!("http://late.example:{}/", outside.port)).await.ok();
    let attempt = house.attempt(&house.publish(0).await).await;
    assert!(refused(&attempt), "{attempt}");
    assert_eq!((outside.requests(), inside.requests()), (0, 0));
}

#[tokio::test]
async fn of_many_addresses_only_those_are_called_that_pass() {
    let (house, (outside, inside)) = (House::start(policy()).await, endpoints().await);
    let mut many: Vec<String> = (1..=40).map(|number| format!("10.0.0.{number}")).collect();
    many.extend(["127.0.0.2", "::ffff:127.0.0.2", "127.0.0.1", "0.0.0.0", "::1"].map(str::to_owned));
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    house.dns.say("many.example", &[addresses(&many)]);
    house.register(0, &format!("http://many.example:{}/", outside.port)).await.ok();
    let attempt = house.attempt(&house.publish(0).await).await;
    assert_eq!(attempt["status"], 204, "{attempt}");
    assert_eq!((outside.requests(), inside.requests()), (1, 0));
}

#[tokio::test]
async fn an_alias_that_turns_inside_is_refused_at_its_end() {
    let (house, (outside, inside)) = (House::start(policy()).await, endpoints().await);
    house.dns.say("hook.example", &[Said::Alias("edge.example")]);
    house.dns.say("edge.example", &[addresses(&["127.0.0.1"]), Said::Alias("db.internal")]);
    house.dns.say("db.internal", &[addresses(&["127.0.0.2"])]);
    house.register(0, &format!("http://hook.example:{}/", outside.port)).await.ok();
    let attempt = house.attempt(&house.publish(0).await).await;
    assert!(refused(&attempt), "{attempt}");
    assert_eq!((outside.requests(), inside.requests()), (0, 0));
}

#[tokio::test]
async fn dns_that_fails_or_means_nothing_is_a_failure_to_resolve_and_no_connection() {
    let (house, (outside, _inside)) = (House::start(policy()).await, endpoints().await);
    for (number, said) in [(0, Said::Failure), (1, Said::Garbage), (2, addresses(&[]))] {
        house.dns.say("broken.example", &[addresses(&["127.0.0.1"]), said]);
        house.register(number, &format!("http://broken.example:{}/", outside.port)).await.ok();
        let attempt = house.attempt(&house.publish(number).await).await;
        assert_eq!(attempt["error"], "the name could not be resolved", "{attempt}");
    }
    assert_eq!(outside.requests(), 0);
}
