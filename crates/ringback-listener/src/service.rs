//! The listener as a tower service: from an HTTP request to its answer.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use tower_service::Service;

use crate::listener::Inner;
use crate::{BoxError, Callback, Failure, Listener, Rejection};

/// The answer to a request, as a future. It never fails: what goes wrong is a status.
pub type ResponseFuture = Pin<Box<dyn Future<Output = Result<Response<Full<Bytes>>, Infallible>> + Send>>;

impl<B> Service<Request<B>> for Listener
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> ResponseFuture {
        let listener = self.clone();
        Box::pin(async move { Ok(listener.respond(request).await) })
    }
}

impl Listener {
    async fn respond<B>(&self, request: Request<B>) -> Response<Full<Bytes>>
    where
        B: Body + Send,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        match self.inner.take(request).await {
            Err(rejection) => {
                tracing::warn!(%rejection, "a request was refused");
                if let Some(hook) = &self.inner.settings.on_rejection {
                    hook(&rejection);
                }
                refused(&rejection)
            }
            Ok(callback) => match self.deliver(callback).await {
                Ok(()) => answer(StatusCode::NO_CONTENT, ""),
                Err(failure) => {
                    if let Failure::Busy(_) = failure {
                        tracing::warn!(%failure, "a callback has to wait");
                    }
                    answer(failure.status(), failure.public_text())
                }
            },
        }
    }
}

impl Inner {
    /// Reads and checks a request. The check needs the whole body, so that it is bounded first.
    async fn take<B>(&self, request: Request<B>) -> Result<Callback, Rejection>
    where
        B: Body + Send,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        let (head, body) = request.into_parts();
        if head.method != Method::POST {
            return Err(Rejection::Method(head.method));
        }
        let body = self.read(body).await?;
        Callback::read(&head.headers, body, &self.check, self.clock.unix_seconds())
    }

    async fn read<B>(&self, body: B) -> Result<Bytes, Rejection>
    where
        B: Body + Send,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        let limit = self.settings.body_limit;
        // One that says beforehand how large it is need not be read for that.
        if body.size_hint().lower() > limit as u64 {
            return Err(Rejection::TooLarge(limit));
        }
        let timeout = self.settings.body_timeout;
        let end = self.clock.elapsed().saturating_add(timeout);
        let whole = tokio::select! {
            biased;
            whole = Limited::new(body, limit).collect() => whole,
            () = self.clock.sleep_until(end) => return Err(Rejection::TooSlow(timeout)),
        };
        match whole {
            Ok(whole) => Ok(whole.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => Err(Rejection::TooLarge(limit)),
            Err(error) => Err(Rejection::BrokenOff(error)),
        }
    }
}

fn refused(rejection: &Rejection) -> Response<Full<Bytes>> {
    let mut response = answer(rejection.status(), rejection.public_text());
    if let Rejection::Method(_) = rejection {
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
    }
    response
}

fn answer(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    if !text.is_empty() {
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    }
    response
}
