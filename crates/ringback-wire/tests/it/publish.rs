//! What publishers may send, and what becomes of it.

use ringback_wire::MessageType;
use ringback_wire::message::{CallbackEvent, CallbackMessage};
use ringback_wire::publish::*;
use serde_json::Value;

use crate::{fixture, round_trip};

/// An example without what a publisher must not give.
fn published(name: &str) -> String {
    fixture(name)
        .replace("  \"username\": \"fota-user\",\n", "")
        .replace("  \"password\": \"fota-pass\",\n", "")
}

fn finished(more: &str, section: &str) -> String {
    format!(
        r#"{{"accountName":"0242078689-00001","type":"upgradeFinished",{more}"upgradeFinished":{{{section}}}}}"#
    )
}

fn parse(json: &str) -> PublishedMessage {
    parse_published(json.as_bytes()).unwrap()
}

fn body(json: &str) -> String {
    String::from_utf8(parse(json).body).unwrap()
}

#[test]
fn the_documented_examples_are_delivered_as_documented() {
    for name in ["message-firmware-list", "message-upgrade-finished"] {
        let message = parse(&published(name));
        let delivered = splice_credentials(&message.body, "fota-user", "fota-pass");
        let wanted: Value = serde_json::from_str(&fixture(name)).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&delivered).unwrap(), wanted);
    }
}

