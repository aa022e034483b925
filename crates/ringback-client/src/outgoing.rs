//! A message on its way out: the bytes that are published, and the key that makes publishing it twice the same as once.

use std::borrow::Cow;

use bytes::{Bytes, BytesMut};
use ringback_wire::message::{CallbackEvent, CallbackMessage};
use ringback_wire::publish::{MAX_KEY_BYTES, MAX_MESSAGE_BYTES};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::InvalidArgument;
use crate::call::check_account;

/// A message to be published. It always has an idempotency key: the one that is given, else a new UUID.
///
/// Its bytes are the same each time that it is sent, alone or in a batch, so that the server knows it again: keep it, or what
/// [`OutgoingMessage::to_json`] gives, until it is known to be accepted. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutgoingMessage {
    account: String,
    key: String,
    /// `None`: nothing is said about it. `Some(None)`: no ordering.
    ordering_key: Option<Option<String>>,
    has_key_inside: bool,
    has_ordering_key_inside: bool,
    /// The message as a JSON object, on one line, from after its opening brace.
    rest: Bytes,
}

/// What has to be known of a message to send it; the server looks at the rest.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head<'a> {
    #[serde(borrow, default)]
    account_name: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "present")]
    idempotency_key: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    ordering_key: Option<&'a RawValue>,
}

/// `null` is something that is there.
fn present<'de: 'a, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

impl OutgoingMessage {
    /// A message of an account about an event.
    ///
    /// ```
    /// use ringback_client::OutgoingMessage;
    /// use ringback_client::models::{CallbackEvent, Upgrade, UpgradeStatus};
    ///
    /// let upgrade = Upgrade {
    ///     upgrade_id: Some("e3a8d88a-04c6-4ef3-b039-89b62f91e962".to_owned()),
    ///     status: Some(UpgradeStatus::Queued),
    ///     ..Upgrade::default()
    /// };
    /// let message = OutgoingMessage::new("0242078689-00001", CallbackEvent::UpgradeScheduled(upgrade))?;
    /// # Ok::<(), ringback_client::InvalidArgument>(())
    /// ```
    ///
    /// # Errors
    /// [`InvalidArgument`] for an account of the wrong form or a message of more than 1 MiB.
    pub fn new(account: &str, event: CallbackEvent) -> Result<Self, InvalidArgument> {
        Self::from_message(&CallbackMessage::new(account, event))
    }

    /// A callback message without its user name and password: a delivery bears those of the registration.
    ///
    /// # Errors
    /// As [`OutgoingMessage::new`].
    pub fn from_message(message: &CallbackMessage) -> Result<Self, InvalidArgument> {
        let wrong = |error: serde_json::Error| InvalidArgument::new("message", error.to_string());
        let mut value = serde_json::to_value(message).map_err(wrong)?;
        if let Value::Object(fields) = &mut value {
            fields.retain(|name, _| !matches!(name.as_str(), "username" | "password"));
        }
        Self::from_json(&serde_json::to_vec(&value).map_err(wrong)?)
    }

    /// A message as JSON, kept byte for byte but for line breaks between its values. An `idempotencyKey` and an `orderingKey`
    /// in it are used. What else it must have, the server checks.
    ///
    /// ```
    /// use ringback_client::OutgoingMessage;
    ///
    /// let json = br#"{"accountName":"0242078689-00001","type":"firmwareList","firmwareList":[{"make":"M"}]}"#;
    /// let message = OutgoingMessage::from_json(json)?.with_idempotency_key("firmware-17")?;
    /// assert_eq!(message.idempotency_key(), "firmware-17");
    /// # Ok::<(), ringback_client::InvalidArgument>(())
    /// ```
    ///
    /// # Errors
    /// [`InvalidArgument`] for what is not a JSON object, has no account of the right form, has a key of the wrong form, or is
    /// of more than 1 MiB.
    pub fn from_json(json: &[u8]) -> Result<Self, InvalidArgument> {
        let wrong = |problem: String| InvalidArgument::new("message", problem);
        if json.len() > MAX_MESSAGE_BYTES {
            return Err(wrong(format!("must not have more than {MAX_MESSAGE_BYTES} bytes")));
        }
        let json = json.trim_ascii();
        let rest = json.strip_prefix(b"{").ok_or_else(|| wrong("must be a JSON object".to_owned()))?;
        let head: Head<'_> =
            serde_json::from_slice(json).map_err(|error| wrong(format!("must be a JSON object: {error}")))?;
        let account = head.account_name.unwrap_or_default().into_owned();
        check_account(&account)
            .map_err(|error| wrong(format!("must have an accountName that {}", error.problem)))?;
        let key = match head.idempotency_key {
            // Version 7 begins with the time, so that a store finds neighbouring keys together.
            None => Uuid::now_v7().to_string(),
            Some(raw) => {
                let key: String = serde_json::from_str(raw.get())
                    .map_err(|_| wrong("must have a string for its idempotencyKey".to_owned()))?;
                check_key("idempotencyKey", &key)?;
                key
            }
        };
        Ok(Self {
            account,
            key,
            ordering_key: None,
            has_key_inside: head.idempotency_key.is_some(),
            has_ordering_key_inside: head.ordering_key.is_some(),
            rest: on_one_line(rest),
        })
    }

    /// Gives it another idempotency key: 1 to 255 bytes, without control characters.
    ///
    /// # Errors
    /// [`InvalidArgument`] if the key is not like that, or if the JSON that the message was made from has one.
    pub fn with_idempotency_key(mut self, key: impl Into<String>) -> Result<Self, InvalidArgument> {
        let key = key.into();
        check_key("idempotencyKey", &key)?;
        if self.has_key_inside {
            return Err(InvalidArgument::new("idempotencyKey", "is in the message already"));
        }
        self.key = key;
        Ok(self)
    }

