//! Passing callbacks on to a program on this machine, or anywhere: the bytes and the headers as they came, and the
//! answer back.

use std::time::Duration;

use anyhow::Context as _;
use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, StatusCode};
use ringback_client::reqwest;
use url::Url;

use super::Forwarded;
use crate::failure::{Failure, Outcome};

/// For the whole exchange: as long as Ringback waits for an answer.
const TIMEOUT: Duration = Duration::from_secs(15);
/// The most of an answer's body that is passed back, in bytes; Ringback keeps less of it.
const LARGEST_ANSWER: usize = 64 << 10;
/// What the names of the headers begin with that are passed on; and the content type.
const PASSED_ON: [&str; 2] = ["webhook-", "ringback-"];

/// Where callbacks are passed on to.
#[derive(Clone)]
pub(crate) struct Forward {
    http: reqwest::Client,
    url: Url,
}

impl Forward {
    /// To this URL; redirects are not followed, and no proxy is used.
    pub(crate) fn to(url: &str) -> Outcome<Self> {
        let url: Url = url
            .parse()
            .ok()
            .filter(|url: &Url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or_else(|| Failure::usage("--forward wants a URL, http:// or https:// and a host"))?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls()?)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(TIMEOUT)
            .build()
            .context("callbacks can't be passed on")?;
        Ok(Self { http, url })
    }

    /// Passes one on: what came of it, and what to answer. Without an answer that is 502, which Ringback takes as the
    /// endpoint's failure.
    pub(crate) async fn pass_on(&self, fields: &HeaderMap, body: Bytes) -> (Forwarded, Response) {
        let mut headers: HeaderMap = fields
            .iter()
            .filter(|(name, _)| PASSED_ON.iter().any(|prefix| name.as_str().starts_with(prefix)))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let json = HeaderValue::from_static("application/json");
        headers.insert(CONTENT_TYPE, fields.get(CONTENT_TYPE).cloned().unwrap_or(json));
        match self.exchange(headers, body).await {
            Ok(answer) => (Forwarded::Answered(answer.status()), answer),
            Err(error) => {
                let reason = format!("{:#}", anyhow::Error::new(error.without_url()));
                (Forwarded::Unanswered(reason), StatusCode::BAD_GATEWAY.into_response())
            }
        }
    }

    async fn exchange(&self, headers: HeaderMap, body: Bytes) -> Result<Response, reqwest::Error> {
        let mut came = self.http.post(self.url.clone()).headers(headers).body(body).send().await?;
        let mut excerpt = BytesMut::new();
        while let Some(chunk) = came.chunk().await? {
            let room = LARGEST_ANSWER - excerpt.len();
            excerpt.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if chunk.len() >= room {
                break;
            }
        }
        let mut answer = Response::new(Body::from(excerpt.freeze()));
        *answer.status_mut() = came.status();
        for name in [CONTENT_TYPE, RETRY_AFTER] {
            if let Some(value) = came.headers().get(&name) {
                answer.headers_mut().insert(name, value.clone());
            }
        }
        Ok(answer)
    }
}

fn tls() -> Outcome<rustls::ClientConfig> {
    let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .context("TLS can't be set up")?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
