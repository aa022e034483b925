//! Operators are told what happens, by a signed request to a URL of theirs.

use std::os::unix::fs::PermissionsExt as _;

use ringback_wire::event::{EventKind, OperatorEvent};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::house::{ACCOUNT, House};
use crate::program::{failure, run_with};
use crate::receiver::Receiver;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A server that tells the operator, and the file of the secret.
fn house(operator: &Receiver) -> (House, tempfile::TempDir) {
    house_with(operator, &[])
}

fn house_with(operator: &Receiver, more: &[&str]) -> (House, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("events-secret");
    std::fs::write(&file, format!("{SECRET}\n")).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let url = operator.url();
    let settings = ["--events-url", &url, "--events-secret-file", file.to_str().unwrap()];
    (House::start_with(&[&settings, more].concat()), folder)
}

fn event(request: &crate::receiver::Request) -> OperatorEvent {
    assert!(request.is_signed_with(SECRET), "{:?}", request.headers);
    assert!(request.header("webhook-id").starts_with("evt_"));
    serde_json::from_slice(&request.body).unwrap()
}

#[tokio::test]
async fn a_suspension_and_the_recovery_from_it_are_told_and_a_second_suspension_so_soon_is_not() {
    let (operator, application) = (Receiver::answering(200).await, Receiver::answering(410).await);
    let (house, _folder) = house(&operator);
    house.register(&application.url());
    house.publish("one");
    let told = event(&operator.requests(1).await[0]);
    assert_eq!(told.kind, EventKind::LaneSuspended);
    assert_eq!(told.data.account_name, ACCOUNT);
    assert_eq!(told.data.reason.as_deref(), Some("it answered 410"));
    assert!(told.timestamp.ends_with('Z'), "{}", told.timestamp);

    application.answer(200);
    house.register(&application.url());
    assert_eq!(event(&operator.requests(2).await[1]).kind, EventKind::LaneRecovered);

    application.answer(410);
    let second = house.publish("two");
    application.requests(3).await;
    house.told(&second, "suspended").await;
    assert_eq!(operator.requests(2).await.len(), 2);
}

#[tokio::test]
async fn a_hold_the_recovery_by_a_probe_and_a_dead_message_are_told() {
    let (operator, application) = (Receiver::answering(200).await, Receiver::answering(503).await);
    let (house, _folder) = house_with(
        &operator,
        &[
            "--failures-to-hold",
            "1",
            "--probe-delay",
            "10ms",
            "--retry-delay",
            "10ms",
            "--retry-delay",
            "20ms",
        ],
    );
    house.register(&application.url());
    let held = house.publish("one");
    let told = event(&operator.requests(1).await[0]);
    assert_eq!((told.kind, told.data.account_name.as_str()), (EventKind::LaneOnHold, ACCOUNT));
    assert_eq!(told.data.reason.as_deref(), Some("it answered 503"));
    house.told(&held, "on hold since").await;

    application.answer(200);
    assert_eq!(event(&operator.requests(2).await[1]).kind, EventKind::LaneRecovered);
    house.told(&held, "It has arrived").await;

    // Refused by itself, and no more is tried than the schedule has.
    application.answer(400);
    let dead = house.publish("two");
    let told = event(&operator.requests(3).await[2]);
    assert_eq!((told.kind, told.data.message_id.as_deref()), (EventKind::MessageDead, Some(dead.as_str())));
    assert_eq!((told.data.account_name.as_str(), told.data.sequence), (ACCOUNT, Some(2)));
    assert!(told.data.reason.is_some_and(|reason| reason.contains("attempt")), "{:?}", told.data.message_id);
    let life = house.told(&dead, "its attempts are used up: it was given up after 3 attempts").await;
    assert!(life.contains("ended with it answered 400"), "{life}");
}

#[tokio::test]
async fn an_event_that_nobody_takes_is_sent_again_as_the_same_one() {
    let (operator, application) = (Receiver::answering(503).await, Receiver::answering(410).await);
    let (house, _folder) = house(&operator);
    house.register(&application.url());
    house.publish("one");
    let first = operator.requests(1).await.remove(0);
    operator.answer(204);
    let second = operator.requests(2).await.remove(1);
    assert_eq!(first.header("webhook-id"), second.header("webhook-id"));
    assert_eq!(first.body, second.body);
    assert_eq!(event(&second).kind, EventKind::LaneSuspended);
}

/// A proxy; gives what it is asked for, line by line, and opens the way there.
async fn proxy() -> (String, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (asked, asks) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let asked = asked.clone();
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(client.read_u8().await.unwrap());
                }
                let head = String::from_utf8(head).unwrap();
                let line = head.lines().next().unwrap().to_owned();
                let mut beyond = TcpStream::connect(line.split(' ').nth(1).unwrap()).await.unwrap();
                asked.send(line).unwrap();
                client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut client, &mut beyond).await;
            });
        }
    });
    (url, asks)
}

#[tokio::test]
async fn events_go_the_way_that_callbacks_go_through_the_egress_proxy() {
    let (operator, application) = (Receiver::answering(200).await, Receiver::answering(410).await);
    let (proxy, mut asked) = proxy().await;
    let (house, _folder) = house_with(&operator, &["--egress-proxy", &proxy]);
    house.register(&application.url());
    house.publish("one");
    assert_eq!(event(&operator.requests(1).await[0]).kind, EventKind::LaneSuspended);
    for to in [&application, &operator] {
        let url = to.url();
        let address = url.trim_start_matches("http://").split('/').next().unwrap();
        assert_eq!(asked.recv().await.unwrap(), format!("CONNECT {address} HTTP/1.1"));
    }
}

#[test]
fn a_server_does_not_start_with_events_that_it_could_not_sign_or_send() {
    let folder = tempfile::tempdir().unwrap();
    let serve = |url: &str, egress: &str, secret: &str| {
        let args = ["serve", "--listen", "127.0.0.1:0", "--egress", egress, "--events-url", url];
        failure(&run_with(folder.path(), &args, &[("RINGBACK_EVENTS_SECRET", secret)], ""))
    };
    let (code, said) = serve("http://127.0.0.1:9/secret-path", "any", "hunter2");
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("whsec_") && !said.contains("hunter2"), "{said}");
    let (code, said) = serve("https://127.0.0.1:9/secret-path", "public", SECRET);
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("events-url leads to") && !said.contains("secret-path"), "{said}");
    let (code, said) = serve("ftp://here/secret-path", "any", SECRET);
    assert_eq!(code, 3, "{said}");
    assert!(!said.contains("secret-path"), "{said}");
}
