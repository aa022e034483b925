//! What each check lets in: keys being rotated, times, credentials.

use std::time::Duration;

use http::StatusCode;
use proptest::prelude::*;
use ringback_listener::{Check, CheckError, receive};
use ringback_wire::signature::{Ed25519Key, HmacKey, SigningKey};

use crate::cast::{KEY, NOW, OTHER_KEY, Post, diarist, ping_body};

const OK: StatusCode = StatusCode::NO_CONTENT;
const NO: StatusCode = StatusCode::UNAUTHORIZED;

fn key(text: &str) -> SigningKey {
    SigningKey::parse(text).unwrap()
}

#[tokio::test]
async fn while_a_key_is_rotated_both_are_taken_on_either_side() {
    let (both, ..) = diarist(Check::signature([KEY, OTHER_KEY]).unwrap());
    assert_eq!(Post::ping().signed("msg_1", &key(KEY), NOW).to(&both).await, OK);
    assert_eq!(Post::ping().signed("msg_2", &key(OTHER_KEY), NOW).to(&both).await, OK);
    let (old, ..) = diarist(Check::signature([OTHER_KEY]).unwrap());
    let rotated = key(KEY).with_previous(vec![key(OTHER_KEY)]);
    assert_eq!(Post::ping().signed("msg_3", &rotated, NOW).to(&old).await, OK);
    assert_eq!(Post::ping().signed("msg_4", &key(KEY), NOW).to(&old).await, NO);
}

#[tokio::test]
async fn a_public_key_checks_the_v1a_signature_only() {
    let private = Ed25519Key::from_seed(&[7; 32]);
    let hmac = HmacKey::parse(KEY).unwrap();
    let (listener, ..) = diarist(Check::signature([private.public().to_text()]).unwrap());
    let both = SigningKey::new(hmac.clone(), Some(private));
    assert_eq!(Post::ping().signed("msg_1", &both, NOW).to(&listener).await, OK);
    let one = SigningKey::new(hmac, None);
    assert_eq!(Post::ping().signed("msg_2", &one, NOW).to(&listener).await, NO);
    let stranger = SigningKey::new(HmacKey::parse(KEY).unwrap(), Some(Ed25519Key::from_seed(&[8; 32])));
    assert_eq!(Post::ping().signed("msg_3", &stranger, NOW).to(&listener).await, NO);
}

#[tokio::test]
async fn a_timestamp_may_be_five_minutes_away_unless_it_is_said_otherwise() {
    let (listener, _, clock) = diarist(Check::signature([KEY]).unwrap());
    assert_eq!(Post::ping().signed("msg_1", &key(KEY), NOW - 300).to(&listener).await, OK);
    assert_eq!(Post::ping().signed("msg_2", &key(KEY), NOW + 300).to(&listener).await, OK);
    let post = Post::ping().signed("msg_3", &key(KEY), NOW);
    clock.advance(Duration::from_secs(301));
    assert_eq!(post.to(&listener).await, NO);
    let (strict, ..) = diarist(Check::signature([KEY]).unwrap().tolerance(Duration::from_secs(5)));
    assert_eq!(Post::ping().signed("msg_4", &key(KEY), NOW - 5).to(&strict).await, OK);
    assert_eq!(Post::ping().signed("msg_5", &key(KEY), NOW - 6).to(&strict).await, NO);
}

#[tokio::test]
async fn a_tolerance_is_kept_when_a_key_is_added() {
    let check = Check::signature([KEY]).unwrap().tolerance(Duration::from_secs(5));
    let (listener, ..) = diarist(check.and_signature([OTHER_KEY]).unwrap());
    assert_eq!(Post::ping().signed("msg_1", &key(OTHER_KEY), NOW - 6).to(&listener).await, NO);
    assert_eq!(Post::ping().signed("msg_1", &key(KEY), NOW).to(&listener).await, OK);
}

#[tokio::test]
async fn credentials_are_taken_as_a_pair_and_pairs_are_alternatives() {
    let check = Check::credentials("fota-user", "fota-pass")
        .unwrap()
        .and_credentials("new-user", "new-pass")
        .unwrap();
    let (listener, ..) = diarist(check);
    let with = |user: &str, password: &str| {
        Post::new(ping_body().replace("fota-user", user).replace("fota-pass", password))
    };
    assert_eq!(with("fota-user", "fota-pass").to(&listener).await, OK);
    assert_eq!(with("new-user", "new-pass").to(&listener).await, OK);
    assert_eq!(with("fota-user", "new-pass").to(&listener).await, NO);
    assert_eq!(with("new-user", "fota-pass").to(&listener).await, NO);
    assert_eq!(with("", "").to(&listener).await, NO);
}

#[test]
fn a_check_that_would_let_everything_in_or_nothing_can_not_be_made() {
    assert_eq!(Check::signature(Vec::<&str>::new()).unwrap_err(), CheckError::NoKey);
    assert_eq!(Check::credentials("", "").unwrap_err(), CheckError::EmptyPassword);
    assert!(matches!(Check::signature(["whsec_"]).unwrap_err(), CheckError::Key(_)));
    assert!(matches!(Check::signature(["hunter2"]).unwrap_err(), CheckError::Key(_)));
    assert!(Check::unverified().is_unverified());
    assert!(!Check::signature([KEY]).unwrap().is_unverified());
}

#[test]
fn debug_shows_no_secret() {
    let check = Check::signature([KEY]).unwrap().and_credentials("the-user", "hunter2").unwrap();
    let shown = format!("{check:?}");
    for secret in ["hunter2", "the-user", "bmV3", "new key"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

proptest! {
    #[test]
    fn only_the_registered_pair_is_let_in(user in "[a-b]{0,3}", password in "[a-b]{0,3}") {
        let check = Check::credentials("ab", "ba").unwrap();
        let body = ping_body().replace("fota-user", &user).replace("fota-pass", &password);
        let headers: [(&str, &str); 0] = [];
        let taken = receive(&headers, body.as_bytes(), &check, NOW).is_ok();
        prop_assert_eq!(taken, user == "ab" && password == "ba");
    }

    #[test]
    fn a_signed_body_can_not_be_changed_in_any_bit(at in 0..ping_body().len() * 8) {
        let post = Post::ping().signed("msg_1", &key(KEY), NOW);
        let mut body = post.body.clone().into_bytes();
        body[at / 8] ^= 1 << (at % 8);
        let check = Check::signature([KEY]).unwrap();
        let rejection = receive(post.pairs(), &body, &check, NOW).unwrap_err();
        prop_assert_eq!(rejection.status(), NO);
    }

    #[test]
    fn no_bytes_and_no_headers_make_it_panic(
        body in proptest::collection::vec(any::<u8>(), 0..200),
        headers in proptest::collection::vec(("webhook-(id|timestamp|signature)", "\\PC{0,30}"), 0..6),
    ) {
        for check in [Check::unverified(), Check::signature([KEY]).unwrap()] {
            let _ = receive(&headers, &body, &check, NOW);
        }
    }
}
