//! What no route takes: 404 and 405, in the form of error that the path's family has.

use axum::response::{IntoResponse as _, Response};
use http::{Method, StatusCode, Uri};
use ringback_wire::error_code;

use super::answer;
use super::oauth::OAuthProblem;
use super::problem::Problem;

/// There is no such path.
pub(super) async fn not_found(uri: Uri) -> Response {
    if speaks_oauth(&uri) {
        return OAuthProblem::with_status(StatusCode::NOT_FOUND, "there is nothing at this address")
            .into_response();
    }
    Problem::not_found().into_response()
}

/// The path has no such method. The router adds `Allow`, which is also the whole answer to OPTIONS.
pub(super) async fn method_not_allowed(method: Method, uri: Uri) -> Response {
    if method == Method::OPTIONS {
        return answer::empty(StatusCode::NO_CONTENT);
    }
    let message = "this address does not take this method; the Allow header names those that it takes";
    if speaks_oauth(&uri) {
        return OAuthProblem::with_status(StatusCode::METHOD_NOT_ALLOWED, message).into_response();
    }
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, error_code::METHOD_NOT_ALLOWED, message).into_response()
}

fn speaks_oauth(uri: &Uri) -> bool {
    uri.path().starts_with("/api/ts/")
}
