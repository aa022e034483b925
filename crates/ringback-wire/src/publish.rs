//! The message as a platform publishes it, and how it becomes the bytes that are delivered.
//!
//! [`parse_published`] checks a message against the contract (§3) and turns it into a *body*: the callback message without
//! user name and password, which are not known before it is sent. The body is kept; for each attempt
//! [`splice_credentials`] puts those of the registration at its front. What a message holds is never written anew: sections
//! and unknown fields keep every byte, numbers too.
//!
//! The promise: a message that was accepted is one that [`crate::message::CallbackMessage`] reads.

mod answer;
mod body;
mod envelope;
mod invalid;
mod lines;
mod sections;
mod walk;

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::account::{ACCOUNT_NAME_FORM, is_account_name};
use crate::message_type::PING_TYPE;
use crate::{MessageType, UnknownText};
use envelope::Envelope;

pub use crate::headers::IDEMPOTENCY_KEY as IDEMPOTENCY_KEY_HEADER;
pub use answer::{LineOutcome, NdjsonLine, PublishAnswer, PublishStatus};
pub use body::{ping_body, splice_credentials};
pub use invalid::InvalidMessage;
pub use lines::{line_count, numbered_lines};

/// A published message's size at most, in bytes; the caller checks it before parsing.
pub const MAX_MESSAGE_BYTES: usize = 1 << 20;

/// An ordering key's and an idempotency key's size at most, in bytes of UTF-8.
pub const MAX_KEY_BYTES: usize = 255;

/// How deep arrays and objects may lie in each other, the message's own object counted: as deep as `serde_json` reads by
/// default, so that listeners can.
pub const MAX_DEPTH: usize = 127;

/// Lines of one NDJSON publish at most.
pub const MAX_NDJSON_LINES: usize = 10_000;

/// Bytes of one NDJSON publish at most.
pub const MAX_NDJSON_BYTES: usize = 16 << 20;

/// The content type of a publish of many messages.
pub const NDJSON_CONTENT_TYPE: &str = "application/x-ndjson";

/// A message that was found right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedMessage {
    /// The account, `##########-#####`.
    pub account: String,
    /// The type.
    pub kind: MessageType,
    /// Messages with the same key go one after another: the one given, else the section's `upgradeId`, else none. 1 to 255
    /// bytes, no control characters.
    pub ordering_key: Option<String>,
    /// A second publish with the same key is the same message. 1 to 255 bytes, no control characters.
    pub idempotency_key: Option<String>,
    /// The callback message as one JSON object, without `username`, `password` and the two keys, with all four sections;
    /// for [`splice_credentials`].
    pub body: Vec<u8>,
}

/// Reads and checks one published message: one JSON object, at most [`MAX_MESSAGE_BYTES`], which the caller has checked.
///
/// # Errors
/// [`InvalidMessage`], which tells "not JSON" from "a field is wrong", names the field, and says what would be right. The
/// first thing that is wrong is reported. Beside the contract's rules: no field of the envelope or of a documented section
/// twice, no number beyond a double's range, no unpaired surrogate (a listener could not read them; RFC 7493 §2), no more
/// than [`MAX_DEPTH`] levels.
pub fn parse_published(bytes: &[u8]) -> Result<PublishedMessage, InvalidMessage> {
    let envelope = Envelope::parse(bytes)?;
    for name in ["username", "password"] {
        if envelope.get(name).is_some() {
            return Err(InvalidMessage::field(
                name,
                "must not be given: a delivery bears those of the account's registration",
            ));
        }
    }
    let account = account(&envelope)?;
    let kind = message_type(&envelope)?;
    if let Some(participant) = envelope.get("participantName") {
        text("participantName", participant)?;
    }
    let upgrade_id = sections::check(&envelope, kind)?;
    for (name, value) in envelope.extra() {
        sections::check_unknown(name, value)?;
    }
    let idempotency_key = envelope.get("idempotencyKey").map(|raw| key("idempotencyKey", raw)).transpose()?;
    Ok(PublishedMessage {
        ordering_key: ordering_key(&envelope, kind, upgrade_id)?,
        idempotency_key,
        body: body::build(&envelope, &account, kind, bytes.len()),
        account: account.into_owned(),
        kind,
    })
}

