//! What a handler leaves unread of a request's body is read before the answer goes out, up to a bound.
//!
//! HTTP/1.1 has no way to stop a sender: with bytes still on their way the connection would have to be closed, and who
//! keeps connections for the next request would find it broken, often before having read why. Past the bound that is what
//! happens, and the answer says so (`Connection: close`).

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use http::header::{CONNECTION, EXPECT};
use http::{HeaderMap, HeaderValue};
use http_body_util::BodyExt as _;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::oneshot;

use super::state::ApiState;

/// The middleware.
pub(super) async fn read(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let (body, leftover) = lend(&parts.headers, body);
    let mut response = next.run(Request::from_parts(parts, body)).await;
    leftover.read(&state, &mut response).await;
    response
}

/// A request's body for its handler, and what is left of it when the handler is done.
pub(super) fn lend(headers: &HeaderMap, body: Body) -> (Body, Leftover) {
    if body.is_end_stream() {
        return (body, Leftover(None));
    }
    // Who expects a 100 sends nothing before it, and it comes with the first look at the body.
    let begun = !headers.contains_key(EXPECT);
    let (give_back, given_back) = oneshot::channel();
    (Body::new(Lent { body: Some(body), begun, give_back: Some(give_back) }), Leftover(Some(given_back)))
}

/// See [`lend`].
pub(super) struct Leftover(Option<oneshot::Receiver<Body>>);

impl Leftover {
    /// Reads it, or has the connection closed after the answer.
    pub(super) async fn read(self, state: &ApiState, response: &mut Response) {
        let Some(mut body) = self.0.and_then(|mut given_back| given_back.try_recv().ok()) else { return };
        // Boxed: it is large, and hardly ever anything is left.
        let drained = Box::pin(drain(&mut body, state.limits.drain_bytes));
        if tokio::time::timeout(state.limits.body_timeout, drained).await != Ok(true) {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
    }
}

/// Reads on without keeping anything; whether the end came before `most` bytes.
async fn drain(body: &mut Body, most: usize) -> bool {
    let mut read = 0_usize;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return false };
        read = read.saturating_add(frame.data_ref().map_or(0, Bytes::len));
        if read > most {
            return false;
        }
    }
    true
}

/// A body that comes back when its handler is done with it before its end.
struct Lent {
    body: Option<Body>,
    begun: bool,
    give_back: Option<oneshot::Sender<Body>>,
}

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.begun = true;
        match &mut self.body {
            Some(body) => Pin::new(body).poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(SizeHint::default, HttpBody::size_hint)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if self.begun
            && let Some(body) = self.body.take().filter(|body| !body.is_end_stream())
            && let Some(give_back) = self.give_back.take()
        {
            // Nobody takes it when the request was given up.
            let _ = give_back.send(body);
        }
    }
}
