//! The callback message as a listener gets it (contract §3).
//!
//! Reading is generous, because ThingSpace may send more, and less, than is documented: what is missing is empty, a type or
//! a field that is not known is kept. Writing gives back what was read, field for field, with the whole envelope of the
//! contract. For what a *publisher* sends, which is checked strictly, see [`crate::publish`].

mod envelope;
mod sections;

use serde_json::{Map, Value};

use crate::message_type::PING_TYPE;
use crate::{MessageType, Secret};

pub use sections::{Firmware, Upgrade, UpgradeDevice, UpgradeStatus};

/// One callback message. `Debug` never shows the password.
#[derive(Debug, Clone, PartialEq)]
pub struct CallbackMessage {
    /// The account that it is for, `##########-#####`; the only field, with `type`, that must be there.
    pub account_name: String,
    /// The participant; empty where there is none.
    pub participant_name: String,
    /// The user name of the registration; empty where none was given.
    pub username: String,
    /// The password of the registration, as it was given; empty where none was.
    pub password: Secret,
    /// What happened: the `type` and its section.
    pub event: CallbackEvent,
    /// Every other field at the top, among them a section that does not apply to the type and is not empty.
    pub extra: Map<String, Value>,
}

/// What a callback message reports.
#[derive(Debug, Clone, PartialEq)]
pub enum CallbackEvent {
    /// New firmware is available.
    FirmwareList(Vec<Firmware>),
    /// An upgrade has been scheduled.
    UpgradeScheduled(Upgrade),
    /// An upgrade has started, or moved on.
    UpgradeProgress(Upgrade),
    /// An upgrade has finished.
    UpgradeFinished(Upgrade),
    /// A test message, sent by `ping` (ours); nothing happened.
    Ping,
    /// A type that this version does not know; its data is in [`CallbackMessage::extra`].
    Unknown {
        /// The `type` as it was sent.
        kind: String,
    },
}

impl CallbackMessage {
    /// A message of an account, without participant, user name, password and unknown fields.
    pub fn new(account_name: impl Into<String>, event: CallbackEvent) -> Self {
        Self {
            account_name: account_name.into(),
            participant_name: String::new(),
            username: String::new(),
            password: Secret::default(),
            event,
            extra: Map::new(),
        }
    }

    /// Reads the body of a callback.
    ///
    /// # Errors
    /// Not JSON, not an object, no `accountName` or `type`, or a documented field of another type than the documented one;
    /// the error names it. Answer 400: the same bytes will not be right the next time.
    pub fn parse(body: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(body)
    }
}

impl CallbackEvent {
    /// The `type` as it stands on the wire.
    #[must_use]
    pub fn kind(&self) -> &str {
        match self {
            Self::Ping => PING_TYPE,
            Self::Unknown { kind } => kind,
            Self::FirmwareList(_) => MessageType::FirmwareList.as_str(),
            Self::UpgradeScheduled(_) => MessageType::UpgradeScheduled.as_str(),
            Self::UpgradeProgress(_) => MessageType::UpgradeProgress.as_str(),
            Self::UpgradeFinished(_) => MessageType::UpgradeFinished.as_str(),
        }
    }

    /// The type, if it is one of the contract's four.
    #[must_use]
    pub fn message_type(&self) -> Option<MessageType> {
        self.kind().parse().ok()
    }

    /// The upgrade that it is about, if it is about one.
    #[must_use]
    pub fn upgrade(&self) -> Option<&Upgrade> {
        match self {
            Self::UpgradeScheduled(upgrade)
            | Self::UpgradeProgress(upgrade)
            | Self::UpgradeFinished(upgrade) => Some(upgrade),
            _ => None,
        }
    }
}
