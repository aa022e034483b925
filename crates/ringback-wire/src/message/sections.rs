//! What the sections of a callback message hold. Every field may be missing, and unknown ones are kept in `extra`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

#[cfg(feature = "schema")]
use crate::schema;
use crate::text_enum::open_enum;

/// An item of `firmwareList` (contract §3): an upgrade that is available.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Firmware {
    /// The firmware's name, which an upgrade is ordered by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub firmware_name: Option<String>,
    /// The participant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub participant_name: Option<String>,
    /// When it became available, as in `2018-04-01T16:03:00.000Z`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launch_date: Option<String>,
    /// What is new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release_note: Option<String>,
    /// The device model that it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Who makes the device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub make: Option<String>,
    /// The version that it upgrades.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_version: Option<String>,
    /// The version that it upgrades to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_version: Option<String>,
    /// Fields that are not documented.
    #[serde(flatten)]
    #[cfg_attr(feature = "schema", schema(ignore))]
    pub extra: Map<String, Value>,
}

open_enum! {
    /// The state of an upgrade (ours, after the V1 upgrade models; contract §3).
    UpgradeStatus {
        /// Asked for, and not yet queued.
        RequestPending = "RequestPending",
        /// Waits for its start date.
        Queued = "Queued",
        /// The request was refused.
        RequestFailed = "RequestFailed",
        /// Under way.
        InProgress = "InProgress",
        /// Over; each device has its own result.
        Finished = "Finished",
        /// Failed as a whole.
        UpgradeFailed = "UpgradeFailed",
    }
}

/// The section of the three upgrade messages (contract §3).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Upgrade {
    /// The upgrade's id, a UUID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upgrade_id: Option<String>,
    /// The firmware's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub firmware_name: Option<String>,
    /// The version that devices have afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub firmware_to: Option<String>,
    /// When it starts or started; RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<schema::Time>))]
    pub start_date: Option<String>,
    /// The state of the whole upgrade.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<UpgradeStatus>,
    /// The devices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_list: Option<Vec<UpgradeDevice>>,
    /// Fields that are not documented.
    #[serde(flatten)]
    #[cfg_attr(feature = "schema", schema(ignore))]
    pub extra: Map<String, Value>,
}

impl Upgrade {
    /// The devices; none where the list is missing.
    #[must_use]
    pub fn devices(&self) -> &[UpgradeDevice] {
        self.device_list.as_deref().unwrap_or_default()
    }
}

/// One device of an upgrade (contract §3).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct UpgradeDevice {
    /// The device's IMEI.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_id: Option<String>,
    /// The state of this device, such as `UpgradeSuccess`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Why it is in this state, for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result_reason: Option<String>,
    /// Fields that are not documented.
    #[serde(flatten)]
    #[cfg_attr(feature = "schema", schema(ignore))]
    pub extra: Map<String, Value>,
}
