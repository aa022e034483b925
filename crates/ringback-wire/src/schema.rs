//! Schemas of the bodies, for a description of the API (feature `schema`).
//!
//! Most types derive theirs. Here is what has none of its own: the forms of texts, and the messages, whose serialisation is
//! by hand. The types without values of this module only bear a name and a schema.

mod credentials;
mod messages;

use utoipa::openapi::schema::{Object, ObjectBuilder, Schema, SchemaFormat, SchemaType, Type};
use utoipa::openapi::{KnownFormat, RefOr};
use utoipa::{PartialSchema, ToSchema};

pub use credentials::Reach;
pub use messages::{KeptMessage, PublishedMessage};

/// The form of an account's name, as a pattern.
pub const ACCOUNT_NAME_PATTERN: &str = "^[0-9]{10}-[0-9]{5}$";

/// The name of an account.
#[derive(Debug, Clone, Copy)]
pub struct AccountName;

impl PartialSchema for AccountName {
    fn schema() -> RefOr<Schema> {
        text()
            .pattern(Some(ACCOUNT_NAME_PATTERN))
            .description(Some("An account: ten digits, a hyphen, five digits; leading zeros count."))
            .examples(["0242078689-00001"])
            .into()
    }
}

impl ToSchema for AccountName {}

/// A moment.
#[derive(Debug, Clone, Copy)]
pub struct Time;

impl PartialSchema for Time {
    fn schema() -> RefOr<Schema> {
        text()
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .description(Some("A moment, RFC 3339, with its offset; in answers of the server in UTC."))
            .examples(["2018-04-01T16:03:00.000Z"])
            .into()
    }
}

impl ToSchema for Time {}

/// The pattern of a text without control characters.
pub(crate) const NO_CONTROL_CHARACTERS: &str = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$";

/// One of a set of texts.
pub(crate) fn texts(description: &str, values: &[&str]) -> RefOr<Schema> {
    text().description(Some(description.trim())).enum_values(Some(values.iter().copied())).into()
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

/// The same schema for what is left out where there is nothing, and never `null`: derived ones allow both.
#[must_use]
pub fn never_null(schema: RefOr<Schema>) -> RefOr<Schema> {
    match schema {
        RefOr::T(Schema::Object(object)) => RefOr::T(Schema::Object(object_never_null(object))),
        RefOr::T(Schema::Array(mut array)) => {
            array.schema_type = type_never_null(array.schema_type);
            RefOr::T(Schema::Array(array))
        }
        RefOr::T(Schema::AllOf(mut all)) => {
            all.items = all.items.into_iter().map(never_null).collect();
            RefOr::T(Schema::AllOf(all))
        }
        RefOr::T(Schema::OneOf(mut one)) => {
            one.items.retain(|item| !is_null(item));
            match (one.items.len(), one.description.take()) {
                (1, description) => described(never_null(one.items.remove(0)), description),
                (_, description) => {
                    one.description = description;
                    RefOr::T(Schema::OneOf(one))
                }
            }
        }
        other => other,
    }
}

fn object_never_null(mut object: Object) -> Object {
    object.schema_type = type_never_null(object.schema_type);
    object.properties =
        object.properties.into_iter().map(|(name, value)| (name, never_null(value))).collect();
    object
}

fn type_never_null(kind: SchemaType) -> SchemaType {
    match kind {
        SchemaType::Array(mut kinds) => {
            kinds.retain(|kind| *kind != Type::Null);
            match kinds.as_slice() {
                [one] => SchemaType::Type(one.clone()),
                _ => SchemaType::Array(kinds),
            }
        }
        other => other,
    }
}

fn is_null(schema: &RefOr<Schema>) -> bool {
    matches!(schema, RefOr::T(Schema::Object(object)) if object.schema_type == SchemaType::Type(Type::Null))
}

fn described(schema: RefOr<Schema>, description: Option<String>) -> RefOr<Schema> {
    match (schema, description) {
        (RefOr::Ref(mut reference), Some(description)) => {
            reference.description = description;
            RefOr::Ref(reference)
        }
        (schema, _) => schema,
    }
}
