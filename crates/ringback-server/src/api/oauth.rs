//! OAuth 2 as the token routes speak it: the client's Basic header, the form, and RFC 6749's errors.

use std::borrow::Cow;
use std::time::Instant;

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CACHE_CONTROL, PRAGMA, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};
use ringback_store::{Credential, Secret, StoreError};
use ringback_wire::auth::{OAuthError, OAuthErrorCode};
use subtle::ConstantTimeEq as _;

use super::state::ApiState;
use super::{answer, body};
use crate::credentials::CLIENT_SECRET_DOMAIN;

/// How much of a client id that nobody vouches for goes to the log, in characters.
const LOGGED_CHARS: usize = 64;

/// A token request was refused.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{status} {}: {description}", code.as_str())]
pub(super) struct OAuthProblem {
    status: StatusCode,
    code: OAuthErrorCode,
    description: &'static str,
    /// The reason for the log, where the caller is not to know it.
    reason: &'static str,
}

impl OAuthProblem {
    /// 400.
    pub(super) fn refused(code: OAuthErrorCode, description: &'static str) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code, description, reason: description }
    }

    /// Another status, for what RFC 6749 has no word for.
    pub(super) fn with_status(status: StatusCode, description: &'static str) -> Self {
        Self { status, code: OAuthErrorCode::InvalidRequest, description, reason: description }
    }

    /// 429.
    pub(super) fn too_fast() -> Self {
        let message = "too many requests of this credential in a second";
        Self::with_status(StatusCode::TOO_MANY_REQUESTS, message)
    }

    /// 500.
    pub(super) fn no_randomness() -> Self {
        Self::with_status(StatusCode::INTERNAL_SERVER_ERROR, "the server could not make a token")
    }

    /// 503.
    pub(super) fn unavailable() -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            code: OAuthErrorCode::TemporarilyUnavailable,
            description: "the store is unavailable: send the request again",
            reason: "the store is unavailable",
        }
    }

    /// 400: no `grant_type`.
    pub(super) fn missing_grant() -> Self {
        Self::refused(OAuthErrorCode::InvalidRequest, "grant_type is missing")
    }

    /// 400: another `grant_type`.
    pub(super) fn other_grant() -> Self {
        Self::refused(OAuthErrorCode::UnsupportedGrantType, "grant_type must be client_credentials")
    }

    /// 400: no `token`.
    pub(super) fn missing_token() -> Self {
        Self::refused(OAuthErrorCode::InvalidRequest, "token is missing")
    }

    /// 400: a field twice.
    pub(super) fn field_twice() -> Self {
        Self::refused(OAuthErrorCode::InvalidRequest, "a field of the form is given twice")
    }

    /// 400: another content type.
    pub(super) fn not_a_form() -> Self {
        let message = "the body must be application/x-www-form-urlencoded";
        Self::refused(OAuthErrorCode::InvalidRequest, message)
    }

    /// The form could not be read, which has this status.
    pub(super) fn unreadable_form(status: StatusCode) -> Self {
        Self::with_status(status, "the body is too large, compressed, or did not come whole in time")
    }

    /// 401: nobody's id, or not its secret.
    pub(super) fn unknown_client() -> Self {
        Self::client("no such client")
    }

    /// 401: nobody says who they are, or not where they should.
    fn no_basic_header() -> Self {
        Self {
            description: "send the client's id and secret in the header Authorization: Basic base64(id:secret); they count \
                          nowhere else",
            ..Self::client("no usable Basic header")
        }
    }

    /// 401: the same for an unknown client, a wrong secret and a revoked one.
    fn client(reason: &'static str) -> Self {
        Self {
            status: StatusCode::UNAUTHORIZED,
            code: OAuthErrorCode::InvalidClient,
            description: "the client is unknown or its secret is wrong",
            reason,
        }
    }

    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    /// RFC 6749's error body.
    pub(super) fn body(&self) -> OAuthError {
        OAuthError { error: self.code.clone(), error_description: Some(self.description.to_owned()) }
    }

    /// The headers of the answer, beside its content type and those against keeping it.
    pub(super) fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"ringback\""));
        }
        if matches!(self.status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        headers
    }

    /// Why, for the log.
    pub(super) fn reason(&self) -> &'static str {
        self.reason
    }
}

