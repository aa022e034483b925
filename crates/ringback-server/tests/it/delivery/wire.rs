//! What an endpoint gets.

use bytes::Bytes;
use ringback_server::dispatch::{DispatchSettings, Signing};
use ringback_store::{Content, Registrations as _};
use ringback_wire::signature::{Ed25519Key, HmacKey, Verifier, VerifyingKey, WebhookHeaders};

use super::endpoint::{Arrival, Endpoint};
use super::house::House;

fn headers(arrival: &Arrival) -> WebhookHeaders<'_> {
    WebhookHeaders {
        id: arrival.header("webhook-id"),
        timestamp: arrival.header("webhook-timestamp"),
        signature: arrival.header("webhook-signature"),
    }
}

#[tokio::test]
async fn a_message_arrives_with_the_registrations_user_name_and_password() {
    let (house, mut endpoint) = (House::build().await, Endpoint::start().await);
    house.register(endpoint.url("/Callback%2FListener?q=A b".replace(' ', "%20").as_str())).await;
    let id = house.publish(None).await;
    let arrival = endpoint.arrival().await;
    assert_eq!(arrival.path, "/Callback%2FListener?q=A%20b");
    assert_eq!(arrival.header("webhook-id"), id);
    assert_eq!(arrival.header("content-type"), "application/json");
    assert!(arrival.header("user-agent").starts_with("Ringback/"));
    assert_eq!((arrival.sequence(), arrival.attempt()), (1, 1));
    assert!(arrival.headers.get("ringback-replay").is_none());
    let body = arrival.json();
    assert_eq!(body["username"], "fota-user");
    assert_eq!(body["password"], "fota-\"pass\"");
    assert_eq!(body["type"], "firmwareList");
    arrival.answer(200);
    house.settled().await;
    assert_eq!(house.pending().await, 0);
}

/// More than the news of commits hold: the rest is read back.
#[tokio::test]
async fn many_large_messages_of_one_commit_arrive_whole() {
    let (house, mut endpoint) = (House::build().await, Endpoint::start().await);
    house.register(endpoint.url("/")).await;
    let text = "x".repeat(1 << 20);
    let body = |number| format!(r#"{{"type":"firmwareList","number":{number},"text":"{text}"}}"#);
    let sent = (1..=8).map(|number| Content::from(Bytes::from(body(number)))).collect();
    house.accept(sent, None).await;
    for _ in 1..=8 {
        let arrival = endpoint.arrival().await;
        let (number, got) = (arrival.sequence(), arrival.json());
        assert_eq!((got["username"].as_str(), got["number"].as_u64()), (Some("fota-user"), Some(number)));
        assert!(got["text"] == text, "the body of message {number} is not whole");
        arrival.answer(200);
    }
    house.settled().await;
    assert_eq!(house.pending().await, 0);
}

#[tokio::test]
async fn a_delivery_is_signed_with_the_accounts_secret_and_nothing_else_passes() {
    let (house, mut endpoint) = (House::build().await, Endpoint::start().await);
    house.register(endpoint.url("/")).await;
    house.publish(None).await;
    let arrival = endpoint.arrival().await;
    let secrets = house.store.signing_secrets(house.clock.now(), house.account).await.unwrap();
    let key = HmacKey::from_bytes(&secrets[0].hmac).unwrap();
    let verifier = Verifier::new(vec![VerifyingKey::Hmac(key)]);
    let now = house.clock.now().as_seconds();
    verifier.verify(headers(&arrival), &arrival.body, now).unwrap();
    assert!(verifier.verify(headers(&arrival), b"{}", now).is_err());
    assert!(!arrival.header("webhook-signature").contains("v1a,"));
    arrival.answer(200);
}

#[tokio::test]
async fn an_ed25519_signature_stands_beside_the_other_where_it_is_switched_on() {
    let settings = DispatchSettings { signing: Signing::HmacAndEd25519, ..DispatchSettings::default() };
    let (house, mut endpoint) = (House::build_with(settings).await, Endpoint::start().await);
    house.register(endpoint.url("/")).await;
    house.publish(None).await;
    let arrival = endpoint.arrival().await;
    let secrets = house.store.signing_secrets(house.clock.now(), house.account).await.unwrap();
    let public = Ed25519Key::from_seed(&secrets[0].ed25519_seed).public();
    let verifier = Verifier::new(vec![VerifyingKey::Ed25519(public)]);
    verifier.verify(headers(&arrival), &arrival.body, house.clock.now().as_seconds()).unwrap();
    assert!(arrival.header("webhook-signature").starts_with("v1,"));
    arrival.answer(200);
}

#[tokio::test]
async fn while_a_signing_secret_is_rotated_both_sign() {
    let (house, mut endpoint) = (House::build().await, Endpoint::start().await);
    house.register(endpoint.url("/")).await;
    house.publish(None).await;
    endpoint.arrival().await.answer(200);
    let now = house.clock.now();
    let before = house.store.signing_secrets(now, house.account).await.unwrap()[0].hmac;
    let overlap = now.after(std::time::Duration::from_secs(60));
    let after = house.store.rotate_signing_secret(now, house.account, overlap).await.unwrap()[0].hmac;
    assert_ne!(before, after);
    house.publish(None).await;
    let arrival = endpoint.arrival().await;
    for secret in [before, after] {
        let verifier = Verifier::new(vec![VerifyingKey::Hmac(HmacKey::from_bytes(&secret).unwrap())]);
        verifier.verify(headers(&arrival), &arrival.body, now.as_seconds()).unwrap();
    }
    arrival.answer(200);
    house.advance(61);
    house.publish(None).await;
    let arrival = endpoint.arrival().await;
    let verifier = Verifier::new(vec![VerifyingKey::Hmac(HmacKey::from_bytes(&before).unwrap())]);
    assert!(verifier.verify(headers(&arrival), &arrival.body, house.clock.now().as_seconds()).is_err());
    arrival.answer(200);
}
