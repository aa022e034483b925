//! The style, the script and the icon: in the program, under names that change with them, so that a browser may keep them.

use std::sync::OnceLock;

use axum::body::Body;
use axum::extract::Path;
use axum::response::{IntoResponse as _, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, StatusCode};
use sha2::{Digest as _, Sha256};

/// One of them.
pub(super) struct Asset {
    name: &'static str,
    ending: &'static str,
    content_type: &'static str,
    bytes: &'static [u8],
    path: OnceLock<String>,
}

/// The style.
pub(super) static STYLE: Asset =
    Asset::new("console", "css", "text/css; charset=utf-8", include_bytes!("assets/console.css"));
/// The script.
pub(super) static SCRIPT: Asset =
    Asset::new("console", "js", "text/javascript; charset=utf-8", include_bytes!("assets/console.js"));
/// The icon.
pub(super) static ICON: Asset = Asset::new("icon", "svg", "image/svg+xml", include_bytes!("assets/icon.svg"));

impl Asset {
    const fn new(
        name: &'static str,
        ending: &'static str,
        content_type: &'static str,
        bytes: &'static [u8],
    ) -> Self {
        Self { name, ending, content_type, bytes, path: OnceLock::new() }
    }

    /// Where it is.
    pub(super) fn path(&self) -> &str {
        self.path.get_or_init(|| {
            let hash = Sha256::digest(self.bytes);
            let hash: String = hash.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
            format!("/console/assets/{}-{hash}.{}", self.name, self.ending)
        })
    }
}

/// Any of them; nothing is secret in them.
pub(super) async fn serve(Path(file): Path<String>) -> Response {
    let asset = [&STYLE, &SCRIPT, &ICON]
        .into_iter()
        .find(|asset| asset.path().strip_prefix("/console/assets/") == Some(&file));
    let Some(asset) = asset else { return StatusCode::NOT_FOUND.into_response() };
    let mut response = Response::new(Body::from(asset.bytes));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(asset.content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
