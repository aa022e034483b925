//! How a [`CallbackMessage`] is read from and written to its envelope: the type decides which section is the event.

use serde::de::DeserializeOwned;
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::{CallbackEvent, CallbackMessage};
use crate::message_type::PING_TYPE;
use crate::{MessageType, Secret};

/// Fields of the envelope that are not sections; in `extra` they would stand twice.
const ENVELOPE: [&str; 5] = ["accountName", "participantName", "type", "username", "password"];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    account_name: String,
    participant_name: Option<String>,
    r#type: String,
    username: Option<String>,
    password: Option<Secret>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

impl<'de> Deserialize<'de> for CallbackMessage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Envelope { account_name, participant_name, r#type, username, password, rest: mut extra } =
            Envelope::deserialize(deserializer)?;
        let event = match r#type.parse() {
            Ok(MessageType::FirmwareList) => {
                CallbackEvent::FirmwareList(take(&mut extra, MessageType::FirmwareList)?)
            }
            Ok(kind @ MessageType::UpgradeScheduled) => {
                CallbackEvent::UpgradeScheduled(take(&mut extra, kind)?)
            }
            Ok(kind @ MessageType::UpgradeProgress) => {
                CallbackEvent::UpgradeProgress(take(&mut extra, kind)?)
            }
            Ok(kind @ MessageType::UpgradeFinished) => {
                CallbackEvent::UpgradeFinished(take(&mut extra, kind)?)
            }
            Err(_) if r#type == PING_TYPE => CallbackEvent::Ping,
            Err(_) => CallbackEvent::Unknown { kind: r#type },
        };
        for kind in MessageType::ALL {
            if extra.get(kind.as_str()).is_some_and(|section| is_empty(section, *kind)) {
                extra.remove(kind.as_str());
            }
        }
        Ok(Self {
            account_name,
            participant_name: participant_name.unwrap_or_default(),
            username: username.unwrap_or_default(),
            password: password.unwrap_or_default(),
            event,
            extra,
        })
    }
}

/// The event's section; missing or `null` is an empty one.
fn take<T: DeserializeOwned + Default, E: serde::de::Error>(
    extra: &mut Map<String, Value>,
    kind: MessageType,
) -> Result<T, E> {
    match extra.remove(kind.as_str()) {
        None | Some(Value::Null) => Ok(T::default()),
        Some(section) => {
            T::deserialize(section).map_err(|error| E::custom(format_args!("{}: {error}", kind.as_str())))
        }
    }
}

fn is_empty(section: &Value, kind: MessageType) -> bool {
    match section {
        Value::Null => true,
        Value::Array(items) => kind == MessageType::FirmwareList && items.is_empty(),
        Value::Object(fields) => kind != MessageType::FirmwareList && fields.is_empty(),
        _ => false,
    }
}

impl Serialize for CallbackMessage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("accountName", &self.account_name)?;
        map.serialize_entry("participantName", &self.participant_name)?;
        map.serialize_entry("type", self.event.kind())?;
        map.serialize_entry("username", &self.username)?;
        map.serialize_entry("password", &self.password)?;
        let event = self.event.message_type();
        for kind in MessageType::ALL {
            let name = kind.as_str();
            match &self.event {
                CallbackEvent::FirmwareList(items) if event == Some(*kind) => {
                    map.serialize_entry(name, items)?
                }
                CallbackEvent::UpgradeScheduled(upgrade)
                | CallbackEvent::UpgradeProgress(upgrade)
                | CallbackEvent::UpgradeFinished(upgrade)
                    if event == Some(*kind) =>
                {
                    map.serialize_entry(name, upgrade)?;
                }
                _ => match self.extra.get(name) {
                    Some(section) => map.serialize_entry(name, section)?,
                    None if *kind == MessageType::FirmwareList => map.serialize_entry(name, &[(); 0])?,
                    None => map.serialize_entry(name, &Map::new())?,
                },
            }
        }
        for (name, value) in &self.extra {
            if !ENVELOPE.contains(&name.as_str()) && name.parse::<MessageType>().is_err() {
                map.serialize_entry(name, value)?;
            }
        }
        map.end()
    }
}
