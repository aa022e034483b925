//! How a request is refused: one response for each status, with each refusal as an example of it.

use std::collections::BTreeMap;

use http::{HeaderMap, StatusCode};
use ringback_wire::auth::{OAuthError, OAuthErrorCode};
use ringback_wire::schema::never_null;
use ringback_wire::v1::FotaV1Result;
use serde_json::Value;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Header, Ref};
use utoipa::{PartialSchema, ToSchema};

use super::super::oauth::OAuthProblem;
use super::super::problem::Problem;
use super::operation::Schemas;

/// One way to say no.
pub(super) struct Refusal {
    status: StatusCode,
    /// Its name among the examples.
    code: String,
    message: String,
    body: Value,
    headers: HeaderMap,
    schema: &'static str,
}

const OAUTH_ERROR: &str = "OAuthError";
const ERROR: &str = "FotaV1Result";

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        let FotaV1Result { error_code, error_message } = problem.body();
        Self {
            status: problem.status(),
            body: serde_json::to_value(problem.body()).unwrap_or_default(),
            headers: problem.headers(),
            code: error_code,
            message: error_message,
            schema: ERROR,
        }
    }
}

impl From<OAuthProblem> for Refusal {
    fn from(problem: OAuthProblem) -> Self {
        let OAuthError { error, error_description } = problem.body();
        Self {
            status: problem.status(),
            body: serde_json::to_value(problem.body()).unwrap_or_default(),
            headers: problem.headers(),
            code: error.as_str().to_owned(),
            message: error_description.unwrap_or_default(),
            schema: OAUTH_ERROR,
        }
    }
}

/// The refusals of an operation, by status.
#[derive(Default)]
pub(super) struct Refusals(BTreeMap<StatusCode, Vec<Refusal>>);

impl Extend<Refusal> for Refusals {
    fn extend<I: IntoIterator<Item = Refusal>>(&mut self, refusals: I) {
        for refusal in refusals {
            self.0.entry(refusal.status).or_default().push(refusal);
        }
    }
}

impl Refusals {
    /// A response for each status.
    pub(super) fn responses(&self) -> impl Iterator<Item = (StatusCode, Response)> {
        self.0.iter().map(|(status, refusals)| (*status, response(*status, refusals)))
    }

    /// The schemas of their bodies.
    pub(super) fn schemas(&self) -> Schemas {
        let mut schemas = Schemas::new();
        for refusal in self.0.values().flatten() {
            let schema = match refusal.schema {
                OAUTH_ERROR => {
                    schemas.push((OAuthErrorCode::name().into_owned(), OAuthErrorCode::schema()));
                    OAuthError::schema()
                }
                _ => FotaV1Result::schema(),
            };
            schemas.push((refusal.schema.to_owned(), never_null(schema)));
        }
        schemas
    }
}

fn response(status: StatusCode, refusals: &[Refusal]) -> Response {
    let mut examples: Vec<(String, ExampleBuilder)> = Vec::new();
    let mut response = ResponseBuilder::new();
    for refusal in refusals {
        let alike = examples.iter().filter(|(name, _)| name.starts_with(&refusal.code)).count();
        let name = if alike == 0 { refusal.code.clone() } else { format!("{}-{}", refusal.code, alike + 1) };
        let example = ExampleBuilder::new().summary(&refusal.message).value(Some(refusal.body.clone()));
        examples.push((name, example));
        for name in refusal.headers.keys() {
            response = response.header(name.as_str(), header(name.as_str()));
        }
    }
    let schema = refusals.first().map_or(ERROR, |refusal| refusal.schema);
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name(schema)))
        .examples_from_iter(examples.into_iter().map(|(name, example)| (name, example.build())));
    response
        .description(status.canonical_reason().unwrap_or_default())
        .content("application/json", content.build())
        .build()
}

/// What the headers of answers say.
pub(super) fn header(name: &str) -> Header {
    let text = ObjectBuilder::new().schema_type(Type::String);
    let (schema, description) = match name {
        "retry-after" => (
            ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0_u64)),
            "When to come again, in seconds from now.",
        ),
        "www-authenticate" => {
            (text, "How to say who one is: `Basic` with a client's id and secret, or `Bearer`.")
        }
        "cache-control" => (text.enum_values(Some(["no-store"])), "What holds a token is kept by no cache."),
        _ => (text, "The same for old caches."),
    };
    HeaderBuilder::new().schema(Some(schema)).description(Some(description)).build()
}
