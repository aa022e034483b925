//! What a credential reaches, and the changes of one.

use utoipa::openapi::schema::{
    AdditionalProperties, AnyOfBuilder, ArrayBuilder, Object, ObjectBuilder, OneOfBuilder, Schema, Type,
};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use super::{AccountName, text};
use crate::api::{ALL_ACCOUNTS, CredentialPatch, Scope};

/// How long replaced secrets stay good at most, in seconds: 30 days.
const MOST_OVERLAP_SECONDS: u64 = 30 * 24 * 3600;

/// The accounts of a credential.
#[derive(Debug, Clone, Copy)]
pub struct Reach;

impl PartialSchema for Reach {
    fn schema() -> RefOr<Schema> {
        reach(1)
    }
}

impl ToSchema for Reach {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((AccountName::name().into_owned(), AccountName::schema()));
    }
}

fn reach(least: usize) -> RefOr<Schema> {
    let named = ArrayBuilder::new().items(Ref::from_schema_name(AccountName::name())).min_items(Some(least));
    let all = ArrayBuilder::new().items(text().enum_values(Some([ALL_ACCOUNTS])));
    AnyOfBuilder::new()
        .description(Some("Accounts; or `*` alone: all of them, present and future."))
        .item(named)
        .item(all.min_items(Some(1)).max_items(Some(1)))
        .into()
}

impl PartialSchema for CredentialPatch {
    fn schema() -> RefOr<Schema> {
        let overlap = ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(0_u64))
            .maximum(Some(MOST_OVERLAP_SECONDS))
            .default(Some(0.into()))
            .description(Some(
                "How long the old ones stay good beside them, in seconds; 0 ends them at once.",
            ));
        let scopes = ArrayBuilder::new()
            .items(Ref::from_schema_name(Scope::name()))
            .description(Some("What it may do besides."));
        let closed =
            || ObjectBuilder::new().additional_properties(Some(AdditionalProperties::FreeForm(false)));
        let grant = closed().property("accounts", reach(0)).property("scopes", scopes);
        OneOfBuilder::new()
            .description(Some("One change of a credential."))
            .item(change("rotate", "New secrets.", closed().property("overlapSeconds", overlap).build()))
            .item(change("grant", "More accounts or scopes, added to those it has.", grant.build()))
            .item(change("unlock", "Lets its user log in again after failed log-ins.", closed().build()))
            .into()
    }
}

impl ToSchema for CredentialPatch {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        Reach::schemas(schemas);
        schemas.push((Scope::name().into_owned(), Scope::schema()));
    }
}

fn change(name: &str, description: &str, fields: Object) -> Object {
    ObjectBuilder::new()
        .description(Some(description))
        .property(name, fields)
        .required(name)
        .additional_properties(Some(AdditionalProperties::FreeForm(false)))
        .build()
}
