//! The plain functions, with headers as different frameworks have them.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use http::HeaderMap;
use ringback_listener::{Callback, CallbackEvent, Check, Headers, UpgradeStatus, receive};
use ringback_wire::signature::SigningKey;

use crate::cast::{ACCOUNT, KEY, NOW, Post, fixture};

#[test]
fn headers_are_found_in_any_form_and_any_case() {
    fn found(headers: &(impl Headers + ?Sized)) -> Option<&str> {
        headers.value("webhook-id")
    }
    let mut map = HeaderMap::new();
    map.insert("Webhook-Id", "a".parse().unwrap());
    assert_eq!(found(&map), Some("a"));
    assert_eq!(found(&[("Webhook-Id", "a")]), Some("a"));
    assert_eq!(found(&vec![("WEBHOOK-ID".to_owned(), "a".to_owned())]), Some("a"));
    assert_eq!(found(&HashMap::from([("Webhook-Id", "a")])), Some("a"));
    assert_eq!(found(&BTreeMap::from([("webhook-id", String::from("a"))])), Some("a"));
    assert_eq!(found(&[("webhook-i", "a")]), None);
}

#[test]
fn a_signed_callback_is_received_without_a_server() {
    let post =
        Post::new(fixture("message-upgrade-finished")).signed("msg_1", &SigningKey::parse(KEY).unwrap(), NOW);
    let check = Check::signature([KEY]).unwrap();
    let message = receive(post.pairs(), post.body.as_bytes(), &check, NOW).unwrap();
    assert_eq!(message.account_name, ACCOUNT);
    let CallbackEvent::UpgradeFinished(upgrade) = &message.event else { panic!("{message:?}") };
    assert_eq!(upgrade.status, Some(UpgradeStatus::Finished));
    assert_eq!(upgrade.devices().len(), 2);
}

#[test]
fn a_header_that_can_not_be_read_is_as_if_it_were_not_there() {
    let read = |headers: &[(&str, String)]| {
        Callback::read(headers, Bytes::from(Post::ping().body), &Check::unverified(), NOW).unwrap()
    };
    let right = read(&[
        ("webhook-id", "msg_1".into()),
        ("ringback-sequence", "7".into()),
        ("ringback-attempt", "2".into()),
        ("ringback-replay", "true".into()),
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into()),
    ]);
    assert_eq!(
        (right.id.as_deref(), right.sequence, right.attempt, right.replay),
        (Some("msg_1"), Some(7), Some(2), true)
    );
    let trace = right.trace.unwrap();
    assert_eq!((trace.trace_text().as_str(), trace.is_sampled()), ("4bf92f3577b34da6a3ce929d0e0e4736", true));
    assert_eq!(right.state, None);
    let wrong = read(&[
        ("webhook-id", "x".repeat(257)),
        ("ringback-sequence", "0".into()),
        ("ringback-attempt", "-1".into()),
        ("ringback-replay", "yes".into()),
        ("traceparent", "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into()),
    ]);
    assert_eq!((wrong.id, wrong.sequence, wrong.attempt, wrong.replay), (None, None, None, false));
    assert_eq!(wrong.trace, None);
}

#[test]
fn a_callback_does_not_show_its_password() {
    let callback =
        Callback::read(&HeaderMap::new(), Bytes::from(Post::ping().body), &Check::unverified(), NOW).unwrap();
    assert!(!format!("{callback:?}").contains("fota-pass"));
}