    /// Says what it is in order with: messages of the same key are delivered one after another. `None` for no order at all.
    /// Where nothing is said, it is the upgrade's id.
    ///
    /// # Errors
    /// [`InvalidArgument`] if the key is not of 1 to 255 bytes without control characters, or if the JSON that the message was
    /// made from has one.
    pub fn with_ordering_key(mut self, key: Option<&str>) -> Result<Self, InvalidArgument> {
        key.map_or(Ok(()), |key| check_key("orderingKey", key))?;
        if self.has_ordering_key_inside {
            return Err(InvalidArgument::new("orderingKey", "is in the message already"));
        }
        self.ordering_key = Some(key.map(str::to_owned));
        Ok(self)
    }

    /// The account that it is for.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.account
    }

    /// Its idempotency key.
    #[must_use]
    pub fn idempotency_key(&self) -> &str {
        &self.key
    }

    /// The message as it is sent, as JSON on one line, with its keys: [`OutgoingMessage::from_json`] makes the same message of
    /// it.
    #[must_use]
    pub fn to_json(&self) -> Bytes {
        let front = self.front();
        let mut json = BytesMut::with_capacity(front.len() + self.rest.len());
        json.extend_from_slice(front.as_bytes());
        json.extend_from_slice(&self.rest);
        json.freeze()
    }

    /// How long [`OutgoingMessage::to_json`] is.
    pub(crate) fn json_bytes(&self) -> usize {
        self.front().len() + self.rest.len()
    }

    /// The brace and the keys that are not in the rest. A comma can follow each: a message has an `accountName` at least.
    fn front(&self) -> String {
        let mut front = String::from("{");
        if !self.has_key_inside {
            push_field(&mut front, "idempotencyKey", &Value::from(self.key.as_str()));
        }
        if let Some(key) = &self.ordering_key {
            push_field(&mut front, "orderingKey", &key.as_deref().map_or(Value::Null, Value::from));
        }
        front
    }
}

fn push_field(front: &mut String, name: &str, value: &Value) {
    front.push_str(&format!("\"{name}\":{value},"));
}

/// In JSON a line break is only ever white space; in a string it would be escaped.
fn on_one_line(json: &[u8]) -> Bytes {
    json.iter().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte }).collect()
}

fn check_key(name: &'static str, key: &str) -> Result<(), InvalidArgument> {
    if key.is_empty() || key.len() > MAX_KEY_BYTES || key.chars().any(char::is_control) {
        let problem = format!("must have 1 to {MAX_KEY_BYTES} bytes and no control characters");
        return Err(InvalidArgument::new(name, problem));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringback_wire::message::Firmware;
    use ringback_wire::publish::parse_published;

    const JSON: &str = "{\n \"accountName\": \"0242078689-00001\",\r\n\"type\":\"firmwareList\",\"firmwareList\":[{}],\"n\":1.10}\n";

    #[test]
    fn a_message_is_one_line_with_a_key_that_the_wire_accepts() {
        let message = OutgoingMessage::from_json(JSON.as_bytes()).expect("a message");
        let line = message.to_json();
        assert!(!line.contains(&b'\n') && line.ends_with(b"\"n\":1.10}"));
        let published = parse_published(&line).expect("accepted");
        assert_eq!(published.idempotency_key.as_deref(), Some(message.idempotency_key()));
    }

    #[test]
    fn what_is_sent_makes_the_same_bytes_again() {
        let message = OutgoingMessage::from_json(JSON.as_bytes()).expect("a message");
        let message = message.with_ordering_key(Some("a \"key\"")).expect("a key");
        let again = OutgoingMessage::from_json(&message.to_json()).expect("a message");
        assert_eq!(again.to_json(), message.to_json());
        assert_eq!(again.idempotency_key(), message.idempotency_key());
    }

    #[test]
    fn two_messages_have_different_keys_unless_they_are_given() {
        let message = || OutgoingMessage::from_json(JSON.as_bytes()).expect("a message");
        assert_ne!(message().idempotency_key(), message().idempotency_key());
        let keyed = || message().with_idempotency_key("k").expect("a key");
        assert_eq!(keyed(), keyed());
    }

    #[test]
    fn no_order_is_said_with_null() {
        let message = OutgoingMessage::from_json(JSON.as_bytes()).expect("a message");
        let message = message.with_ordering_key(None).expect("none");
        assert_eq!(parse_published(&message.to_json()).expect("accepted").ordering_key, None);
        assert!(std::str::from_utf8(&message.to_json()).expect("text").contains("\"orderingKey\":null"));
    }

    #[test]
    fn an_event_becomes_a_message_that_the_wire_accepts() {
        let event = CallbackEvent::FirmwareList(vec![Firmware::default()]);
        let message = OutgoingMessage::new("0242078689-00001", event).expect("a message");
        assert!(parse_published(&message.to_json()).is_ok());
    }

    #[test]
    fn what_can_not_be_right_is_refused_at_once() {
        let wrong = [
            "",
            "[]",
            "{",
            "{}",
            r#"{"accountName":"1"}"#,
            r#"{"accountName":"0242078689-00001","idempotencyKey":null}"#,
            r#"{"accountName":"0242078689-00001","idempotencyKey":""}"#,
            r#"{"accountName":"0242078689-00001"} {}"#,
        ];
        for json in wrong {
            assert!(OutgoingMessage::from_json(json.as_bytes()).is_err(), "{json}");
        }
        let keyed = br#"{"accountName":"0242078689-00001","idempotencyKey":"k"}"#;
        assert!(OutgoingMessage::from_json(keyed).expect("a message").with_idempotency_key("l").is_err());
    }
}
