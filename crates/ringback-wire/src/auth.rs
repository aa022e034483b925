//! Bodies of the two log-ins that every request needs: the OAuth 2 token and the session (contract §1).

use serde::{Deserialize, Serialize};

use crate::Secret;
use crate::text_enum::open_enum;

/// The header that carries the session token, a GUID, beside `Authorization: Bearer …`.
pub const SESSION_HEADER: &str = "VZ-M2M-Token";

/// The only grant: `grant_type=client_credentials`.
pub const GRANT_TYPE: &str = "client_credentials";

/// The `token_type` of every token.
pub const TOKEN_TYPE: &str = "Bearer";

/// How long a bearer token lives, in seconds from its issue.
pub const TOKEN_LIFE_SECONDS: u64 = 3600;

/// How long a session lives without use, in seconds.
pub const SESSION_IDLE_SECONDS: u64 = 20 * 60;

/// The answer to a token request (RFC 6749 §5.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TokenResponse {
    /// The bearer token.
    pub access_token: Secret,
    /// `Bearer`.
    pub token_type: String,
    /// Seconds from now until the token ends.
    pub expires_in: u64,
    /// The scopes that it has, separated by spaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
}

open_enum! {
    /// Why no token was given (RFC 6749 §5.2).
    OAuthErrorCode {
        /// A field is missing, given twice, or malformed.
        InvalidRequest = "invalid_request",
        /// The client is unknown or its secret is wrong.
        InvalidClient = "invalid_client",
        /// The grant is wrong or expired.
        InvalidGrant = "invalid_grant",
        /// This client may not use this grant.
        UnauthorizedClient = "unauthorized_client",
        /// The server does not know this grant.
        UnsupportedGrantType = "unsupported_grant_type",
        /// The scope is unknown, malformed, or more than the client has.
        InvalidScope = "invalid_scope",
        /// The server can't say now (RFC 6749 §4.1.2.1 has the name): send the request again.
        TemporarilyUnavailable = "temporarily_unavailable",
    }
}

/// The body of a refused token request: status 400, or 401 for `invalid_client`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct OAuthError {
    /// Which of the reasons it was.
    pub error: OAuthErrorCode,
    /// The reason for a person; ASCII.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_description: Option<String>,
}

/// The body of a session log-in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LoginRequest {
    /// The user name.
    pub username: String,
    /// The password.
    pub password: Secret,
}

/// The answer to a session log-in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct LoginResponse {
    /// The session token, a GUID, for the header `VZ-M2M-Token`.
    pub session_token: Secret,
}

/// The answer to a session log-out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct LogoutResponse {
    /// The token that was ended.
    pub session_token: Secret,
}
