//! The three forms of a message: as it is published, as it is kept, and as it is delivered.
//!
//! Where a message stands decides what its envelope has; the type decides which section is filled. The sections are the same
//! in all three: what is published goes through unchanged.

use serde_json::json;
use utoipa::openapi::schema::{
    AllOfBuilder, ArrayBuilder, Discriminator, ObjectBuilder, OneOfBuilder, Schema, SchemaType, Type,
};
use utoipa::openapi::{Ref, RefOr, extensions::Extensions};
use utoipa::{PartialSchema, ToSchema};

use super::{AccountName, NO_CONTROL_CHARACTERS, never_null, text};
use crate::MessageType;
use crate::message::{CallbackMessage, Firmware, Upgrade, UpgradeDevice, UpgradeStatus};
use crate::message_type::PING_TYPE;
use crate::publish::MAX_KEY_BYTES;

/// A message as it is published.
#[derive(Debug, Clone, Copy)]
pub struct PublishedMessage;

/// A message as it is kept: without user name and password, with all four sections.
#[derive(Debug, Clone, Copy)]
pub struct KeptMessage;

impl PartialSchema for PublishedMessage {
    fn schema() -> RefOr<Schema> {
        one_of(
            Form::Published,
            "A message as a platform publishes it. The section of its type is there and not empty; the others are empty or \
             left out. Fields that are not known are passed on unchanged.",
        )
    }
}

impl ToSchema for PublishedMessage {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        push_forms(Form::Published, schemas);
    }
}

impl PartialSchema for CallbackMessage {
    fn schema() -> RefOr<Schema> {
        one_of(
            Form::Delivered,
            "A message as it is sent to the registered URL. The envelope is always whole; sections that do not apply to the \
             type are empty. Expect fields that are not named here.",
        )
    }
}

impl ToSchema for CallbackMessage {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        push_forms(Form::Delivered, schemas);
    }
}

impl PartialSchema for KeptMessage {
    fn schema() -> RefOr<Schema> {
        let mut kept = ObjectBuilder::new()
            .description(Some("A message as it is kept: as it was published, with all four sections."))
            .property("accountName", reference::<AccountName>())
            .property("participantName", participant())
            .property("type", MessageType::schema());
        for section in MessageType::ALL {
            kept = kept.property(section.as_str(), any_section(*section)).required(section.as_str());
        }
        for name in ["accountName", "participantName", "type"] {
            kept = kept.required(name);
        }
        kept.into()
    }
}

impl ToSchema for KeptMessage {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        push_parts(schemas);
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Form {
    Published,
    Delivered,
}

impl Form {
    /// The name of the schema of one type in this form.
    fn name(self, kind: &str) -> String {
        let mut letters = kind.chars();
        let first = letters.next().map(|first| first.to_ascii_uppercase());
        let kind: String = first.into_iter().chain(letters).collect();
        match self {
            Self::Published => format!("Published{kind}"),
            Self::Delivered => format!("{kind}Callback"),
        }
    }

    /// The types that there are in this form.
    fn kinds(self) -> impl Iterator<Item = &'static str> {
        let ping = (self == Self::Delivered).then_some(PING_TYPE);
        MessageType::ALL.iter().map(|kind| kind.as_str()).chain(ping)
    }
}

fn one_of(form: Form, description: &str) -> RefOr<Schema> {
    let mut types = Discriminator::new("type");
    let mut one = OneOfBuilder::new().description(Some(description));
    for kind in form.kinds() {
        let reference = Ref::from_schema_name(form.name(kind));
        types.mapping.insert(kind.to_owned(), reference.ref_location.clone());
        one = one.item(reference);
    }
    one.discriminator(Some(types)).into()
}

fn push_forms(form: Form, schemas: &mut Vec<(String, RefOr<Schema>)>) {
    schemas.extend(form.kinds().map(|kind| (form.name(kind), envelope(form, kind))));
    push_parts(schemas);
}

/// What the sections are made of.
fn push_parts(schemas: &mut Vec<(String, RefOr<Schema>)>) {
    fn push<T: ToSchema>(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((T::name().into_owned(), never_null(T::schema())));
        T::schemas(schemas);
    }
    push::<AccountName>(schemas);
    push::<Firmware>(schemas);
    push::<Upgrade>(schemas);
    push::<UpgradeDevice>(schemas);
    push::<UpgradeStatus>(schemas);
}

/// A message of one type.
fn envelope(form: Form, kind: &str) -> RefOr<Schema> {
    let mut envelope = ObjectBuilder::new()
        .property("accountName", reference::<AccountName>())
        .property("participantName", participant())
        .property("type", text().enum_values(Some([kind])))
        .required("accountName")
        .required("type");
    for section in MessageType::ALL {
        let name = section.as_str();
        let is_filled = name == kind;
        envelope =
            envelope.property(name, if is_filled { full_section(*section) } else { empty_section(*section) });
        if is_filled || form == Form::Delivered {
            envelope = envelope.required(name);
        }
    }
    match form {
        Form::Published => publishers_fields(envelope).into(),
        Form::Delivered => {
            let credential = |what| {
                text().description(Some(format!("{what} of the registration; empty where it has none.")))
            };
            envelope
                .property("username", credential("The user name"))
                .property("password", credential("The password"))
                .required("participantName")
                .required("username")
                .required("password")
                .into()
        }
    }
}

/// What only a publisher gives, and what it must not give.
fn publishers_fields(envelope: ObjectBuilder) -> ObjectBuilder {
    let key = |what: &str| {
        text()
            .min_length(Some(1))
            .max_length(Some(MAX_KEY_BYTES))
            .pattern(Some(NO_CONTROL_CHARACTERS))
            .description(Some(format!(
                "{what} At most {MAX_KEY_BYTES} bytes, without control characters; not delivered."
            )))
    };
    let ordering_key = key("Messages of the account with the same key are sent one after another; `null` for none. Where left out it is the upgrade's id, which must be able to be one then.")
        .schema_type(SchemaType::from_iter([Type::String, Type::Null]));
    envelope
        .property("orderingKey", ordering_key)
        .property("idempotencyKey", key("The same message under the same key is accepted once."))
        // The builder has no word for `not`.
        .extensions(Some(Extensions::from_iter([(
            "not",
            json!({"anyOf": [{"required": ["username"]}, {"required": ["password"]}]}),
        )])))
}

fn participant() -> ObjectBuilder {
    text().description(Some("The participant; empty where there is none."))
}

fn any_section(kind: MessageType) -> Schema {
    match kind {
        MessageType::FirmwareList => ArrayBuilder::new().items(reference::<Firmware>()).into(),
        _ => ObjectBuilder::new().description(Some("An `Upgrade`, or empty.")).into(),
    }
}

fn full_section(kind: MessageType) -> RefOr<Schema> {
    match kind {
        MessageType::FirmwareList => {
            Schema::from(ArrayBuilder::new().items(reference::<Firmware>()).min_items(Some(1))).into()
        }
        _ => AllOfBuilder::new()
            .item(reference::<Upgrade>())
            .item(ObjectBuilder::new().min_properties(Some(1)))
            .into(),
    }
}

fn empty_section(kind: MessageType) -> RefOr<Schema> {
    match kind {
        MessageType::FirmwareList => {
            Schema::from(ArrayBuilder::new().items(reference::<Firmware>()).max_items(Some(0))).into()
        }
        _ => ObjectBuilder::new().max_properties(Some(0)).into(),
    }
}

fn reference<T: ToSchema>() -> Ref {
    Ref::from_schema_name(T::name())
}
