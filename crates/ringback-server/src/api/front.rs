//! The way of a request from its connection to its handler. Publishes, of which there are most, go straight there; all others
//! through the router, each of whose layers is a call by pointer and two allocations more.
//!
//! The promise: which way it goes makes no difference to an answer.

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Method, Request};
use hyper::body::Body as HttpBody;
use ringback_wire::routes;
use tower::Service as _;

use super::peer::Peer;
use super::state::ApiState;
use super::{leftover, panics, publish, request_log};

/// What answers at an address. A clone is the same.
#[derive(Clone)]
pub struct Front {
    router: Router,
    /// For an address at which messages are published.
    publishing: Option<ApiState>,
}

impl Front {
    /// Answers as these routes do.
    pub fn of(router: Router) -> Self {
        Self { router, publishing: None }
    }

    /// The same, where publishing is among them.
    pub fn with_publishing(self, state: ApiState) -> Self {
        Self { publishing: Some(state), ..self }
    }

    /// Answers a request; `peer` tells who sent it.
    pub async fn answer<B>(&self, mut request: Request<B>, peer: impl FnOnce(&HeaderMap) -> Peer) -> Response
    where
        B: HttpBody<Data = Bytes, Error: Into<axum::BoxError>> + Send + 'static,
    {
        if let Some(state) = self.publishing.as_ref().filter(|_| is_publish(&request)) {
            let (parts, body) = request.into_parts();
            return publish_here(state, parts, Body::new(body)).await;
        }
        let peer = peer(request.headers());
        request.extensions_mut().insert(peer);
        match self.router.clone().call(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}

/// What is to be told of in the log has its layer in the router.
fn is_publish<B>(request: &Request<B>) -> bool {
    request.method() == Method::POST && request.uri().path() == routes::MESSAGES_PATH && !request_log::tells()
}

/// With the precautions that the router takes.
fn publish_here(state: &ApiState, parts: Parts, body: Body) -> impl Future<Output = Response> {
    panics::caught(async move {
        let (body, leftover) = leftover::lend(&parts.headers, body);
        let mut response = publish::publish_directly(state, parts, body).await;
        leftover.read(state, &mut response).await;
        response
    })
}
