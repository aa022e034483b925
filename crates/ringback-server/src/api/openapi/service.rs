//! Whether the service runs, and what describes it: without a token.

use http::{Method, StatusCode};
use ringback_wire::routes;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::ObjectBuilder;

use super::super::health::Ready;
use super::operation::Operation;
use super::parameters::text;
use super::schemas;

const TAG: &str = "Service";

pub(super) fn operations() -> Vec<Operation> {
    vec![
        alive(),
        ready(),
        description(),
        schema(routes::CALLBACK_SCHEMA_PATH, "getCallbackSchema", "The JSON Schema of a callback"),
        schema(routes::PUBLISHED_SCHEMA_PATH, "getPublishedSchema", "The JSON Schema of a published message"),
    ]
}

fn open(path: &'static str, id: &str, summary: &str) -> Operation {
    Operation::new(Method::GET, path, id, summary).tag(TAG).open()
}

fn alive() -> Operation {
    let content = ContentBuilder::new().schema(Some(text())).example(Some("ok".into()));
    open(routes::HEALTH_PATH, "isAlive", "Whether the process is alive").answers_with(
        StatusCode::OK,
        ResponseBuilder::new().description("It is").content("text/plain", content.build()),
    )
}

fn ready() -> Operation {
    let refused = Ready::of(vec!["the store is unavailable".to_owned()], None);
    open(routes::READY_PATH, "isReady", "Whether the service can do its work")
        .answers(StatusCode::OK, "It can", &Ready::of(Vec::new(), None))
        .answers(StatusCode::SERVICE_UNAVAILABLE, "It can't, and why", &refused)
}

fn schema(path: &'static str, id: &str, summary: &str) -> Operation {
    let content = ContentBuilder::new().schema(Some(ObjectBuilder::new()));
    open(path, id, summary).answers_with(
        StatusCode::OK,
        ResponseBuilder::new()
            .description("JSON Schema 2020-12")
            .content(schemas::CONTENT_TYPE, content.build()),
    )
}

fn description() -> Operation {
    let content = ContentBuilder::new().schema(Some(ObjectBuilder::new()));
    open(routes::OPENAPI_PATH, "getDescription", "This description").answers_with(
        StatusCode::OK,
        ResponseBuilder::new().description("OpenAPI 3.1").content("application/json", content.build()),
    )
}
