//! The API as another part of this server asks it: without HTTP in between, and without a token.
//!
//! Who asks has been let in by that part. All else is as for a request from outside: scopes, what is whose, bounds,
//! answers. So what the console shows and does is what the API shows and does, and can't be anything else.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use ringback_wire::v1::FotaV1Result;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tower::ServiceExt as _;

use super::principal::{Admitted, Principal};
use super::state::ApiState;
use super::{finish, public};

/// The API, for a part of this server.
#[derive(Clone)]
pub(crate) struct Inside(Router);

/// The API's way to say no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{status} {code}: {message}")]
pub(crate) struct Refusal {
    /// The status of the answer.
    pub(crate) status: StatusCode,
    /// The contract's error code.
    pub(crate) code: String,
    /// What is wrong, for the caller.
    pub(crate) message: String,
}

impl Inside {
    pub(crate) fn new(state: ApiState) -> Self {
        Self(finish(public().into_router(), state))
    }

    /// Asks for what is at this path.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        who: &Arc<Principal>,
        path: &str,
    ) -> Result<T, Refusal> {
        self.ask(who, Method::GET, path, Body::empty()).await
    }

    /// Has something done.
    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        who: &Arc<Principal>,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Refusal> {
        // Writing one of the wire's models into memory can't fail: their maps have text keys only.
        let body = serde_json::to_vec(body).unwrap_or_default();
        self.ask(who, Method::POST, path, Body::from(body)).await
    }

    /// Has something done that needs nothing said.
    pub(crate) async fn act<T: DeserializeOwned>(
        &self,
        who: &Arc<Principal>,
        method: Method,
        path: &str,
    ) -> Result<T, Refusal> {
        self.ask(who, method, path, Body::empty()).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        who: &Arc<Principal>,
        method: Method,
        path: &str,
        body: Body,
    ) -> Result<T, Refusal> {
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().map_err(|_| Refusal::not_found())?;
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        request.extensions_mut().insert(Admitted(who.clone()));
        let Ok(response) = self.0.clone().oneshot(request).await;
        let status = response.status();
        let bytes = response.into_body().collect().await.map_err(|_| Refusal::unexpected())?.to_bytes();
        if status.is_success() {
            return serde_json::from_slice(&bytes).map_err(|error| {
                tracing::error!(%error, "the API's own answer could not be read");
                Refusal::unexpected()
            });
        }
        let said: FotaV1Result = serde_json::from_slice(&bytes).map_err(|_| Refusal::unexpected())?;
        Err(Refusal { status, code: said.error_code, message: said.error_message })
    }
}

impl Refusal {
    /// As for what does not exist.
    pub(crate) fn not_found() -> Self {
        Self::of(&super::problem::Problem::not_found())
    }

    /// As for our own faults.
    pub(crate) fn unexpected() -> Self {
        Self::of(&super::problem::Problem::unexpected())
    }

    /// What this problem would have said.
    pub(super) fn of(problem: &super::problem::Problem) -> Self {
        let said = problem.body();
        Self { status: problem.status(), code: said.error_code, message: said.error_message }
    }
}

impl From<ringback_store::StoreError> for Refusal {
    fn from(error: ringback_store::StoreError) -> Self {
        Self::of(&error.into())
    }
}
