//! The bytes that are kept and the bytes that are delivered.

use super::envelope::Envelope;
use crate::MessageType;
use crate::message_type::PING_TYPE;

/// Bytes that a body may have more than the message it was made from: the fields and sections that are filled in.
const FILLED_IN_BYTES: usize = 128;

/// The kept body of a checked message: the envelope's fields first, in the contract's order, then the unknown ones.
pub(super) fn build(
    envelope: &Envelope<'_>,
    account: &str,
    kind: MessageType,
    message_bytes: usize,
) -> Vec<u8> {
    let mut body = Vec::with_capacity(message_bytes + FILLED_IN_BYTES);
    let participant = envelope.get("participantName").map_or("\"\"", |raw| raw.get());
    push_head(&mut body, account, participant, kind.as_str());
    for section in MessageType::ALL {
        let value = envelope.get(section.as_str()).map_or(section.empty_section(), |raw| raw.get());
        push_field(&mut body, section.as_str(), value);
    }
    for (name, value) in envelope.extra() {
        push_field(&mut body, name, value.get());
    }
    body.push(b'}');
    body
}

/// The kept body of a test message of type `ping` (ours): all sections empty. For [`splice_credentials`], like any other.
#[must_use]
pub fn ping_body(account: &str) -> Vec<u8> {
    let mut body = Vec::with_capacity(FILLED_IN_BYTES + 64);
    push_head(&mut body, account, "\"\"", PING_TYPE);
    for section in MessageType::ALL {
        push_field(&mut body, section.as_str(), section.empty_section());
    }
    body.push(b'}');
    body
}

/// What is delivered: a kept body with the registration's user name and password at its front, empty where none was given
/// (contract §3: they are always there). `body` is one of [`super::PublishedMessage::body`] or [`ping_body`]: a JSON
/// object without white space before it, and without these two fields.
///
/// # Panics
///
/// If it is anything else: what nobody published must not be signed.
#[must_use]
pub fn splice_credentials(body: &[u8], username: &str, password: &str) -> Vec<u8> {
    assert_eq!(body.first(), Some(&b'{'), "a body is a JSON object");
    let rest = &body[1..];
    let mut delivered = Vec::with_capacity(body.len() + username.len() + password.len() + 40);
    delivered.extend_from_slice(b"{\"username\":");
    push_string(&mut delivered, username);
    delivered.extend_from_slice(b",\"password\":");
    push_string(&mut delivered, password);
    if !rest.starts_with(b"}") {
        delivered.push(b',');
    }
    delivered.extend_from_slice(rest);
    delivered
}

fn push_head(body: &mut Vec<u8>, account: &str, participant: &str, kind: &str) {
    body.extend_from_slice(b"{\"accountName\":");
    push_string(body, account);
    push_field(body, "participantName", participant);
    body.extend_from_slice(b",\"type\":");
    push_string(body, kind);
}

fn push_field(body: &mut Vec<u8>, name: &str, json: &str) {
    body.push(b',');
    push_string(body, name);
    body.push(b':');
    body.extend_from_slice(json.as_bytes());
}

/// Writes a JSON string with its quotes.
fn push_string(out: &mut Vec<u8>, text: &str) {
    if text.bytes().any(|byte| byte < 0x20 || matches!(byte, b'"' | b'\\')) {
        // Writing a string into a vector can't fail.
        let _ = serde_json::to_writer(out, text);
    } else {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    }
}
