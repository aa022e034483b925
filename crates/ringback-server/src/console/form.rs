//! A form that was sent: read within bounds, and known to be one of the visitor's.

use axum::extract::{FromRequest, Request};
use axum::response::Response;
use http::StatusCode;
use http_body_util::{BodyExt as _, Limited};

use super::visitor::Visitor;
use super::{Console, refused};

/// The largest form, in bytes.
const MOST_BYTES: usize = 16 << 10;
/// The field that bears the session's token.
pub(super) const TOKEN_FIELD: &str = "form_token";

/// A form's fields.
#[derive(Debug)]
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    /// What stands in a field; empty when it is not there.
    pub(super) fn field(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// What stands in a field, if something does.
    pub(super) fn filled(&self, name: &str) -> Option<&str> {
        Some(self.field(name)).filter(|value| !value.is_empty())
    }

    /// Whether it is one of the visitor's session.
    pub(super) fn is_of(&self, visitor: &Visitor, console: &Console) -> bool {
        visitor.session.has_form(console.0.api.store.vault(), self.field(TOKEN_FIELD))
    }
}

/// 403 for a form that is not of the visitor's session.
pub(super) fn stray(visitor: &Visitor) -> Response {
    let message =
        "This form is not of your present session. Go back, load the page again, and send it from there.";
    refused::because(visitor, StatusCode::FORBIDDEN, message)
}

impl<S: Sync> FromRequest<S> for Form {
    type Rejection = StatusCode;

    async fn from_request(request: Request, _: &S) -> Result<Self, StatusCode> {
        let body = Limited::new(request.into_body(), MOST_BYTES);
        // How long it may take is bounded by whoever reads the head and drains the rest.
        let read = tokio::time::timeout(std::time::Duration::from_secs(30), body.collect()).await;
        let bytes = match read {
            Ok(Ok(read)) => read.to_bytes(),
            Ok(Err(_)) => return Err(StatusCode::PAYLOAD_TOO_LARGE),
            Err(_) => return Err(StatusCode::REQUEST_TIMEOUT),
        };
        Ok(Self(url::form_urlencoded::parse(&bytes).into_owned().collect()))
    }
}
