//! Talking to a server: token, session, JSON. As much as the commands need, until `ringback-client` is there.
//!
//! Redirects are not followed and no proxy is used: secrets go to the server that was named, and nowhere else.

mod connect;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use ringback_wire::auth::{LoginRequest, LoginResponse, OAuthError, SESSION_HEADER, TokenResponse};
use ringback_wire::v1::FotaV1Result;
use ringback_wire::{Secret, routes};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::target::Target;

/// For a whole request.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The largest answer that is read, in bytes.
const LARGEST_ANSWER: usize = 32 << 20;
const JSON: &str = "application/json";

/// A server did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// No answer.
    #[error("{server} can't be reached: {reason}")]
    Unreachable { server: String, reason: String },
    /// An answer that is not of this API.
    #[error("{server} answered {status}, but not as this API does: {reason}")]
    NotUnderstood { server: String, status: StatusCode, reason: String },
    /// It does not know who asks.
    #[error("{0}")]
    Authentication(String),
    /// It said no.
    #[error("{status}: {result}")]
    Refused { status: StatusCode, result: FotaV1Result },
    /// Not the server's affair: TLS could not be set up here.
    #[error("TLS can't be set up: {0}")]
    Setup(#[from] rustls::Error),
}

/// A client with a token, and with a session once it has logged in.
pub(crate) struct ApiClient {
    target: Target,
    bearer: Secret,
    session: Option<Secret>,
}

struct Answer {
    status: StatusCode,
    body: Bytes,
}

impl ApiClient {
    /// Gets a token.
    pub(crate) async fn connect(target: Target) -> Result<Self, ApiError> {
        let mut client = Self { target, bearer: Secret::default(), session: None };
        let Target { client_id, client_secret, .. } = &client.target;
        let basic = STANDARD.encode(format!("{client_id}:{}", client_secret.expose()));
        let request = client
            .request(Method::POST, routes::TOKEN_PATH)
            .header(AUTHORIZATION, format!("Basic {basic}"))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let answer = client.exchange(request, Bytes::from_static(b"grant_type=client_credentials")).await?;
        if answer.status != StatusCode::OK {
            let Ok(error) = serde_json::from_slice::<OAuthError>(&answer.body) else {
                return Err(client.not_understood(answer.status, "no OAuth error"));
            };
            let why = error.error_description.unwrap_or_default();
            return Err(ApiError::Authentication(format!("no token was given: {}: {why}", error.error)));
        }
        client.bearer = client.read::<TokenResponse>(&answer)?.access_token;
        Ok(client)
    }

    /// Logs the user in, so that the contract's operations can be called.
    pub(crate) async fn log_in(&mut self) -> Result<(), ApiError> {
        let Some(user) = &self.target.user else {
            return Err(ApiError::Authentication(
                "this needs a session: give RINGBACK_USERNAME and RINGBACK_PASSWORD, or a profile with both"
                    .to_owned(),
            ));
        };
        let login = LoginRequest { username: user.name.clone(), password: user.password.clone() };
        let opened: Result<LoginResponse, ApiError> = self.post(routes::LOGIN_PATH, &login).await;
        self.session = Some(match opened {
            Ok(opened) => opened.session_token,
            Err(ApiError::Refused { result, .. }) => {
                return Err(ApiError::Authentication(format!("the log-in was refused: {result}")));
            }
            Err(error) => return Err(error),
        });
        Ok(())
    }

    /// The token, for whoever shows a person how to call the API.
    pub(crate) fn bearer(&self) -> &Secret {
        &self.bearer
    }

    /// The session, for the same; `None` before the log-in.
    pub(crate) fn session(&self) -> Option<&Secret> {
        self.session.as_ref()
    }

