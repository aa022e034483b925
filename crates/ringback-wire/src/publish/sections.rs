//! The rules for what stands in a message's sections (contract §3).

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::InvalidMessage;
use super::envelope::Envelope;
use super::walk::{Found, Key, KeyOf, Skip};
use crate::message::UpgradeStatus;
use crate::{MessageType, rfc3339};

/// What a documented field may hold.
#[derive(Clone, Copy)]
enum Rule {
    Text,
    UpgradeId,
    Status,
    StartDate,
    Devices,
}

/// The documented fields of an object; the others may hold anything.
type Fields = &'static [(&'static str, Rule)];

const FIRMWARE: Fields = &[
    ("firmwareName", Rule::Text),
    ("participantName", Rule::Text),
    ("launchDate", Rule::Text),
    ("releaseNote", Rule::Text),
    ("model", Rule::Text),
    ("make", Rule::Text),
    ("fromVersion", Rule::Text),
    ("toVersion", Rule::Text),
];

const UPGRADE: Fields = &[
    ("upgradeId", Rule::UpgradeId),
    ("firmwareName", Rule::Text),
    ("firmwareTo", Rule::Text),
    ("startDate", Rule::StartDate),
    ("status", Rule::Status),
    ("deviceList", Rule::Devices),
];

const DEVICE: Fields = &[("deviceId", Rule::Text), ("status", Rule::Text), ("resultReason", Rule::Text)];

/// Checks all four sections of a message of type `kind`; gives the upgrade's id, if there is one.
pub(super) fn check(envelope: &Envelope<'_>, kind: MessageType) -> Result<Option<String>, InvalidMessage> {
    for other in MessageType::ALL.iter().filter(|other| **other != kind) {
        if envelope.get(other.as_str()).is_some_and(|section| !is_empty(section, *other)) {
            let problem = format!("must be {} or left out, as the type is {kind}", other.empty_section());
            return Err(InvalidMessage::field(other.as_str(), problem));
        }
    }
    let of_firmware = kind == MessageType::FirmwareList;
    let shape = if of_firmware { "an array of objects" } else { "an object" };
    let Some(section) = envelope.get(kind.as_str()).filter(|section| !is_empty(section, kind)) else {
        let problem = format!("must be given, as {shape} that is not empty: the type is {kind}");
        return Err(InvalidMessage::field(kind.as_str(), problem));
    };
    let found = walk(kind.as_str(), section, |found, json| {
        if of_firmware {
            ListOf { fields: FIRMWARE, found }.deserialize(json)
        } else {
            ObjectOf { fields: UPGRADE, found }.deserialize(json)
        }
    })?;
    Ok(found.upgrade_id)
}

/// Checks that a listener can read a field that is not documented.
pub(super) fn check_unknown(name: &str, value: &RawValue) -> Result<(), InvalidMessage> {
    walk(name, value, |_, json| Skip.deserialize(json)).map(|_| ())
}

fn walk<'a>(
    name: &str,
    value: &'a RawValue,
    look: impl FnOnce(
        &mut Found,
        &mut serde_json::Deserializer<serde_json::de::StrRead<'a>>,
    ) -> Result<(), serde_json::Error>,
) -> Result<Found, InvalidMessage> {
    let mut found = Found::default();
    match look(&mut found, &mut serde_json::Deserializer::from_str(value.get())) {
        Ok(()) => Ok(found),
        Err(error) => {
            found.at(name, error);
            let (field, problem) = found.into_problem();
            Err(InvalidMessage::field(field, problem))
        }
    }
}

/// Whether a section is `[]` (firmware) or `{}` (the others), white space aside.
fn is_empty(section: &RawValue, kind: MessageType) -> bool {
    let (open, close) = if kind == MessageType::FirmwareList { ('[', ']') } else { ('{', '}') };
    let inner = section.get().strip_prefix(open).and_then(|rest| rest.strip_suffix(close));
    inner.is_some_and(|inner| inner.bytes().all(|byte| byte.is_ascii_whitespace()))
}

