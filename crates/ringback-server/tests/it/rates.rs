//! How many requests a credential may make in a second.

use ringback_server::api::Limits;

use crate::cast::{ACCOUNTS, Cast};
use crate::publishing::{MESSAGES, message};
use crate::server::{ACCOUNT, Settings, basic};

fn few() -> Settings {
    // So few that a second's number is not had again while the test runs through them.
    let limits = Limits { requests_per_second: 3, publishes_per_second: 2, ..Limits::default() };
    Settings { limits, ..Settings::default() }
}

#[tokio::test]
async fn past_its_number_a_credential_gets_429_with_retry_after_and_others_are_served() {
    let cast = Cast::meet_with(few()).await;
    let ask = async || cast.get(&cast.owner, ACCOUNTS).await;
    let mut refused = ask().await;
    while refused.status == 200 {
        refused = ask().await;
    }
    let said = refused.error(429, "REQUEST_FAILED.TooManyRequests");
    assert!(said.contains("this credential"), "{said}");
    assert_eq!(refused.header("retry-after"), Some("1"));
    cast.get(&cast.operator, ACCOUNTS).await.ok();
}

#[tokio::test]
async fn publishing_is_counted_apart_and_by_requests() {
    let cast = Cast::meet_with(few()).await;
    let body = message(ACCOUNT, &serde_json::json!({}));
    let publish = async || {
        let ask = cast.server.ask("POST", MESSAGES).bearer(&cast.platform).json(body.clone());
        ask.send().await
    };
    let mut refused = publish().await;
    while refused.status == 202 {
        refused = publish().await;
    }
    refused.error(429, "REQUEST_FAILED.TooManyRequests");
    assert_eq!(cast.get(&cast.platform, MESSAGES).await.status, 200);
}

#[tokio::test]
async fn tokens_are_given_at_the_same_rate() {
    let cast = Cast::meet_with(few()).await;
    let issued = cast.server.credential("hasty", &[ACCOUNT], crate::server::CALLBACKS).await;
    let header = basic(&issued.client_id, issued.client_secret.expose());
    let mut refused = cast.server.ask_token(&header).await;
    while refused.status == 200 {
        refused = cast.server.ask_token(&header).await;
    }
    assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (429, Some("1")));
    assert_eq!(refused.json()["error"], "invalid_request");
}
