//! The client itself, and how each of its calls goes: tokens, request, and once more with new tokens after a 401.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, StatusCode, header};
use ringback_wire::error_code::{self, code_matches};
use ringback_wire::headers::TRACEPARENT;
use ringback_wire::v1::FotaV1Result;
use serde::de::DeserializeOwned;

use crate::call::Call;
use crate::http::{Http, Request};
use crate::tokens::{Needs, Pair, Tokens};
use crate::{
    Accounts, ApiResponse, ClientBuilder, CredentialAdmin, Error, Messages, RawResponse, RequestOptions,
    RetrySettings, SoftwareManagementCallbacksV1, decode,
};

/// A client of ThingSpace or of Ringback: connections, tokens and settings.
///
/// Cloning is cheap, and clones share everything; make one for each server and credential. It may be used from many tasks at
/// once. It needs a tokio runtime with I/O and time enabled.
#[derive(Debug, Clone)]
pub struct Client {
    http: Arc<Http>,
    tokens: Arc<Tokens>,
}

impl Client {
    /// Settings for a new client.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::new()
    }

    pub(crate) fn new(http: Arc<Http>, tokens: Arc<Tokens>) -> Self {
        Self { http, tokens }
    }

    /// ThingSpace's Software Management Callbacks V1: list, register, deregister.
    #[must_use]
    pub fn software_management_callbacks_v1(&self) -> SoftwareManagementCallbacksV1 {
        SoftwareManagementCallbacksV1::new(self.clone())
    }

    /// Ringback's messages: publish, search, show, replay.
    #[must_use]
    pub fn messages(&self) -> Messages {
        Messages::new(self.clone())
    }

    /// Ringback's accounts: registration, lane, signing key, catching up.
    #[must_use]
    pub fn accounts(&self) -> Accounts {
        Accounts::new(self.clone())
    }

    /// Ringback's credentials, for an operator.
    #[must_use]
    pub fn credentials(&self) -> CredentialAdmin {
        CredentialAdmin::new(self.clone())
    }

    /// Sends a call with the client's own retries; the answer is a 2xx.
    pub(crate) async fn call(&self, call: &Call, options: &RequestOptions) -> Result<RawResponse, Error> {
        self.call_with(call, options, &self.http.retry).await
    }

    /// A call whose answer is read from JSON.
    pub(crate) async fn read<T: DeserializeOwned>(
        &self,
        call: &Call,
        options: &RequestOptions,
    ) -> Result<ApiResponse<T>, Error> {
        let response = self.call(call, options).await?;
        let result = decode::json(&call.name(), &response)?;
        Ok(ApiResponse::new(result, &response))
    }

    /// The same for an answer that may hold secrets, from which an error must not quote.
    pub(crate) async fn read_secret<T: DeserializeOwned>(
        &self,
        call: &Call,
        options: &RequestOptions,
    ) -> Result<ApiResponse<T>, Error> {
        let response = self.call(call, options).await?;
        let result = decode::secret(&call.name(), &response)?;
        Ok(ApiResponse::new(result, &response))
    }

    /// A call of which only matters that it was done.
    pub(crate) async fn done(&self, call: &Call, options: &RequestOptions) -> Result<ApiResponse<()>, Error> {
        Ok(ApiResponse::new((), &self.call(call, options).await?))
    }

    pub(crate) async fn call_with(
        &self,
        call: &Call,
        options: &RequestOptions,
        retry: &RetrySettings,
    ) -> Result<RawResponse, Error> {
        let timeout = options.timeout.unwrap_or(self.http.timeout);
        let mut renewed = Renewed::default();
        loop {
            let tokens = self.tokens(call, timeout).await?;
            let mut request = self.request(call, &tokens, timeout);
            if let Some(value) = options.traceparent.and_then(|parent| parent.to_string().try_into().ok()) {
                request.headers.insert(TRACEPARENT, value);
            }
            let response = self.http.send(&request, retry).await?;
            let refused = response.status_code() == StatusCode::UNAUTHORIZED;
            if !(refused && renewed.discard_refused(&self.tokens, &tokens, &response, call.needs)) {
                return decode::success(&request.name(), response);
            }
        }
    }

    async fn tokens(&self, call: &Call, timeout: Duration) -> Result<Pair, Error> {
        match tokio::time::timeout(timeout, self.tokens.get(call.needs)).await {
            Ok(tokens) => tokens,
            Err(_) => Err(Error::Timeout { request: call.name(), after: timeout }),
        }
    }

    fn request<'a>(&self, call: &'a Call, tokens: &Pair, timeout: Duration) -> Request<'a> {
        let mut headers = http::HeaderMap::new();
        tokens.put(&mut headers);
        if let Some(accept) = call.accept {
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
        }
        if let Some(content_type) = call.content_type {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        Request {
            method: call.method.clone(),
            path: &call.path,
            headers,
            body: call.body.clone(),
            timeout: timeout.saturating_add(call.server_wait),
            max_response_bytes: self.http.max_response_bytes,
            repeatable: call.repeatable,
        }
    }
}

/// Which tokens one call has had renewed. Each once: a server that always says 401 must not make a loop.
#[derive(Default)]
struct Renewed {
    access: bool,
    session: bool,
}

impl Renewed {
    /// Forgets the tokens that a 401 was for; whether it is worth while to try again.
    fn discard_refused(
        &mut self,
        tokens: &Tokens,
        used: &Pair,
        response: &RawResponse,
        needs: Needs,
    ) -> bool {
        let refused = Refused::read(response, needs);
        let access = refused.access && !self.access && tokens.discard_access(used);
        let session = refused.session && !self.session && tokens.discard_session(used);
        self.access |= access;
        self.session |= session;
        access || session
    }
}

/// Which tokens a 401 can be for.
struct Refused {
    access: bool,
    session: bool,
}

impl Refused {
    /// By the error code, if it is a known one; else it can be either.
    fn read(response: &RawResponse, needs: Needs) -> Self {
        if needs == Needs::Bearer {
            return Self { access: true, session: false };
        }
        let result: Option<FotaV1Result> = serde_json::from_slice(response.body()).ok();
        let is =
            |expected: &str| result.as_ref().is_some_and(|result| code_matches(&result.error_code, expected));
        let session = is(error_code::SESSION_TOKEN_EXPIRED)
            || is(error_code::SESSION_TOKEN_INVALID)
            || is(error_code::SESSION_TOKEN_FORMAT);
        let access = is(error_code::ACCESS_TOKEN_INVALID);
        Self { access: access || !session, session: session || !access }
    }
}
