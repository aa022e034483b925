//! Trying the registered endpoint: pings and checks.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ringback_delivery::AccountId;
use ringback_server::api::{EndpointTester, TestReport};
use ringback_store::{Registrations as _, StoreError, Trace};
use serde_json::json;
use tokio::sync::Semaphore;

use crate::cast::{Cast, of};
use crate::delivery::endpoint::Endpoint;
use crate::server::{ACCOUNT, OPERATE, OTHER, Settings};

/// Reports the same each time, once it is let.
struct Scripted {
    report: Option<TestReport>,
    let_through: Arc<Semaphore>,
}

#[async_trait]
impl EndpointTester for Scripted {
    async fn test(&self, _: AccountId, _: Option<Trace>) -> Result<Option<TestReport>, StoreError> {
        self.let_through.acquire().await.unwrap().forget();
        Ok(self.report.clone())
    }
}

fn report() -> TestReport {
    TestReport {
        id: "ping_1".to_owned(),
        status: Some(204),
        error: None,
        duration: Duration::from_millis(7),
        tls: true,
        addresses: vec!["10.0.0.1".parse().unwrap()],
        address_class: Some("private"),
        refused: None,
    }
}

async fn meet(report: Option<TestReport>, let_through: &Arc<Semaphore>) -> Cast {
    let tester = Arc::new(Scripted { report, let_through: let_through.clone() });
    Cast::meet_with(Settings { tester: Some(tester), ..Settings::default() }).await
}

fn at_once() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(100))
}

async fn releases(cast: &Cast) -> u64 {
    cast.server.store.standing(ACCOUNT.parse().unwrap()).await.unwrap().releases
}

#[tokio::test]
async fn a_ping_arrives_signed_and_is_in_no_count() {
    let cast = Cast::meet_with(Settings { delivers: true, ..Settings::default() }).await;
    let mut endpoint = Endpoint::start().await;
    cast.server.register_at(ACCOUNT, &endpoint.url("/hook")).await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let parent = format!("00-{trace}-00f067aa0ba902b7-01");
    let ping = cast.server.ask("POST", &of(ACCOUNT, "/ping")).bearer(&cast.owner);
    let ping = ping.header("traceparent", &parent).send();
    let (answer, path) = tokio::join!(ping, async {
        let arrival = endpoint.arrival().await;
        assert_eq!(arrival.json()["type"], "ping");
        assert_eq!(arrival.json()["password"], "fota-password");
        assert_eq!((arrival.header("ringback-sequence"), arrival.header("ringback-attempt")), ("", ""));
        assert!(arrival.header("webhook-signature").starts_with("v1,"));
        let here = arrival.header("traceparent");
        assert!(here.starts_with(&format!("00-{trace}-")) && here != parent, "{here}");
        let (path, id) = (arrival.path.clone(), arrival.header("webhook-id").to_owned());
        arrival.answer(201);
        (path, id)
    });
    let answer = answer.ok();
    assert_eq!((&answer["ok"], &answer["status"]), (&json!(true), &json!(201)));
    assert_eq!((path.0.as_str(), answer["id"].as_str().unwrap()), ("/hook", path.1.as_str()));
    assert_eq!(cast.account(ACCOUNT).await["counts"]["accepted"], 0);
}

#[tokio::test]
async fn that_an_endpoint_fails_is_an_answer() {
    let cast = Cast::meet_with(Settings { delivers: true, ..Settings::default() }).await;
    // Nobody listens on this port.
    cast.server.register_at(ACCOUNT, "http://127.0.0.1:1/").await;
    let ping = cast.post(&cast.owner, &of(ACCOUNT, "/ping")).await.ok();
    assert_eq!((&ping["ok"], ping.get("status")), (&json!(false), None));
    assert!(ping["error"].is_string());
    let check = cast.post(&cast.operator, &of(ACCOUNT, "/check")).await.ok();
    assert_eq!((&check["ok"], &check["addressClass"]), (&json!(false), &json!("loopback")));
    assert_eq!((&check["policy"], &check["dns"]), (&json!("allowed"), &json!(["127.0.0.1"])));
    assert_eq!(check.get("tls"), None);
}

#[tokio::test]
async fn without_a_registration_there_is_nothing_to_try() {
    let cast = meet(None, &at_once()).await;
    for what in ["/ping", "/check", "/check"] {
        let answer = cast.post(&cast.owner, &of(ACCOUNT, what)).await;
        answer.error(409, "REQUEST_FAILED.CallbackNotRegistered");
    }
}

