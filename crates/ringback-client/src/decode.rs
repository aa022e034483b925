//! From responses to results and errors, and from models to bodies.

use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use ringback_wire::v1::FotaV1Result;
use serde::Serialize;
use serde::de::{DeserializeOwned, Error as _};

use crate::{AuthenticationError, Error, InvalidArgument, RawResponse};

/// A response that is a 2xx, or the error that it is.
pub(crate) fn success(request: &str, response: RawResponse) -> Result<RawResponse, Error> {
    let status = response.status_code();
    if status.is_success() {
        return Ok(response);
    }
    let request = request.into();
    let result: Option<Box<FotaV1Result>> = serde_json::from_slice(response.body()).ok().map(Box::new);
    Err(match (status, result) {
        (StatusCode::BAD_REQUEST, Some(result)) => Error::BadRequest { request, result, response },
        (StatusCode::UNAUTHORIZED, result) => {
            AuthenticationError::Unauthorized { request, result, response }.into()
        }
        (_, result) => Error::Status { request, result, response },
    })
}

/// Reads a body.
pub(crate) fn json<T: DeserializeOwned>(request: &str, response: &RawResponse) -> Result<T, Error> {
    serde_json::from_slice(response.body()).map_err(|error| unreadable(request, response, error))
}

/// Reads a body that may hold a secret: what is wrong with it is told without quoting from it.
pub(crate) fn secret<T: DeserializeOwned>(request: &str, response: &RawResponse) -> Result<T, Error> {
    serde_json::from_slice(response.body()).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let place = format!("not the expected JSON, at line {line} column {column}");
        unreadable(request, response, serde_json::Error::custom(place))
    })
}

pub(crate) fn unreadable(request: &str, response: &RawResponse, error: serde_json::Error) -> Error {
    Error::UnreadableBody { request: request.into(), response: response.clone(), source: Arc::new(error) }
}

/// Writes a body.
pub(crate) fn to_json(model: &impl Serialize) -> Result<Bytes, InvalidArgument> {
    serde_json::to_vec(model)
        .map(Bytes::from)
        .map_err(|error| InvalidArgument::new("body", format!("can't be written as JSON: {error}")))
}
