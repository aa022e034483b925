//! What every page's answer bears, and which requests no page answers.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, ORIGIN, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

/// Only what this server serves, and nothing inline.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

const HEADERS: [(HeaderName, HeaderValue); 7] = [
    (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), geolocation=(), microphone=()"),
    ),
];

/// Refuses what another site sent, and adds the headers.
pub(super) async fn take(request: Request, next: Next) -> Response {
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD);
    let mut response = if changes && is_from_elsewhere(request.headers()) {
        (StatusCode::FORBIDDEN, "this was sent by a page of another site\n").into_response()
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    headers.extend(HEADERS);
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Whether a browser says that another site's page sent the request. (A session's forms bear a token beside; the log-in
/// has no session yet.)
fn is_from_elsewhere(headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site != "same-origin" && site != "none";
    }
    // Older browsers. A proxy may have changed the host's name, but not to one that another site has.
    let Some(origin) = headers.get(ORIGIN) else { return false };
    let authority = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    authority.is_none_or(|(_, authority)| Some(authority) != host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(with: &[(&'static str, &'static str)]) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static("127.0.0.1:8080"));
        for (name, value) in with {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        !is_from_elsewhere(&headers)
    }

    #[test]
    fn what_another_site_sends_is_known_by_what_the_browser_says() {
        assert!(sent(&[]));
        assert!(sent(&[("sec-fetch-site", "same-origin")]));
        assert!(sent(&[("sec-fetch-site", "none")]));
        assert!(!sent(&[("sec-fetch-site", "cross-site")]));
        assert!(!sent(&[("sec-fetch-site", "same-site"), ("origin", "http://127.0.0.1:8080")]));
        assert!(sent(&[("origin", "http://127.0.0.1:8080")]));
        assert!(!sent(&[("origin", "http://127.0.0.1:8081")]));
        assert!(!sent(&[("origin", "http://evil.example")]));
        assert!(!sent(&[("origin", "null")]));
    }
}
