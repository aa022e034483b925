//! What came back: the result with the response around it.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

/// The answer to a call that was done: its result, and the HTTP response that it was read from.
///
/// `Debug` shows neither headers nor body, which may hold secrets.
#[derive(Clone)]
#[non_exhaustive]
pub struct ApiResponse<T> {
    /// What the body says.
    pub result: T,
    /// The HTTP status, a 2xx.
    pub status_code: StatusCode,
    /// The response's headers.
    pub headers: HeaderMap,
    /// The body as it came.
    pub body: Bytes,
}

impl<T> ApiResponse<T> {
    pub(crate) fn new(result: T, response: &RawResponse) -> Self {
        Self {
            result,
            status_code: response.status_code(),
            headers: response.headers().clone(),
            body: response.body().clone(),
        }
    }

    /// The result alone.
    pub fn into_result(self) -> T {
        self.result
    }
}

impl<T: fmt::Debug> fmt::Debug for ApiResponse<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiResponse")
            .field("result", &self.result)
            .field("status_code", &self.status_code)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// A response as it came, of which an error tells. Cheap to clone.
///
/// `Debug` shows neither headers nor body, which may hold secrets.
#[derive(Clone)]
pub struct RawResponse(Arc<Parts>);

struct Parts {
    status_code: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl RawResponse {
    pub(crate) fn new(status_code: StatusCode, headers: HeaderMap, body: Bytes) -> Self {
        Self(Arc::new(Parts { status_code, headers, body }))
    }

    /// The HTTP status.
    #[must_use]
    pub fn status_code(&self) -> StatusCode {
        self.0.status_code
    }

    /// The headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.0.headers
    }

    /// The body as it came.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.0.body
    }
}

impl fmt::Debug for RawResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawResponse")
            .field("status_code", &self.0.status_code)
            .field("body_bytes", &self.0.body.len())
            .finish_non_exhaustive()
    }
}
