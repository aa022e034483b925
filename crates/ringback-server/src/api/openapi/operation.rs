//! One operation, written down: what it is for, who may, what it takes, and every way it can be answered.

use std::borrow::Cow;
use std::collections::BTreeMap;

use http::{Method, StatusCode};
use ringback_wire::schema::never_null;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::content::{Content, ContentBuilder};
use utoipa::openapi::link::LinkBuilder;
use utoipa::openapi::path::{HttpMethod, Operation as Written, OperationBuilder, Parameter};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{ArrayBuilder, Schema};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{Ref, RefOr, Required};

use super::answers::{Refusal, Refusals};

/// The schemas that operations refer to, by name.
pub(super) type Schemas = Vec<(String, RefOr<Schema>)>;

/// One operation.
pub(super) struct Operation {
    pub(super) method: HttpMethod,
    pub(super) path: &'static str,
    written: OperationBuilder,
    description: Vec<Cow<'static, str>>,
    answers: BTreeMap<StatusCode, ResponseBuilder>,
    refusals: Refusals,
    schemas: Schemas,
}

impl Operation {
    /// The operation of a route: `id` is its name for programs, `summary` for people.
    pub(super) fn new(method: Method, path: &'static str, id: &str, summary: &str) -> Self {
        Self {
            method: written_method(&method),
            path,
            written: OperationBuilder::new().operation_id(Some(id)).summary(Some(summary)),
            description: Vec::new(),
            answers: BTreeMap::new(),
            refusals: Refusals::default(),
            schemas: Vec::new(),
        }
    }

    /// What is worth knowing; a paragraph.
    pub(super) fn says(mut self, description: impl Into<Cow<'static, str>>) -> Self {
        self.description.push(description.into());
        self
    }

    pub(super) fn tag(mut self, tag: &str) -> Self {
        self.written = self.written.tag(tag);
        self
    }

    pub(super) fn needs(mut self, requirements: Vec<SecurityRequirement>) -> Self {
        self.written = self.written.securities(Some(requirements));
        self
    }

    pub(super) fn parameter(mut self, parameter: Parameter) -> Self {
        self.written = self.written.parameter(parameter);
        self
    }

    pub(super) fn parameters(self, parameters: impl IntoIterator<Item = Parameter>) -> Self {
        parameters.into_iter().fold(self, Self::parameter)
    }

    /// A JSON body, with an example.
    pub(super) fn takes<T: ToSchema>(self, description: &str, example: Value) -> Self {
        self.takes_json::<T>(description, example, Required::True)
    }

    /// A JSON body that can be left out, with an example.
    pub(super) fn may_take<T: ToSchema>(self, description: &str, example: Value) -> Self {
        self.takes_json::<T>(description, example, Required::False)
    }

    fn takes_json<T: ToSchema>(mut self, description: &str, example: Value, required: Required) -> Self {
        let schema = self.request_schema::<T>();
        let content = ContentBuilder::new().schema(Some(schema)).example(Some(example)).build();
        self.takes_contents(description, [("application/json", content)], required)
    }

    /// A body of one of these types.
    pub(super) fn takes_contents(
        mut self,
        description: &str,
        contents: impl IntoIterator<Item = (&'static str, Content)>,
        required: Required,
    ) -> Self {
        let mut body = RequestBodyBuilder::new().description(Some(description)).required(Some(required));
        for (media_type, content) in contents {
            body = body.content(media_type, content);
        }
        self.written = self.written.request_body(Some(body.build()));
        self
    }

    /// An answer of JSON, which this is an example of.
    pub(super) fn answers<T: ToSchema + Serialize>(
        mut self,
        status: StatusCode,
        description: &str,
        example: &T,
    ) -> Self {
        let schema = self.schema::<T>();
        self.answers_json(status, description, schema.into(), example)
    }

    /// An answer of a JSON array.
    pub(super) fn answers_list<T: ToSchema + Serialize>(
        mut self,
        status: StatusCode,
        description: &str,
        example: &[T],
    ) -> Self {
        let schema = Schema::from(ArrayBuilder::new().items(self.schema::<T>()));
        self.answers_json(status, description, schema.into(), &example)
    }

    fn answers_json(
        self,
        status: StatusCode,
        description: &str,
        schema: RefOr<Schema>,
        example: &impl Serialize,
    ) -> Self {
        let example = serde_json::to_value(example).ok();
        let content = ContentBuilder::new().schema(Some(schema)).example(example).build();
        self.answers_with(
            status,
            ResponseBuilder::new().description(description).content("application/json", content),
        )
    }

    /// Another answer.
    pub(super) fn answers_with(mut self, status: StatusCode, response: ResponseBuilder) -> Self {
        self.answers.insert(status, response);
        self
    }

    /// What can be done next: the operation of that name, with a field of the answer as its parameter.
    pub(super) fn leads_to(mut self, status: StatusCode, id: &str, parameter: &str, field: &str) -> Self {
        let link = LinkBuilder::new()
            .operation_id(id)
            .parameter(parameter, format!("$response.body#/{field}"))
            .build();
        let answer = self.answers.remove(&status).unwrap_or_default();
        self.answers.insert(status, answer.link(id, link));
        self
    }

    /// Refusals, beside those of before.
    pub(super) fn refuses<R: Into<Refusal>>(mut self, refusals: impl IntoIterator<Item = R>) -> Self {
        self.refusals.extend(refusals.into_iter().map(Into::into));
        self
    }

    /// Refers to the schema of a type of answers.
    pub(super) fn schema<T: ToSchema>(&mut self) -> Ref {
        self.keep::<T>(never_null)
    }

    /// Refers to the schema of a type of requests: a field that may be left out may be null there, too.
    pub(super) fn request_schema<T: ToSchema>(&mut self) -> Ref {
        self.keep::<T>(|schema| schema)
    }

    /// Keeps the schema of a type that a parameter refers to.
    pub(super) fn with_schema<T: ToSchema>(mut self) -> Self {
        self.schema::<T>();
        self
    }

    fn keep<T: ToSchema>(&mut self, finish: fn(RefOr<Schema>) -> RefOr<Schema>) -> Ref {
        let mut schemas = vec![(T::name().into_owned(), T::schema())];
        T::schemas(&mut schemas);
        self.schemas.extend(schemas.into_iter().map(|(name, schema)| (name, finish(schema))));
        Ref::from_schema_name(T::name())
    }

    /// The operation as it stands in the document, and the schemas that it refers to.
    pub(super) fn write(mut self) -> (Written, Schemas) {
        for (status, response) in self.answers {
            self.written = self.written.response(status.as_str(), response.build());
        }
        for (status, response) in self.refusals.responses() {
            self.written = self.written.response(status.as_str(), response);
        }
        self.schemas.extend(self.refusals.schemas());
        let description = self.description.join("\n\n");
        let written = self.written.description((!description.is_empty()).then_some(description));
        (written.build(), self.schemas)
    }
}

fn written_method(method: &Method) -> HttpMethod {
    match *method {
        Method::POST => HttpMethod::Post,
        Method::PUT => HttpMethod::Put,
        Method::PATCH => HttpMethod::Patch,
        Method::DELETE => HttpMethod::Delete,
        _ => HttpMethod::Get,
    }
}
