//! The top of a published message: which fields there are, and the bytes of each.
//!
//! One pass over the message finds the fields and whether it is JSON at all; what a field holds is left as it stands, and
//! looked at where it is needed.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize as _, DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::walk::{Key, KeyOf};
use super::{InvalidMessage, MAX_DEPTH};

/// The fields that have a meaning; every other one is passed on.
const NAMES: [&str; 11] = [
    "accountName",
    "participantName",
    "type",
    "firmwareList",
    "upgradeScheduled",
    "upgradeProgress",
    "upgradeFinished",
    "orderingKey",
    "idempotencyKey",
    "username",
    "password",
];

/// A message's fields, borrowed from its text.
#[derive(Default)]
pub(super) struct Envelope<'a> {
    known: [Option<&'a RawValue>; NAMES.len()],
    extra: Vec<(Cow<'a, str>, &'a RawValue)>,
    duplicate: Option<&'static str>,
}

impl<'a> Envelope<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, InvalidMessage> {
        let text = std::str::from_utf8(bytes).map_err(|error| InvalidMessage::NotJson {
            reason: format!("it is not UTF-8 after byte {}", error.valid_up_to()),
        })?;
        let Some(first) = text.bytes().find(|byte| !byte.is_ascii_whitespace()) else {
            return Err(InvalidMessage::Empty);
        };
        if first != b'{' {
            return Err(match serde_json::from_str::<serde::de::IgnoredAny>(text) {
                Ok(_) => InvalidMessage::NotAnObject,
                Err(error) => not_json(&error),
            });
        }
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let envelope = deserializer.deserialize_map(FieldsVisitor).map_err(|error| not_json(&error))?;
        deserializer.end().map_err(|error| not_json(&error))?;
        if is_too_deep(bytes) {
            return Err(InvalidMessage::TooDeep);
        }
        match envelope.duplicate().map(str::to_owned) {
            Some(name) => Err(InvalidMessage::field(name, "is given more than once")),
            None => Ok(envelope),
        }
    }

    /// The bytes of one of the fields that have a meaning.
    pub(super) fn get(&self, name: &str) -> Option<&'a RawValue> {
        NAMES.iter().position(|known| *known == name).and_then(|at| self.known[at])
    }

    /// The fields that have none, in the order in which they came.
    pub(super) fn extra(&self) -> &[(Cow<'a, str>, &'a RawValue)] {
        &self.extra
    }

    fn duplicate(&self) -> Option<&str> {
        if self.duplicate.is_some() || self.extra.len() < 2 {
            return self.duplicate;
        }
        let mut names: Vec<&str> = self.extra.iter().map(|(name, _)| name.as_ref()).collect();
        names.sort_unstable();
        names.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
    }
}

fn not_json(error: &serde_json::Error) -> InvalidMessage {
    InvalidMessage::NotJson { reason: error.to_string() }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Envelope<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a message, a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut envelope = Envelope::default();
        while let Some(key) =
            map.next_key_seed(KeyOf(|name: &str| NAMES.iter().position(|known| *known == name)))?
        {
            let value = map.next_value_seed(Raw)?;
            match key {
                Key::Unknown(name) => envelope.extra.push((name, value)),
                Key::Known(at) if envelope.known[at].is_some() => envelope.duplicate = Some(NAMES[at]),
                Key::Known(at) => envelope.known[at] = Some(value),
            }
        }
        Ok(envelope)
    }
}

struct Raw;

impl<'de> DeserializeSeed<'de> for Raw {
    type Value = &'de RawValue;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        <&RawValue>::deserialize(deserializer)
    }
}

/// Whether arrays and objects lie more than [`MAX_DEPTH`] deep in each other, in text that is JSON. Most messages have
/// fewer brackets than that altogether.
fn is_too_deep(json: &[u8]) -> bool {
    openers(json) > MAX_DEPTH && depth(json) > MAX_DEPTH
}

/// How many there are. What fits a byte is counted in bytes, which the processor does for many at once.
fn openers(json: &[u8]) -> usize {
    let in_chunk = |chunk: &[u8]| chunk.iter().map(|byte| u8::from(matches!(byte, b'{' | b'['))).sum::<u8>();
    json.chunks(usize::from(u8::MAX)).map(|chunk| usize::from(in_chunk(chunk))).sum()
}

fn depth(json: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut in_string, mut escaped) = (false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_string,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_in_strings_are_not_depth() {
        assert_eq!(depth(br#"{"a[{\"[":["[[[\\"]}"#), 2);
    }

    #[test]
    fn brackets_are_counted_however_many_there_are() {
        assert_eq!(openers(br#"{"a":[{},[]]}"#), 4);
        assert_eq!(openers(&b"[".repeat(1000)), 1000);
    }
}
