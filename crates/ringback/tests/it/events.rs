//! Operators are told what happens, by a signed request to a URL of theirs.

use std::os::unix::fs::PermissionsExt as _;

use ringback_wire::event::{EventKind, OperatorEvent};

use crate::house::{ACCOUNT, House};
use crate::program::{failure, run_with};
use crate::receiver::Receiver;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A server that tells the operator, and the file of the secret.
fn house(operator: &Receiver) -> (House, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("events-secret");
    std::fs::write(&file, format!("{SECRET}\n")).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let url = operator.url();
    let settings = ["--events-url", &url, "--events-secret-file", file.to_str().unwrap()];
    (House::start_with(&settings), folder)
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
