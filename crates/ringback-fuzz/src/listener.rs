use bytes::Bytes;
use ringback_listener::{Callback, Check, MAX_ID_BYTES, Rejection, receive};
use ringback_wire::signature::HmacKey;

use crate::line;

const KEY: [u8; 32] = [7; 32];
const NOW: i64 = 1_522_598_580;
const USERNAME: &str = "fota-user";
const PASSWORD: &str = "fota-pass";

/// Header lines, an empty line, and the body, as a listener gets them: nothing passes a check that it should not, and what
/// is read stays within its bounds.
pub fn listener(data: &[u8]) {
    let (headers, body) = request(data);
    let open = Check::unverified();
    let read = Callback::read(&headers, body.clone(), &open, NOW);
    assert_eq!(read.is_ok(), receive(&headers, &body, &open, NOW).is_ok());

    let hmac = HmacKey::from_bytes(&KEY).expect("a key of 32 bytes");
    let signed = Check::signature([hmac.to_text().expose()]).expect("a check");
    if receive(&headers, &body, &signed, NOW).is_ok() {
        let value = |wanted: &str| {
            let found = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
            found.map(|(_, value)| value.as_str()).expect("a header that is checked")
        };
        let timestamp: i64 = value("webhook-timestamp").parse().expect("a right timestamp is a number");
        assert!(timestamp.abs_diff(NOW) <= 300);
        let right = hmac.sign_v1(value("webhook-id"), timestamp, &body);
        assert!(value("webhook-signature").contains(&right), "a signature was made up");
    }

    let known = Check::credentials(USERNAME, PASSWORD).expect("a check");
    let passed = receive(&headers, &body, &known, NOW);
    let Ok(callback) = read else {
        assert!(matches!(passed, Err(Rejection::Unreadable(_))));
        return;
    };
    let message = &callback.message;
    let right = message.username == USERNAME && message.password.expose() == PASSWORD;
    assert_eq!(passed.is_ok(), right);
    assert!(callback.id.as_ref().is_none_or(|id| (1..=MAX_ID_BYTES).contains(&id.len())));
    assert_ne!(callback.sequence, Some(0));
    if let Some(key) = callback.key() {
        assert_eq!(key.account.len(), 16);
    }
}

fn request(mut data: &[u8]) -> (Vec<(String, String)>, Bytes) {
    let mut headers = Vec::new();
    while !data.is_empty() {
        let (head, rest) = line(data);
        data = rest;
        if head.is_empty() {
            break;
        }
        let head = String::from_utf8_lossy(head);
        let (name, value) = head.split_once(": ").unwrap_or((&head, ""));
        headers.push((name.to_owned(), value.to_owned()));
    }
    (headers, Bytes::copy_from_slice(data))
}