/// Checks an idempotency key that came in the header [`IDEMPOTENCY_KEY_HEADER`].
///
/// # Errors
/// [`InvalidMessage::Field`] if it is empty, longer than [`MAX_KEY_BYTES`], or has control characters.
pub fn check_idempotency_key(key: &str) -> Result<(), InvalidMessage> {
    check_key(IDEMPOTENCY_KEY_HEADER, key)
}

fn account<'a>(envelope: &Envelope<'a>) -> Result<Cow<'a, str>, InvalidMessage> {
    let problem = || format!("must be an account's name in the form {ACCOUNT_NAME_FORM}");
    let raw = envelope.get("accountName").ok_or_else(|| InvalidMessage::field("accountName", problem()))?;
    match string(raw) {
        Some(name) if is_account_name(&name) => Ok(name),
        _ => Err(InvalidMessage::field("accountName", problem())),
    }
}

fn message_type(envelope: &Envelope<'_>) -> Result<MessageType, InvalidMessage> {
    let raw = envelope.get("type").ok_or_else(|| InvalidMessage::field("type", allowed_types()))?;
    match string(raw) {
        Some(name) if name == PING_TYPE => Err(InvalidMessage::field(
            "type",
            "ping can't be published: POST to the account's /ping sends a test message",
        )),
        Some(name) => {
            name.parse().map_err(|error: UnknownText| InvalidMessage::field("type", error.to_string()))
        }
        None => Err(InvalidMessage::field("type", allowed_types())),
    }
}

fn allowed_types() -> String {
    let names: Vec<_> = MessageType::ALL.iter().map(|kind| kind.as_str()).collect();
    format!("must be one of {}", names.join(", "))
}

/// The key that is given, `null` for none; else the upgrade's id.
fn ordering_key(
    envelope: &Envelope<'_>,
    kind: MessageType,
    upgrade_id: Option<String>,
) -> Result<Option<String>, InvalidMessage> {
    match (envelope.get("orderingKey"), upgrade_id) {
        (Some(raw), _) if raw.get() == "null" => Ok(None),
        (Some(raw), _) => key("orderingKey", raw).map(Some),
        (None, None) => Ok(None),
        (None, Some(id)) => match key_problem(&id) {
            None => Ok(Some(id)),
            Some(problem) => Err(InvalidMessage::field(
                format!("{kind}.upgradeId"),
                format!("{problem}, as it is the ordering key: give another orderingKey, or null for none"),
            )),
        },
    }
}

fn key(name: &str, raw: &RawValue) -> Result<String, InvalidMessage> {
    let key = text(name, raw)?;
    check_key(name, &key)?;
    Ok(key.into_owned())
}

fn check_key(name: &str, key: &str) -> Result<(), InvalidMessage> {
    key_problem(key).map_or(Ok(()), |problem| Err(InvalidMessage::field(name, problem)))
}

fn key_problem(key: &str) -> Option<String> {
    let right = !key.is_empty() && key.len() <= MAX_KEY_BYTES && !key.chars().any(char::is_control);
    (!right).then(|| format!("must have 1 to {MAX_KEY_BYTES} bytes and no control characters"))
}

fn text<'a>(name: &str, raw: &'a RawValue) -> Result<Cow<'a, str>, InvalidMessage> {
    string(raw).ok_or_else(|| InvalidMessage::field(name, "must be a string"))
}

/// The string that a JSON value is, if it is one; borrowed when it has no escapes.
fn string(raw: &RawValue) -> Option<Cow<'_, str>> {
    let inner = raw.get().strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        return serde_json::from_str(raw.get()).ok().map(Cow::Owned);
    }
    Some(Cow::Borrowed(inner))
}
