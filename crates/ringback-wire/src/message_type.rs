//! The kinds of message that a platform publishes and a listener gets.

use crate::text_enum::closed_enum;

/// The `type` of a callback that reports nothing: a test message (ours). It can't be published.
pub const PING_TYPE: &str = "ping";

closed_enum! {
    /// The four message types of V1 (contract §3). Each has a section of the same name.
    MessageType {
        /// New firmware is available; the section is an array.
        FirmwareList = "firmwareList",
        /// An upgrade has been scheduled; the section is an object.
        UpgradeScheduled = "upgradeScheduled",
        /// An upgrade has started, or moved on; the section is an object.
        UpgradeProgress = "upgradeProgress",
        /// An upgrade has finished; the section is an object.
        UpgradeFinished = "upgradeFinished",
    }
}

impl MessageType {
    /// The type's section with nothing in it, as JSON: `[]` or `{}`.
    #[must_use]
    pub const fn empty_section(self) -> &'static str {
        match self {
            Self::FirmwareList => "[]",
            _ => "{}",
        }
    }
}