#[tokio::test]
async fn a_check_says_what_was_found_and_the_addresses_to_operators_of_all_only() {
    let cast = meet(Some(report()), &at_once()).await;
    let found = json!({
        "ok": true, "addressClass": "private", "policy": "allowed", "status": 204, "durationMs": 7,
        "tls": "the certificate is trusted, and the connection was encrypted",
    });
    assert_eq!(cast.post(&cast.owner, &of(ACCOUNT, "/check")).await.ok(), found);
    let narrow = cast.server.bearer("narrow", &[ACCOUNT], OPERATE).await;
    cast.server.advance(Duration::from_secs(10));
    assert_eq!(cast.post(&narrow, &of(ACCOUNT, "/check")).await.ok(), found);
    cast.server.advance(Duration::from_secs(10));
    let whole = cast.post(&cast.operator, &of(ACCOUNT, "/check")).await.ok();
    assert_eq!(whole["dns"], json!(["10.0.0.1"]));
}

#[tokio::test]
async fn what_the_egress_policy_refuses_is_said_without_an_address() {
    let refused = TestReport {
        status: None,
        error: Some("the egress policy refuses its address".to_owned()),
        refused: Some("a private address; --egress private or --allow-network would allow it".to_owned()),
        ..report()
    };
    let cast = meet(Some(refused), &at_once()).await;
    let found = cast.post(&cast.owner, &of(ACCOUNT, "/check")).await.ok();
    assert_eq!(
        found["policy"],
        "refused: the URL leads to a private address; --egress private or --allow-network would allow it"
    );
    assert_eq!((found.get("tls"), found.get("dns")), (None, None));
    assert_eq!(releases(&cast).await, 1);
}

#[tokio::test]
async fn a_check_that_succeeds_releases_the_lane() {
    let cast = meet(Some(report()), &at_once()).await;
    let before = releases(&cast).await;
    cast.post(&cast.owner, &of(ACCOUNT, "/check")).await.ok();
    assert_eq!(releases(&cast).await, before + 1);
    // A ping does not.
    cast.post(&cast.owner, &of(ACCOUNT, "/ping")).await.ok();
    assert_eq!(releases(&cast).await, before + 1);
}

#[tokio::test]
async fn an_account_is_checked_once_in_ten_seconds_and_another_meanwhile() {
    let cast = meet(Some(report()), &at_once()).await;
    let check = of(ACCOUNT, "/check");
    cast.post(&cast.owner, &check).await.ok();
    cast.server.advance(Duration::from_millis(3_500));
    let refused = cast.post(&cast.operator, &check).await;
    refused.error(429, "REQUEST_FAILED.TooManyRequests");
    assert_eq!(refused.header("retry-after"), Some("7"));
    cast.post(&cast.operator, &of(OTHER, "/check")).await.ok();
    cast.server.advance(Duration::from_millis(6_499));
    cast.post(&cast.owner, &check).await.error(429, "REQUEST_FAILED.TooManyRequests");
    cast.server.advance(Duration::from_millis(1));
    cast.post(&cast.owner, &check).await.ok();
}

#[tokio::test]
async fn an_endpoint_is_tried_once_at_a_time() {
    let let_through = Arc::new(Semaphore::new(0));
    let cast = meet(Some(report()), &let_through).await;
    let path = of(ACCOUNT, "/ping");
    let ping = || cast.post(&cast.owner, &path);
    // Whichever of the two comes second is refused while the first is under way.
    let (first, second) = (ping(), ping());
    tokio::pin!(first, second);
    tokio::select! {
        answer = &mut first => answer.error(429, "REQUEST_FAILED.TooManyRequests"),
        answer = &mut second => answer.error(429, "REQUEST_FAILED.TooManyRequests"),
    };
    let_through.add_permits(2);
    // The one that was under way ends, and its place is free again.
    tokio::time::timeout(crate::server::PATIENCE, async {
        while ping().await.status != 200 {
            let_through.add_permits(1);
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn anothers_endpoint_is_404_like_one_that_does_not_exist() {
    let cast = meet(Some(report()), &at_once()).await;
    cast.server.register(OTHER).await;
    for what in ["/ping", "/check", "/registration/restore"] {
        let others = cast.post(&cast.owner, &of(OTHER, what)).await;
        others.error(404, "REQUEST_FAILED.NotFound");
        let nobodys = cast.post(&cast.owner, &of("9999999999-99999", what)).await;
        assert_eq!((others.status, others.body), (nobodys.status, nobodys.body));
    }
}
