//! What can go wrong with a call. Which of them to match on is a matter of what can be done about it; the helpers
//! ([`Error::code`], [`Error::status_code`], [`Error::has_code`]) work across all of them.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use ringback_wire::auth::OAuthError;
use ringback_wire::error_code::code_matches;
use ringback_wire::v1::FotaV1Result;

use crate::retry::retry_after;
use crate::{RawResponse, wall_clock};

/// Why a call was not done. Cheap to clone: calls that waited for the same token share its failure.
///
/// `request` is always the method and the path of the request that failed, which may be one for a token.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The API refused the request: 400 with its documented body. The published SDKs raise this as `FotaV1ResultError`.
    #[error("{request}: {result}")]
    BadRequest {
        /// The request that failed.
        request: Box<str>,
        /// Code and message.
        result: Box<FotaV1Result>,
        /// The response.
        response: RawResponse,
    },
    /// Any other status that is not a 2xx; a redirect too, as none is followed.
    #[error("{request}: {}", describe(response.status_code(), result.as_deref()))]
    Status {
        /// The request that failed.
        request: Box<str>,
        /// Code and message, if the body has them.
        result: Option<Box<FotaV1Result>>,
        /// The response.
        response: RawResponse,
    },
    /// No token was given out, or what was given out is not taken.
    #[error(transparent)]
    Authentication(#[from] AuthenticationError),
    /// There was no connection, or it broke before the whole response was there. Whether the request was done is not known.
    #[error("{request}: the connection failed")]
    Transport {
        /// The request that failed.
        request: Box<str>,
        /// What happened.
        source: Arc<reqwest::Error>,
    },
    /// There was no whole response in time. Whether the request was done is not known.
    #[error("{request}: no answer within {after:?}")]
    Timeout {
        /// The request that failed.
        request: Box<str>,
        /// How long it was waited for.
        after: Duration,
    },
    /// A 2xx whose body is not what it should be. The request was done.
    #[error("{request}: answered {} with a body that can't be read", response.status_code())]
    UnreadableBody {
        /// The request.
        request: Box<str>,
        /// The response, with the body.
        response: RawResponse,
        /// What is wrong with the body. Where the body could hold a secret, only the place.
        source: Arc<serde_json::Error>,
    },
    /// The body is larger than it may be ([`crate::ClientBuilder::max_response_bytes`]); it was not read to its end.
    #[error("{request}: answered {status_code} with a body of more than {limit} bytes")]
    BodyTooLarge {
        /// The request.
        request: Box<str>,
        /// The status.
        status_code: StatusCode,
        /// The bound, in bytes.
        limit: usize,
    },
    /// An argument can't be right. Nothing was sent.
    #[error(transparent)]
    InvalidArgument(#[from] InvalidArgument),
}

/// An argument of the wrong form, found before anything was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{argument}` {problem}")]
pub struct InvalidArgument {
    /// Which one.
    pub argument: &'static str,
    /// What would be right: a phrase that follows the argument's name.
    pub problem: String,
}

impl InvalidArgument {
    pub(crate) fn new(argument: &'static str, problem: impl Into<String>) -> Self {
        Self { argument, problem: problem.into() }
    }
}

/// Why a client is not let in.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum AuthenticationError {
    /// The OAuth client got no access token: the id or the secret is wrong, or the credential was revoked.
    #[error("no access token was given: {}", describe_oauth(response.status_code(), error.as_deref()))]
    TokenRefused {
        /// The reason, if the body has it (RFC 6749, section 5.2).
        error: Option<Box<OAuthError>>,
        /// The response.
        response: RawResponse,
    },
    /// The user got no session: name or password is wrong, or the user is locked
    /// ([`LOGIN_LOCKED`](ringback_wire::error_code::LOGIN_LOCKED)).
    #[error("no session was given: {}", describe(response.status_code(), result.as_deref()))]
    LoginRefused {
        /// Code and message, if the body has them.
        result: Option<Box<FotaV1Result>>,
        /// The response.
        response: RawResponse,
    },
    /// 401, with a token that was got anew too, or with a ready-made one that can't be.
    #[error("{request}: {}", describe(response.status_code(), result.as_deref()))]
    Unauthorized {
        /// The request that failed.
        request: Box<str>,
        /// Code and message, if the body has them: the code says which of the two tokens it is.
        result: Option<Box<FotaV1Result>>,
        /// The response.
        response: RawResponse,
    },
    /// The call needs a session, and the client has neither a user name and a password nor a session token. Nothing was sent.
    #[error("this call needs a session: give the client a user name and a password, or a session token")]
    NoSession,
    /// The server gave a token that can't stand in a header.
    #[error("the server gave {what} that can't be sent in a header")]
    UnusableToken {
        /// `an access token` or `a session token`.
        what: &'static str,
    },
}

