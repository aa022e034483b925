//! The two requests for tokens (contract, section 1). Both change nothing that matters, so they are repeatable.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use ringback_wire::Secret;
use ringback_wire::auth::{GRANT_TYPE, LoginRequest, LoginResponse, TokenResponse};
use ringback_wire::routes::{LOGIN_PATH, TOKEN_PATH};
use tokio::time::Instant;

use super::{Held, NewToken, SESSION_IDLE, Tokens, bearer, sensitive, stale_at};
use crate::http::Request;
use crate::{AccessToken, AuthenticationError, BuildError, Error, RawResponse, decode, wall_clock};

/// A token's body, and what refuses one, at most.
const MAX_TOKEN_BYTES: usize = 64 << 10;

/// The header that an OAuth client shows itself with.
pub(super) fn basic(id: &str, secret: &Secret) -> Result<HeaderValue, BuildError> {
    let encoded = STANDARD.encode(format!("{id}:{}", secret.expose()));
    sensitive(&format!("Basic {encoded}"))
        .ok_or(BuildError::UnusableCredential { what: "client id or secret" })
}

impl Tokens {
    pub(super) async fn acquire_access(&self) -> Result<Held, Error> {
        let request = self.request(TOKEN_PATH, "application/x-www-form-urlencoded", self.basic.clone(), {
            Bytes::from(format!("grant_type={GRANT_TYPE}"))
        });
        // The token's life counts from its issue, which is not before this.
        let (sent_at, sent_at_by_the_wall) = (Instant::now(), wall_clock::now());
        let response = self.http.send(&request, &self.http.retry).await?;
        if is_refusal(response.status_code()) {
            let error = serde_json::from_slice(response.body()).ok().map(Box::new);
            return Err(AuthenticationError::TokenRefused { error, response }.into());
        }
        let answer: TokenResponse =
            decode::secret(&request.name(), &decode::success(&request.name(), response)?)?;
        let header = bearer(&answer.access_token)
            .ok_or(AuthenticationError::UnusableToken { what: "an access token" })?;
        let life = Duration::from_secs(answer.expires_in);
        let expires_at = sent_at_by_the_wall.checked_add(life);
        self.tell(NewToken::Access(&AccessToken { token: answer.access_token, expires_at }));
        Ok(Held::until(header, stale_at(sent_at, life)))
    }

    pub(super) async fn acquire_session(self: &Arc<Self>) -> Result<Held, Error> {
        let (username, password) = self.user.clone().ok_or(AuthenticationError::NoSession)?;
        let body = decode::to_json(&LoginRequest { username, password })?;
        let mut renewed = false;
        loop {
            let access = self.access().await?;
            let bearer = Some(access.header.clone());
            let request = self.request(LOGIN_PATH, "application/json", bearer, body.clone());
            let response = self.http.send(&request, &self.http.retry).await?;
            if response.status_code() == StatusCode::UNAUTHORIZED && !renewed && self.basic.is_some() {
                self.access.discard(&access);
                renewed = true;
                continue;
            }
            return self.opened(&request, response);
        }
    }

    fn opened(&self, request: &Request<'_>, response: RawResponse) -> Result<Held, Error> {
        if is_refusal(response.status_code()) {
            let result = serde_json::from_slice(response.body()).ok().map(Box::new);
            return Err(AuthenticationError::LoginRefused { result, response }.into());
        }
        let answer: LoginResponse =
            decode::secret(&request.name(), &decode::success(&request.name(), response)?)?;
        let header = sensitive(answer.session_token.expose())
            .ok_or(AuthenticationError::UnusableToken { what: "a session token" })?;
        self.tell(NewToken::Session(&answer.session_token));
        Ok(Held::while_used(header, SESSION_IDLE, Instant::now()))
    }

    fn request(
        &self,
        path: &'static str,
        content_type: &'static str,
        authorization: Option<HeaderValue>,
        body: Bytes,
    ) -> Request<'static> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(authorization) = authorization {
            headers.insert(header::AUTHORIZATION, authorization);
        }
        Request {
            method: Method::POST,
            path,
            headers,
            body,
            timeout: self.http.timeout,
            max_response_bytes: MAX_TOKEN_BYTES,
            repeatable: true,
        }
    }

    fn tell(&self, token: NewToken<'_>) {
        if let Some(hook) = &self.hook {
            hook(token);
        }
    }
}

/// Statuses that say that the credentials are wrong. Any other is the server's trouble.
fn is_refusal(status: StatusCode) -> bool {
    matches!(status, StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
}
