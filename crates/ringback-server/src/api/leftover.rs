//! What a handler leaves unread of a request's body is read before the answer goes out, up to a bound.
//!
//! HTTP/1.1 has no way to stop a sender: with bytes still on their way the connection would have to be closed, and who
//! keeps connections for the next request would find it broken, often before having read why. Past the bound that is what
//! happens, and the answer says so (`Connection: close`).

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use http::HeaderValue;
use http::header::{CONNECTION, EXPECT};
use http_body_util::BodyExt as _;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::oneshot;

use super::state::ApiState;

/// The middleware.
pub(super) async fn read(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    read_after(&state, request, |request| next.run(request)).await
}

/// The answer, once what it leaves unread is read.
pub(super) async fn read_after<F: Future<Output = Response>>(
    state: &ApiState,
    request: Request,
    answer: impl FnOnce(Request) -> F,
) -> Response {
    if request.body().is_end_stream() {
        return answer(request).await;
    }
    // Who expects a 100 sends nothing before it, and it comes with the first look at the body.
    let begun = !request.headers().contains_key(EXPECT);
    let (give_back, mut given_back) = oneshot::channel();
    let lend = |body| Body::new(Lent { body: Some(body), begun, give_back: Some(give_back) });
    let mut response = answer(request.map(lend)).await;
    if let Ok(mut body) = given_back.try_recv() {
        let drained = drain(&mut body, state.limits.drain_bytes);
        if tokio::time::timeout(state.limits.body_timeout, drained).await != Ok(true) {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
    }
    response
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
