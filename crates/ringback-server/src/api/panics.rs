//! A handler that panics is a 500 that says nothing, not a broken connection.

use std::convert::Infallible;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use tower::{Layer, Service};

use super::problem::Problem;

/// Puts [`Catching`] around a service.
#[derive(Clone, Copy)]
pub(super) struct CatchPanics;

impl<S> Layer<S> for CatchPanics {
    type Service = Catching<S>;

    fn layer(&self, inner: S) -> Catching<S> {
        Catching(inner)
    }
}

/// A service whose panics are answered with 500. The panic itself is printed by the process's hook.
#[derive(Clone)]
pub(super) struct Catching<S>(S);

impl<S> Service<Request> for Catching<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Caught<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        Caught(Some(Box::pin(self.0.call(request))))
    }
}

/// The future of [`Catching`].
pub(super) struct Caught<F>(Option<Pin<Box<F>>>);

/// The answer, or a 500 where making it panics.
///
/// No `async fn`: that would keep a place for the answer's future twice.
pub(super) fn caught(answer: impl Future<Output = Response>) -> impl Future<Output = Response> {
    AssertUnwindSafe(answer).catch_unwind().map(|answered| answered.unwrap_or_else(|_| panicked()))
}

fn panicked() -> Response {
    tracing::error!("a request handler panicked");
    Problem::unexpected().into_response()
}

impl<F: Future<Output = Result<Response, Infallible>>> Future for Caught<F> {
    type Output = Result<Response, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(inner) = self.0.as_mut() else { return Poll::Pending };
        // What a panic leaves behind is dropped here and never polled again.
        match catch_unwind(AssertUnwindSafe(|| inner.as_mut().poll(cx))) {
            Ok(polled) => polled,
            Err(_) => {
                self.0 = None;
                Poll::Ready(Ok(panicked()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use axum::Router;
    use axum::body::Body;
    use axum::routing::get;
    use http::StatusCode;
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    async fn fails() -> Response {
        panic!("a secret")
    }

    #[tokio::test]
    async fn a_panic_is_a_500_that_says_nothing() {
        let router = Router::new().route("/", get(fails)).layer(CatchPanics);
        let response = router.oneshot(Request::new(Body::empty())).await.unwrap();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert!(!String::from_utf8_lossy(&body).contains("secret"));
        assert_eq!(caught(fails()).await.status(), StatusCode::INTERNAL_SERVER_ERROR);
    }
}
