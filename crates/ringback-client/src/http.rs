//! One HTTP exchange: a request out, a whole and bounded response back, within a time. And the same with retries.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method};

use crate::environment::BaseUrl;
use crate::retry::{RetrySettings, jitter, retry_after};
use crate::{Error, InvalidArgument, RawResponse, wall_clock};

/// The client's way to the server.
pub(crate) struct Http {
    pub(crate) client: reqwest::Client,
    pub(crate) base: BaseUrl,
    /// For one exchange, from the connection to the body's last byte.
    pub(crate) timeout: Duration,
    pub(crate) max_response_bytes: usize,
    pub(crate) retry: RetrySettings,
}

/// A request, ready to be sent any number of times.
pub(crate) struct Request<'a> {
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) path: &'a str,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) timeout: Duration,
    pub(crate) max_response_bytes: usize,
    /// Whether sending it twice does no harm, whatever its method.
    pub(crate) repeatable: bool,
}

impl Request<'_> {
    /// Method and path, for errors.
    pub(crate) fn name(&self) -> Box<str> {
        name(&self.method, self.path)
    }
}

/// A method and a path without its query.
pub(crate) fn name(method: &Method, path: &str) -> Box<str> {
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    format!("{method} {path}").into()
}

/// Without the HTTP client, whose proxies and default headers can hold secrets.
impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http")
            .field("base", &self.base)
            .field("timeout", &self.timeout)
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}

impl Http {
    /// Sends a request as often as the settings allow, and gives the last response, whatever its status.
    pub(crate) async fn send(
        &self,
        request: &Request<'_>,
        retry: &RetrySettings,
    ) -> Result<RawResponse, Error> {
        let may = request.repeatable || retry.has_method(&request.method);
        let mut retries = 0;
        loop {
            let outcome = self.exchange(request).await;
            let asked = match &outcome {
                Ok(response) if may && retry.has_status(response.status_code()) => {
                    retry_after(response.headers(), wall_clock::now())
                }
                Err(Error::Transport { .. } | Error::Timeout { .. }) if may => None,
                _ => return outcome,
            };
            let Some(wait) = retry.wait(retries, jitter(), asked) else { return outcome };
            retries += 1;
            tokio::time::sleep(wait).await;
        }
    }

    async fn exchange(&self, request: &Request<'_>) -> Result<RawResponse, Error> {
        let exchange = self.exchange_at_leisure(request);
        match tokio::time::timeout(request.timeout, exchange).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Error::Timeout { request: request.name(), after: request.timeout }),
        }
    }

    async fn exchange_at_leisure(&self, request: &Request<'_>) -> Result<RawResponse, Error> {
        let url =
            self.base.join(request.path).map_err(|error| InvalidArgument::new("path", error.to_string()))?;
        let mut outgoing = reqwest::Request::new(request.method.clone(), url);
        *outgoing.headers_mut() = request.headers.clone();
        if !request.body.is_empty() {
            *outgoing.body_mut() = Some(request.body.clone().into());
        }
        let failed = |error: reqwest::Error| Error::Transport {
            request: request.name(),
            source: Arc::new(error.without_url()),
        };
        let mut response = self.client.execute(outgoing).await.map_err(failed)?;
        let status_code = response.status();
        let limit = request.max_response_bytes;
        let too_large = || Error::BodyTooLarge { request: request.name(), status_code, limit };
        if response.content_length().is_some_and(|length| length > limit as u64) {
            return Err(too_large());
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > limit {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        let headers = std::mem::take(response.headers_mut());
        Ok(RawResponse::new(status_code, headers, body.freeze()))
    }
}