impl Error {
    /// The HTTP status that was answered, if one was.
    #[must_use]
    pub fn status_code(&self) -> Option<StatusCode> {
        match self {
            Self::BodyTooLarge { status_code, .. } => Some(*status_code),
            _ => self.response().map(RawResponse::status_code),
        }
    }

    /// The response, if there was a whole one.
    #[must_use]
    pub fn response(&self) -> Option<&RawResponse> {
        match self {
            Self::BadRequest { response, .. }
            | Self::Status { response, .. }
            | Self::UnreadableBody { response, .. }
            | Self::Authentication(
                AuthenticationError::TokenRefused { response, .. }
                | AuthenticationError::LoginRefused { response, .. }
                | AuthenticationError::Unauthorized { response, .. },
            ) => Some(response),
            _ => None,
        }
    }

    /// The API's code and message, if the response had them.
    #[must_use]
    pub fn result(&self) -> Option<&FotaV1Result> {
        match self {
            Self::BadRequest { result, .. } => Some(result),
            Self::Status { result, .. }
            | Self::Authentication(
                AuthenticationError::LoginRefused { result, .. }
                | AuthenticationError::Unauthorized { result, .. },
            ) => result.as_deref(),
            _ => None,
        }
    }

    /// The API's error code as it came, perhaps with a service's name before it; compare it with [`Error::has_code`].
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.result().map(|result| result.error_code.as_str())
    }

    /// Whether the API's error code is `expected` (one of [`crate::error_code`]), with or without a service's name before it.
    #[must_use]
    pub fn has_code(&self, expected: &str) -> bool {
        self.code().is_some_and(|code| code_matches(code, expected))
    }

    /// How long the server asks to wait before the next try, if it does (`Retry-After`).
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        retry_after(self.response()?.headers(), wall_clock::now())
    }

    /// Whether the request may have been done nevertheless: no answer, or 500 and above, or an answer that can't be read.
    #[must_use]
    pub fn is_outcome_unknown(&self) -> bool {
        match self {
            Self::Transport { .. } | Self::Timeout { .. } => true,
            Self::UnreadableBody { .. } | Self::BodyTooLarge { .. } => true,
            Self::Status { response, .. } => response.status_code().is_server_error(),
            _ => false,
        }
    }
}

/// A status, or better what the API says about it.
fn describe(status: StatusCode, result: Option<&FotaV1Result>) -> String {
    match result {
        Some(result) => format!("{status}: {result}"),
        None if status.is_redirection() => format!("{status}: redirects are not followed"),
        None => status.to_string(),
    }
}

fn describe_oauth(status: StatusCode, error: Option<&OAuthError>) -> String {
    match error {
        Some(OAuthError { error, error_description: Some(text) }) => format!("{status}: {error}: {text}"),
        Some(OAuthError { error, error_description: None }) => format!("{status}: {error}"),
        None => status.to_string(),
    }
}

/// Why a client was not built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// No environment was named. None is a default, and least of all production.
    #[error(
        "no environment was named: give Environment::Production, Staging or a server's URL (RINGBACK_URL)"
    )]
    NoEnvironment,
    /// The server's URL can't be used.
    #[error("the server's URL can't be used: {problem}")]
    BaseUrl {
        /// What is wrong with it.
        problem: String,
    },
    /// There is nothing to get an access token from.
    #[error("there are no credentials: give an OAuth client's id and secret, or an access token")]
    NoCredentials,
    /// A token or a credential can't stand in a header.
    #[error("the {what} has characters that can't be sent in a header")]
    UnusableCredential {
        /// Which one.
        what: &'static str,
    },
    /// One of two environment variables that belong together is missing.
    #[error("{set} is set and {missing} is not: they belong together")]
    HalfAPair {
        /// The one that is set.
        set: &'static str,
        /// The one that is missing.
        missing: &'static str,
    },
    /// A root certificate can't be read, or there is none in the text.
    #[error("the root certificates can't be used: {problem}")]
    RootCertificates {
        /// What is wrong with them.
        problem: String,
    },
    /// The proxy's URL can't be used.
    #[error("the proxy can't be used")]
    Proxy(#[source] reqwest::Error),
    /// TLS can't be set up.
    #[error("TLS can't be set up")]
    Tls(#[source] rustls::Error),
    /// The HTTP client can't be set up.
    #[error("the HTTP client can't be set up")]
    HttpClient(#[source] reqwest::Error),
    /// The thread of a blocking client can't be started.
    #[error("the thread of the blocking client can't be started")]
    Runtime(#[source] std::io::Error),
}
