//! A request as it is sent: signed after Standard Webhooks, with the headers that every one bears.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use ringback_wire::headers;
use ringback_wire::signature::SigningKey;

use super::{CallbackUrl, OutgoingCallback};

const WEBHOOK_ID: HeaderName = HeaderName::from_static(headers::WEBHOOK_ID);
const WEBHOOK_TIMESTAMP: HeaderName = HeaderName::from_static(headers::WEBHOOK_TIMESTAMP);
const WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static(headers::WEBHOOK_SIGNATURE);
const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// What every request says that it comes from.
pub(crate) const AGENT: HeaderValue =
    HeaderValue::from_static(concat!("Ringback/", env!("CARGO_PKG_VERSION")));

/// Signs `body` as `id` at `timestamp`, in whole Unix seconds.
pub fn signed(
    url: &Arc<CallbackUrl>,
    key: &SigningKey,
    id: &str,
    timestamp: i64,
    body: Bytes,
) -> OutgoingCallback {
    let signature = key.sign(id, timestamp, &body);
    let mut headers = HeaderMap::with_capacity(10);
    headers.insert(CONTENT_TYPE, JSON);
    headers.insert(USER_AGENT, AGENT);
    headers.insert(WEBHOOK_TIMESTAMP, HeaderValue::from(timestamp));
    for (name, text) in [(WEBHOOK_ID, id), (WEBHOOK_SIGNATURE, &signature)] {
        // Both are letters, digits and a few signs: always a header's value.
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(name, value);
        }
    }
    OutgoingCallback { account: None, url: url.clone(), headers, body }
}
