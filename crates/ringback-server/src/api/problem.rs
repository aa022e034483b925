//! The one error type at the HTTP edge: a status with the contract's error body (contract, section 2).
//!
//! Only the token routes speak another form, RFC 6749's ([`super::oauth`]). What a [`Problem`] says is for the caller;
//! nothing internal is in it, and what is our fault goes to the log instead.

use std::borrow::Cow;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};
use ringback_store::{KeyError, StoreError};
use ringback_wire::error_code;
use ringback_wire::v1::FotaV1Result;

use super::answer;

/// How long a client is asked to wait after a 503, in seconds.
const RETRY_UNAVAILABLE: u64 = 1;
/// How long a client is asked to wait after a 429 that doesn't say it better, in seconds.
const RETRY_BUSY: u64 = 5;

/// Why a request was not done.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{status} {code}: {message}")]
pub(super) struct Problem {
    status: StatusCode,
    code: &'static str,
    message: Cow<'static, str>,
    retry_after: Option<u64>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { status, code, message: message.into(), retry_after: None }
    }

    /// 400, with one of the contract's codes.
    pub(super) fn invalid(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// 401 for the bearer token.
    pub(super) fn access_token(message: &'static str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, error_code::ACCESS_TOKEN_INVALID, message)
    }

    /// 403 for what the credential's scopes don't cover.
    pub(super) fn scope(message: &'static str) -> Self {
        Self::new(StatusCode::FORBIDDEN, error_code::SCOPE_INSUFFICIENT, message)
    }

    /// 403 for an account that the credential doesn't reach.
    pub(super) fn account_name() -> Self {
        let message = "the credential is not entitled to this account";
        Self::new(StatusCode::FORBIDDEN, error_code::ACCOUNT_NAME, message)
    }

    /// 400 for what is not an account.
    pub(super) fn account_form() -> Self {
        Self::invalid(
            error_code::ACCOUNT_INVALID,
            "the account must be in the form ##########-#####: ten digits, a hyphen, five digits",
        )
    }

    /// 404, for what is not there and what is not yours alike.
    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, error_code::NOT_FOUND, "there is nothing at this address")
    }

    /// 409 where there is nowhere to send to.
    pub(super) fn not_registered() -> Self {
        let message = "no callback is registered for this account: register one first";
        Self::new(StatusCode::CONFLICT, error_code::CALLBACK_NOT_REGISTERED, message)
    }

    /// 413, naming the bound.
    pub(super) fn too_large(what: &str, most: usize, unit: &str) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            error_code::TOO_LARGE,
            format!("{what} has more than {most} {unit}"),
        )
    }

    /// 415, naming what would be right.
    pub(super) fn media_type(expected: &'static str) -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            error_code::UNSUPPORTED_MEDIA_TYPE,
            format!("the body's Content-Type must be {expected}"),
        )
    }

    /// 415 for a compressed body.
    pub(super) fn content_encoding() -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            error_code::UNSUPPORTED_MEDIA_TYPE,
            "the body must be sent as it is, without a Content-Encoding",
        )
    }

    /// 429.
    pub(super) fn busy(code: &'static str, message: &'static str) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, code, message).retry_after(Duration::from_secs(RETRY_BUSY))
    }

    /// 500, saying nothing.
    pub(super) fn unexpected() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            error_code::UNEXPECTED_ERROR,
            "the server could not do this; its operator finds the reason in its log",
        )
    }

    /// 503: it is not known whether it was done.
    pub(super) fn unavailable(message: &'static str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, error_code::UNEXPECTED_ERROR, message)
            .retry_after(Duration::from_secs(RETRY_UNAVAILABLE))
    }

    /// Says when to come again; whole seconds, rounded up.
    pub(super) fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait.as_secs() + u64::from(wait.subsec_nanos() > 0));
        self
    }

    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    /// The headers of the answer, beside its content type.
    pub(super) fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"ringback\""));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        headers
    }

    /// The contract's error body.
    pub(super) fn body(&self) -> FotaV1Result {
        FotaV1Result::new(self.code, self.message.as_ref())
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) | StoreError::Full | StoreError::NotOwner(_) => {
                tracing::warn!(%error, "a request got 503");
                Self::store_unavailable()
            }
            StoreError::Damaged(_) => {
                tracing::error!(%error, "a request got 500");
                Self::unexpected()
            }
        }
    }
}

impl From<KeyError> for Problem {
    fn from(error: KeyError) -> Self {
        tracing::error!(%error, "a request got 500");
        Self::unexpected()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = answer::json(self.status, &self.body());
        response.headers_mut().extend(self.headers());
        response
    }
}