#[test]
fn sections_that_were_left_out_are_filled_in_empty() {
    assert_eq!(
        body(&finished("", r#""upgradeId":"1""#)),
        concat!(
            r#"{"accountName":"0242078689-00001","participantName":"","type":"upgradeFinished","#,
            r#""firmwareList":[],"upgradeScheduled":{},"upgradeProgress":{},"upgradeFinished":{"upgradeId":"1"}}"#
        )
    );
}

#[test]
fn unknown_fields_and_sections_keep_every_byte() {
    let numbers =
        r#"{ "a" :1.50, "b":-0.0,"c":12345678901234567890123,"d":1E+2,"e":0.1000,"f":"\u00e4\/ ä" }"#;
    let body = body(&finished(
        &format!(r#""x":{numbers},"participantName":"P\u00e4","#),
        &format!("\n \"upgradeId\" : \"\\u0031\" , \"new\":\t{numbers}\r\n"),
    ));
    assert!(
        body.contains(&format!(
            r#""upgradeFinished":{{{}"new":{}"#,
            "\n \"upgradeId\" : \"\\u0031\" , ", "\t"
        ))
    );
    assert!(body.ends_with(&format!(r#""x":{numbers}}}"#)), "{body}");
    assert!(body.contains(r#""participantName":"P\u00e4""#));
    assert_eq!(body.matches(numbers).count(), 2);
}

#[test]
fn the_two_keys_are_never_delivered() {
    let message = parse(&finished(r#""orderingKey":"o","idempotencyKey":"\u0069","#, r#""upgradeId":"1""#));
    assert_eq!(message.ordering_key.as_deref(), Some("o"));
    assert_eq!(message.idempotency_key.as_deref(), Some("i"));
    let body = String::from_utf8(message.body).unwrap();
    assert!(!body.contains("orderingKey") && !body.contains("idempotencyKey"));
}

#[test]
fn the_ordering_key_is_the_upgrade_unless_another_or_none_is_given() {
    let key = |json: &str| parse(json).ordering_key;
    assert_eq!(key(&finished("", r#""upgradeId":"u\"1""#)).as_deref(), Some("u\"1"));
    assert_eq!(key(&finished(r#""orderingKey":"k","#, r#""upgradeId":"u""#)).as_deref(), Some("k"));
    assert_eq!(key(&finished(r#""orderingKey": null ,"#, r#""upgradeId":"u""#)), None);
    assert_eq!(key(&finished("", r#""status":"Queued""#)), None);
    assert_eq!(key(&published("message-firmware-list")), None);
    assert_eq!(parse(&published("message-firmware-list")).kind, MessageType::FirmwareList);
    let long = "é".repeat(127) + "x";
    assert_eq!(key(&finished("", &format!(r#""upgradeId":"{long}""#))), Some(long));
}

#[test]
fn an_upgrade_id_that_can_not_be_a_key_is_fine_beside_another_key() {
    let long = "x".repeat(300);
    assert_eq!(
        parse(&finished(r#""orderingKey":null,"#, &format!(r#""upgradeId":"{long}""#))).ordering_key,
        None
    );
}

#[test]
fn all_documented_values_are_accepted() {
    for status in ["RequestPending", "Queued", "RequestFailed", "InProgress", "Finished", "UpgradeFailed"] {
        parse(&finished(
            "",
            &format!(r#""status":"{status}","startDate":"2018-04-01T16:03:00+02:00","deviceList":[]"#),
        ));
    }
    parse(&finished(
        r#""firmwareList": [ ],"upgradeProgress":{ },"#,
        r#""deviceList":[{},{"deviceId":"1","n":[]}]"#,
    ));
}

#[test]
fn a_field_may_be_written_with_escapes() {
    let json = finished("", r#""upgradeId":"1""#).replace("accountName", r"\u0061ccountName");
    assert_eq!(parse(&json).account, "0242078689-00001");
    let json = finished(r#""a\"\n\u00e4":1,"#, r#""upgradeId":"1""#);
    assert!(body(&json).ends_with(r#","a\"\nä":1}"#), "{}", body(&json));
}

#[test]
fn credentials_are_escaped_and_always_there() {
    let body = parse(&published("message-upgrade-finished")).body;
    let delivered = splice_credentials(&body, "a\"b\\c\n\u{1}", "pä€");
    assert!(delivered.starts_with(br#"{"username":"a\"b\\c\n\u0001","password":""#));
    let message = CallbackMessage::parse(&delivered).unwrap();
    assert_eq!((message.username.as_str(), message.password.expose()), ("a\"b\\c\n\u{1}", "pä€"));
    assert!(splice_credentials(&body, "", "").starts_with(br#"{"username":"","password":"","accountName""#));
    assert_eq!(splice_credentials(b"{}", "", ""), br#"{"username":"","password":""}"#);
}

#[test]
fn a_ping_is_a_callback_message_with_empty_sections() {
    let delivered = splice_credentials(&ping_body("0242078689-00001"), "u", "p");
    let message: CallbackMessage = round_trip(std::str::from_utf8(&delivered).unwrap());
    assert_eq!(message.event, CallbackEvent::Ping);
    assert_eq!(message.account_name, "0242078689-00001");
}

#[test]
fn the_deepest_message_that_is_accepted_is_one_that_listeners_read() {
    let nested =
        |levels: usize| finished("", &format!(r#""new":{}{}"#, "[".repeat(levels), "]".repeat(levels)));
    let deepest = parse(&nested(MAX_DEPTH - 2));
    CallbackMessage::parse(&splice_credentials(&deepest.body, "", "")).unwrap();
    assert_eq!(parse_published(nested(MAX_DEPTH - 1).as_bytes()), Err(InvalidMessage::TooDeep));
    assert_eq!(parse_published(nested(400_000).as_bytes()), Err(InvalidMessage::TooDeep));
}

/// Thirty thousand small damages to right messages: whatever is still accepted, a listener reads.
#[test]
fn what_is_accepted_is_what_listeners_read() {
    const PIECES: [&str; 14] =
        ["\"", "\\", "{", "}", "[", "]", ",", ":", "null", "1e999", "\\ud800", "\"status\":", "ä", "0"];
    let rich = finished(
        r#""x":[1,"\ud83d\ude00",{}],"#,
        r#""upgradeId":"1","deviceList":[{"deviceId":"2"}],"n":1.5"#,
    );
    let originals = [published("message-firmware-list"), published("message-upgrade-finished"), rich];
    let mut random = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        usize::try_from(random % u64::try_from(below).unwrap()).unwrap()
    };
    let (mut accepted, mut refused) = (0, 0);
    for round in 0..30_000 {
        let mut bytes = originals[round % originals.len()].clone().into_bytes();
        let at = next(bytes.len());
        let until = (at + next(3)).min(bytes.len());
        bytes.splice(at..until, PIECES[next(PIECES.len())].bytes());
        match parse_published(&bytes) {
            Ok(message) => {
                accepted += 1;
                let delivered = splice_credentials(&message.body, "u", "p");
                let read = CallbackMessage::parse(&delivered)
                    .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&delivered)));
                assert_eq!(read.event.message_type(), Some(message.kind));
            }
            Err(_) => refused += 1,
        }
    }
    assert!(accepted > 1_000 && refused > 1_000, "{accepted} accepted, {refused} refused");
}

#[test]
fn a_line_of_many_says_what_the_single_answer_would() {
    let queued: NdjsonLine = round_trip(r#"{"line":1,"code":202,"id":"m","sequence":7,"status":"queued"}"#);
    assert_eq!(queued.outcome, LineOutcome::Answer(PublishAnswer::queued("m", 7)));
    let refused: NdjsonLine = round_trip(r#"{"line":2,"code":400,"errorCode":"c","errorMessage":"m"}"#);
    assert!(matches!(refused.outcome, LineOutcome::Error(_)));
    let _: PublishAnswer = round_trip(r#"{"status":"unregistered"}"#);
    let _: PublishAnswer = round_trip(r#"{"id":"m","sequence":7,"status":"duplicate","state":"dead"}"#);
}