/// An object with some documented fields.
struct ObjectOf<'f> {
    fields: Fields,
    found: &'f mut Found,
}

/// An array of objects with some documented fields.
struct ListOf<'f> {
    fields: Fields,
    found: &'f mut Found,
}

/// The value of a documented field that is a string.
struct TextOf<'f> {
    rule: Rule,
    found: &'f mut Found,
}

/// Makes a visitor say what would be right when it meets a value of one of the given kinds.
macro_rules! refuse {
    ($problem:literal: $($kind:tt)+) => { $(refuse!(@ $kind $problem);)+ };
    (@ bool $problem:literal) => { refuse!(# visit_bool [bool] $problem); };
    (@ number $problem:literal) => {
        refuse!(# visit_i64 [i64] $problem);
        refuse!(# visit_u64 [u64] $problem);
        refuse!(# visit_f64 [f64] $problem);
    };
    (@ text $problem:literal) => { refuse!(# visit_str [&str] $problem); };
    (@ null $problem:literal) => {
        fn visit_unit<E: Error>(self) -> Result<(), E> { Err(self.found.refuse($problem)) }
    };
    (@ array $problem:literal) => {
        fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<(), A::Error> { Err(self.found.refuse($problem)) }
    };
    (@ object $problem:literal) => {
        fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<(), A::Error> { Err(self.found.refuse($problem)) }
    };
    (# $visit:ident [$type:ty] $problem:literal) => {
        fn $visit<E: Error>(self, _: $type) -> Result<(), E> { Err(self.found.refuse($problem)) }
    };
}

macro_rules! seed_of_any {
    ($($name:ident)+) => { $(
        impl<'de> DeserializeSeed<'de> for $name<'_> {
            type Value = ();

            fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
                deserializer.deserialize_any(self)
            }
        }
    )+ };
}

seed_of_any!(ObjectOf ListOf TextOf);

impl<'de> Visitor<'de> for ObjectOf<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { fields, found } = self;
        let mut seen = 0_u32;
        while let Some(key) =
            map.next_key_seed(KeyOf(|name: &str| fields.iter().position(|(known, _)| *known == name)))?
        {
            let at = match key {
                Key::Known(at) => at,
                Key::Unknown(name) => {
                    map.next_value_seed(Skip).map_err(|error| found.at(&name, error))?;
                    continue;
                }
            };
            let (name, rule) = fields[at];
            if seen & (1 << at) != 0 {
                let error = found.refuse("is given more than once");
                return Err(found.at(name, error));
            }
            seen |= 1 << at;
            let looked = match rule {
                Rule::Devices => map.next_value_seed(ListOf { fields: DEVICE, found }),
                _ => map.next_value_seed(TextOf { rule, found }),
            };
            looked.map_err(|error| found.at(name, error))?;
        }
        Ok(())
    }

    refuse!("must be an object": bool number text null array);
}

impl<'de> Visitor<'de> for ListOf<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let Self { fields, found } = self;
        for at in 0_usize.. {
            match items.next_element_seed(ObjectOf { fields, found }) {
                Ok(Some(())) => {}
                Ok(None) => break,
                Err(error) => return Err(found.at(&format!("[{at}]"), error)),
            }
        }
        Ok(())
    }

    refuse!("must be an array of objects": bool number text null object);
}

impl<'de> Visitor<'de> for TextOf<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        match self.rule {
            Rule::UpgradeId => self.found.upgrade_id = Some(text.to_owned()),
            Rule::Status if matches!(UpgradeStatus::from(text), UpgradeStatus::Other(_)) => {
                return Err(self.found.refuse(
                    "must be one of RequestPending, Queued, RequestFailed, InProgress, Finished, UpgradeFailed",
                ));
            }
            Rule::StartDate if !rfc3339::is_date_time(text) => {
                return Err(self
                    .found
                    .refuse("must be a date and time of RFC 3339, such as 2018-04-01T16:03:00.000Z"));
            }
            _ => {}
        }
        Ok(())
    }

    refuse!("must be a string": bool number null array object);
}
