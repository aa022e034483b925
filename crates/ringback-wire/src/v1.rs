//! The bodies of ThingSpace's Software Management Callbacks V1 API (contract §2).
//!
//! An optional field that is not set is left out, never `null`; `null` is read as "not set"; fields that are not known are
//! ignored. The server checks values (the service, the URL); here they are only texts.

use serde::{Deserialize, Serialize};

use crate::Secret;
#[cfg(feature = "schema")]
use crate::schema;
use crate::text_enum::closed_enum;

closed_enum! {
    /// The services that have callbacks (contract §2, CallbackService).
    CallbackService {
        /// Firmware over the air.
        Fota = "Fota",
    }
}

/// The body of Register Callback.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct FotaV1CallbackRegistrationRequest {
    /// The service: must be `Fota`. A text, so that another one gets the error that the contract has for it.
    #[cfg_attr(feature = "schema", schema(value_type = CallbackService))]
    pub name: String,
    /// Where to send callback messages: an absolute http or https URL of at most 2048 bytes.
    #[cfg_attr(feature = "schema", schema(format = "uri", max_length = 2048))]
    pub url: String,
    /// The user name that each callback message is to bear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The password that each callback message is to bear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
}

/// The answer to Register Callback.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct FotaV1CallbackRegistrationResult {
    /// The account that was registered, `##########-#####`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<schema::AccountName>))]
    pub account_name: Option<String>,
    /// The service that was registered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<CallbackService>))]
    pub service_name: Option<String>,
}

/// One item of the answer to List Registered Callbacks, which is an array.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RegisteredCallbacks {
    /// The account's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<schema::AccountName>))]
    pub aname: Option<String>,
    /// The service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<CallbackService>))]
    pub name: Option<String>,
    /// Where callback messages go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(format = "uri"))]
    pub url: Option<String>,
    /// The user name that callback messages bear.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The password that callback messages bear; Ringback never gives it (ours).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
}

/// The answer to Deregister Callback.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct FotaV1SuccessResult {
    /// Whether it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success: Option<bool>,
}

/// The body of every error under `/api/fota`, `/api/m2m` and `/api/ringback`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
#[error("{error_code}: {error_message}")]
pub struct FotaV1Result {
    /// What is wrong, as `CLASS.Specific`: stable across releases. Other servers may have a service's name before it.
    pub error_code: String,
    /// What is wrong and what would be right, for a person; may change.
    pub error_message: String,
}

impl FotaV1Result {
    /// An error body.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { error_code: code.into(), error_message: message.into() }
    }
}