impl From<StoreError> for OAuthProblem {
    fn from(error: StoreError) -> Self {
        tracing::warn!(%error, "a token request got 503");
        Self::unavailable()
    }
}

impl IntoResponse for OAuthProblem {
    fn into_response(self) -> Response {
        let mut response = unstored(answer::json(self.status, &self.body()));
        response.headers_mut().extend(self.headers());
        response
    }
}

/// Marks an answer that no cache may keep (RFC 6749, section 5.1).
pub(super) fn unstored(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

/// The id and the secret that a request bears.
pub(super) struct ClientSecret {
    /// Not vouched for.
    pub(super) id: String,
    secret: Secret,
}

impl ClientSecret {
    /// Reads the Basic header.
    pub(super) fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let (scheme, encoded) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("Basic") {
            return None;
        }
        let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
        let (id, secret) = text.split_once(':')?;
        Some(Self { id: id.to_owned(), secret: Secret::new(secret) })
    }

    /// The id as the log may have it.
    pub(super) fn id_for_log(&self) -> String {
        self.id.chars().take(LOGGED_CHARS).collect()
    }

    /// The credential whose secret this is.
    pub(super) async fn authenticate(&self, state: &ApiState) -> Result<Credential, OAuthProblem> {
        let given = state.store.vault().digest(CLIENT_SECRET_DOMAIN, self.secret.expose());
        let known = state.store.credential_of_client(&self.id).await?;
        let credential = known.ok_or_else(OAuthProblem::unknown_client)?;
        let now = state.clock.now();
        let present = credential.client_secret.ct_eq(&given);
        let previous = credential
            .previous_secret
            .is_some_and(|(digest, until)| now < until && bool::from(digest.ct_eq(&given)));
        if !(bool::from(present) || previous) {
            return Err(OAuthProblem::client("wrong client secret"));
        }
        if credential.revoked_at.is_some() {
            return Err(OAuthProblem::client("the credential is revoked"));
        }
        if state.requests.pass(Instant::now(), credential.id).is_err() {
            return Err(OAuthProblem::too_fast());
        }
        Ok(credential)
    }
}

/// Who sends a token request, if its header says so.
pub(super) fn client(headers: &HeaderMap) -> Result<ClientSecret, OAuthProblem> {
    ClientSecret::from_headers(headers).ok_or_else(OAuthProblem::no_basic_header)
}

/// A form's fields. The same one twice is refused where it is asked for (RFC 6749, section 3.2).
pub(super) struct Form(Bytes);

impl Form {
    /// Reads a request's form.
    pub(super) async fn read(request: Request, state: &ApiState) -> Result<Self, OAuthProblem> {
        let (parts, body) = request.into_parts();
        let right_type = body::is_type(&parts.headers, "application/x-www-form-urlencoded");
        let limits = &state.limits;
        let read = body::read(parts.headers, body, limits.request_bytes, limits).await;
        let bytes = read.map_err(|problem| OAuthProblem::unreadable_form(problem.status()))?;
        if !bytes.is_empty() && !right_type {
            return Err(OAuthProblem::not_a_form());
        }
        Ok(Self(bytes))
    }

    /// The field's value, if it is there with one.
    pub(super) fn field(&self, name: &str) -> Result<Option<Cow<'_, str>>, OAuthProblem> {
        let mut values =
            url::form_urlencoded::parse(&self.0).filter(|(key, _)| key == name).map(|(_, value)| value);
        let value = values.next();
        if values.next().is_some() {
            return Err(OAuthProblem::field_twice());
        }
        Ok(value.filter(|value| !value.is_empty()))
    }
}
