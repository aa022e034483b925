//! Accounts as their owners and operators see them: registration, lane, counts, keys, and what a try found.

use serde::{Deserialize, Serialize};

use crate::Secret;
#[cfg(feature = "schema")]
use crate::schema;
use crate::text_enum::{closed_enum, open_enum};

/// The answer to `GET /accounts`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct AccountList {
    /// The credential's accounts, by name.
    pub accounts: Vec<AccountView>,
    /// The cursor of the next page, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

closed_enum! {
    /// The order of `GET /accounts`.
    AccountSort {
        /// By name: all of them, a page at a time.
        Name = "name",
        /// Those in trouble, the worst first: suspended, on hold, failing, paused, with dead messages. One page.
        Trouble = "trouble",
    }
}

open_enum! {
    /// What the lane of an account is doing.
    LaneState {
        /// Sends what is due.
        Active = "active",
        /// The endpoint failed; one probe at a time.
        Hold = "hold",
        /// The endpoint answered 410; waits for a registration or a resume.
        Suspended = "suspended",
        /// A person paused it.
        Paused = "paused",
        /// There is nowhere to send to.
        Unregistered = "unregistered",
    }
}

/// One account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AccountView {
    /// Its name, `##########-#####`.
    #[cfg_attr(feature = "schema", schema(value_type = schema::AccountName))]
    pub account: String,
    /// Where its messages go, if anywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration: Option<RegistrationView>,
    /// Whether messages are kept without a registration.
    pub pull: bool,
    /// What its lane is doing.
    pub state: LaneState,
    /// The same as a sentence, with what would change it.
    pub lane: String,
    /// Its ledger.
    pub counts: AccountCounts,
    /// When the oldest pending message was accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<schema::Time>))]
    pub oldest_pending_at: Option<String>,
    /// The last thing that went wrong, as a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
}

/// A registration, without its password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RegistrationView {
    /// The service, `Fota`.
    pub service: String,
    /// Where callbacks go.
    #[cfg_attr(feature = "schema", schema(format = "uri"))]
    pub url: String,
    /// The user name that they bear, if one was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// When it was registered.
    #[cfg_attr(feature = "schema", schema(value_type = schema::Time))]
    pub registered_at: String,
}

/// An account's ledger: accepted = delivered + pending + dead + cancelled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AccountCounts {
    /// Messages ever accepted: the last sequence number.
    pub accepted: u64,
    /// Of these, delivered, those no longer kept included; likewise below.
    pub delivered: u64,
    /// Of these, waiting.
    pub pending: u64,
    /// Of these, given up.
    pub dead: u64,
    /// Of these, cancelled by a deregistration.
    pub cancelled: u64,
}

/// The answer to `GET /accounts/{a}/signing-key` and to `…/rotate`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct SigningKeyAnswer {
    /// The secret of `v1` signatures, `whsec_…`.
    pub secret: Secret,
    /// The public key of `v1a` signatures, `whpk_…`.
    pub public_key: String,
    /// Earlier keys that deliveries are still signed with too, newest first.
    #[serde(default)]
    pub previous: Vec<PreviousSigningKey>,
}

/// A signing key that was replaced and is still in use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PreviousSigningKey {
    /// `whsec_…`.
    pub secret: Secret,
    /// `whpk_…`.
    pub public_key: String,
    /// When it goes out of use.
    #[cfg_attr(feature = "schema", schema(value_type = schema::Time))]
    pub expires_at: String,
}

/// The body of `POST /accounts/{a}/signing-key/rotate`; may be empty.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SigningKeyRotateRequest {
    /// How long the old key goes on signing beside the new one, in seconds; the server's default where left out.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "crate::whole_number::read_optional"
    )]
    #[cfg_attr(feature = "schema", schema(maximum = 2_592_000))]
    pub overlap_seconds: Option<u64>,
}

/// The answer to `POST /accounts/{a}/ping`: what the endpoint did with a test message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PingAnswer {
    /// The `webhook-id` that it bore.
    pub id: String,
    /// Whether it was answered with a 2xx.
    pub ok: bool,
    /// The HTTP status that was answered, if one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(minimum = 100, maximum = 999))]
    pub status: Option<u16>,
    /// What went wrong, as a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
}

/// The answer to `POST /accounts/{a}/check`: what was found on the way to the registered endpoint, as far as it went.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CheckAnswer {
    /// Whether it was answered with a 2xx; the lane is released then.
    pub ok: bool,
    /// The name's addresses; only for `operate` on `*`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dns: Option<Vec<String>>,
    /// The class of the address that was taken: `global`, `private`, `loopback`, `link-local`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address_class: Option<String>,
    /// What the egress policy says to it, as a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// What TLS came to, as a sentence; left out with `http`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<String>,
    /// The HTTP status that was answered, if one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(minimum = 100, maximum = 999))]
    pub status: Option<u16>,
    /// Where it went wrong, as a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
}