    /// `GET`.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ApiError> {
        self.call(Method::GET, path, JSON, Bytes::new()).await.and_then(|answer| self.read(&answer))
    }

    /// `POST` of a JSON body.
    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ApiError> {
        self.send(Method::POST, path, body).await
    }

    /// A JSON body, with any method.
    pub(crate) async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ApiError> {
        let body = serde_json::to_vec(body).map_err(|error| self.unreachable(error))?;
        self.call(method, path, JSON, body.into()).await.and_then(|answer| self.read(&answer))
    }

    /// `POST` of bytes as they are; the answer's body as it is.
    pub(crate) async fn post_bytes(
        &self,
        path: &str,
        content_type: &str,
        body: Bytes,
    ) -> Result<Bytes, ApiError> {
        self.call(Method::POST, path, content_type, body).await.map(|answer| answer.body)
    }

    /// `DELETE`; the answer's body as it is.
    pub(crate) async fn delete(&self, path: &str) -> Result<Bytes, ApiError> {
        self.call(Method::DELETE, path, JSON, Bytes::new()).await.map(|answer| answer.body)
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        content_type: &str,
        body: Bytes,
    ) -> Result<Answer, ApiError> {
        let mut request =
            self.request(method, path).header(AUTHORIZATION, format!("Bearer {}", self.bearer.expose()));
        if let Some(session) = &self.session {
            request = request.header(SESSION_HEADER, session.expose());
        }
        if !body.is_empty() {
            request = request.header(CONTENT_TYPE, content_type);
        }
        let answer = self.exchange(request, body).await?;
        if answer.status.is_success() {
            return Ok(answer);
        }
        let Ok(result) = serde_json::from_slice::<FotaV1Result>(&answer.body) else {
            return Err(self.not_understood(answer.status, "its error has another form"));
        };
        Err(match answer.status {
            StatusCode::UNAUTHORIZED => ApiError::Authentication(result.to_string()),
            status => ApiError::Refused { status, result },
        })
    }

    fn request(&self, method: Method, path: &str) -> http::request::Builder {
        let prefix = self.target.root.path().trim_end_matches('/');
        Request::builder()
            .method(method)
            .uri(format!("{prefix}{path}"))
            .header(http::header::HOST, self.host())
            .header(USER_AGENT, concat!("ringback/", env!("CARGO_PKG_VERSION")))
    }

    fn host(&self) -> String {
        let root = &self.target.root;
        let host = root.host_str().unwrap_or_default();
        root.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    async fn exchange(&self, request: http::request::Builder, body: Bytes) -> Result<Answer, ApiError> {
        match tokio::time::timeout(TIMEOUT, self.exchange_in_time(request, body)).await {
            Ok(answer) => answer,
            Err(_) => Err(self.unreachable("it did not answer in time")),
        }
    }

    async fn exchange_in_time(
        &self,
        request: http::request::Builder,
        body: Bytes,
    ) -> Result<Answer, ApiError> {
        let request = request.body(Full::new(body)).map_err(|error| self.unreachable(error))?;
        let stream = connect::open(&self.target.root).await.map_err(|error| match error {
            connect::ConnectError::Io(error) => self.unreachable(error),
            connect::ConnectError::Tls(error) => error.into(),
        })?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(stream).await.map_err(|error| self.unreachable(error))?;
        let connection = tokio::spawn(connection);
        let response = sender.send_request(request).await.map_err(|error| self.unreachable(error))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), LARGEST_ANSWER).collect().await;
        connection.abort();
        let body = body.map_err(|error| self.unreachable(error))?.to_bytes();
        Ok(Answer { status, body })
    }

    fn read<T: DeserializeOwned>(&self, answer: &Answer) -> Result<T, ApiError> {
        serde_json::from_slice(&answer.body).map_err(|error| self.not_understood(answer.status, error))
    }

    fn unreachable(&self, reason: impl ToString) -> ApiError {
        ApiError::Unreachable { server: self.target.root.to_string(), reason: reason.to_string() }
    }

    fn not_understood(&self, status: StatusCode, reason: impl ToString) -> ApiError {
        let server = self.target.root.to_string();
        ApiError::NotUnderstood { server, status, reason: reason.to_string() }
    }
}
