//! Credentials: who may do what, for which accounts. Secrets are shown once, when they are made.

use serde::{Deserialize, Serialize};

use crate::Secret;
#[cfg(feature = "schema")]
use crate::schema;
use crate::text_enum::closed_enum;

/// In a list of accounts: all, present and future.
pub const ALL_ACCOUNTS: &str = "*";

closed_enum! {
    /// What a credential may do.
    Scope {
        /// Register callbacks and read the account's own messages.
        Callbacks = "callbacks",
        /// Publish messages.
        Publish = "publish",
        /// Run the service: pause, replay; on `*` also credentials and metrics.
        Operate = "operate",
    }
}

/// The body of `POST /credentials`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CredentialCreateRequest {
    /// What people call it.
    #[cfg_attr(
        feature = "schema",
        schema(min_length = 1, max_length = 255, pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$")
    )]
    pub name: String,
    /// Account names, or `*` alone.
    #[cfg_attr(feature = "schema", schema(value_type = schema::Reach))]
    pub accounts: Vec<String>,
    /// What it may do.
    #[cfg_attr(feature = "schema", schema(min_items = 1))]
    pub scopes: Vec<Scope>,
    /// The user name for sessions; made up where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(
        feature = "schema",
        schema(min_length = 1, max_length = 255, pattern = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$")
    )]
    pub username: Option<String>,
    /// The password for sessions; made up where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = Password, min_length = 8, max_length = 255))]
    pub password: Option<Secret>,
}

/// A credential with its secrets: the answer to creating and to rotating one, and the only time they are shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CredentialCreated {
    /// What people call it.
    pub name: String,
    /// The OAuth client's id; `[A-Za-z0-9_-]` only.
    pub client_id: String,
    /// The OAuth client's secret; `[A-Za-z0-9_-]` only.
    pub client_secret: Secret,
    /// The user name for sessions.
    pub username: String,
    /// The password for sessions.
    pub password: Secret,
    /// Account names, or `*` alone.
    #[cfg_attr(feature = "schema", schema(value_type = schema::Reach))]
    pub accounts: Vec<String>,
    /// What it may do.
    pub scopes: Vec<Scope>,
}

/// A credential without its secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CredentialView {
    /// What people call it.
    pub name: String,
    /// The OAuth client's id.
    pub client_id: String,
    /// The user name for sessions.
    pub username: String,
    /// Account names, or `*` alone.
    #[cfg_attr(feature = "schema", schema(value_type = schema::Reach))]
    pub accounts: Vec<String>,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// When it was made.
    #[cfg_attr(feature = "schema", schema(value_type = schema::Time))]
    pub created_at: String,
    /// When it was revoked, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<schema::Time>))]
    pub revoked_at: Option<String>,
    /// Until when its user is locked after failed log-ins, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<schema::Time>))]
    pub locked_until: Option<String>,
}

/// The answer to `GET /credentials`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CredentialList {
    /// The credentials, oldest first.
    pub credentials: Vec<CredentialView>,
}

/// The body of `PATCH /credentials/{clientId}`: one change, as `{"rotate":{…}}`, `{"grant":{…}}` or `{"unlock":{}}`.
/// Rotating answers with a `CredentialCreated`, the others with a `CredentialView`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum CredentialPatch {
    /// New secrets.
    Rotate {
        /// How long the old ones stay good beside them, in seconds; 0 ends them at once.
        #[serde(default, deserialize_with = "crate::whole_number::read")]
        overlap_seconds: u64,
    },
    /// More accounts or scopes, added to those it has.
    Grant {
        /// Account names, or `*` alone.
        #[serde(default)]
        accounts: Vec<String>,
        /// What it may do besides.
        #[serde(default)]
        scopes: Vec<Scope>,
    },
    /// Lets its user log in again after failed log-ins.
    Unlock {},
}
