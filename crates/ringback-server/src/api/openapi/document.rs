//! All operations in one document.

use ringback_wire::schema::AccountName;
use utoipa::openapi::info::{InfoBuilder, LicenseBuilder};
use utoipa::openapi::path::PathsBuilder;
use utoipa::openapi::schema::{Components, ComponentsBuilder};
use utoipa::openapi::security::SecurityScheme;
use utoipa::openapi::{Info, OpenApi, OpenApiBuilder, Paths};

use super::super::limits::Limits;
use super::operation::{Operation, Schemas};
use super::{
    accounts, callbacks, credentials, messages, publishing, reading, security, service, signing_keys, tokens,
};

pub(super) fn document(limits: &Limits) -> OpenApi {
    let mut schemas = Schemas::new();
    let operations = [
        tokens::operations(limits),
        callbacks::operations(limits),
        publishing::operations(limits),
        messages::operations(limits),
        reading::operations(limits),
        accounts::operations(limits),
        signing_keys::operations(limits),
        credentials::operations(limits),
        service::operations(),
    ];
    let paths = paths(operations.into_iter().flatten(), &mut schemas);
    let webhooks = paths_of_one(callbacks::webhook(), &mut schemas);
    OpenApiBuilder::new()
        .info(info())
        .paths(paths)
        .webhooks(Some(webhooks))
        .components(Some(components(schemas)))
        .build()
}

fn info() -> Info {
    InfoBuilder::new()
        .title("Ringback")
        .version(env!("CARGO_PKG_VERSION"))
        .license(Some(LicenseBuilder::new().name("Apache-2.0 OR MIT").identifier(Some("Apache-2.0 OR MIT")).build()))
        .description(Some(
            "ThingSpace's Software Management Callbacks V1 with the two log-ins that belong to it, and Ringback's own API \
             for publishing messages and looking after them.\n\nEvery error but those of the token requests has the body \
             `FotaV1Result`: its code is stable, its message is for people. What is checked first is answered first: the \
             path, the access token, the session, the form of the account, the right to it, the service, the body. Answers \
             may get more fields.",
        ))
        .build()
}

fn paths(operations: impl Iterator<Item = Operation>, schemas: &mut Schemas) -> Paths {
    let mut paths = PathsBuilder::new().build();
    for operation in operations {
        add(&mut paths, operation, schemas);
    }
    paths
}

fn paths_of_one(operation: Operation, schemas: &mut Schemas) -> Paths {
    paths(std::iter::once(operation), schemas)
}

fn add(paths: &mut Paths, operation: Operation, schemas: &mut Schemas) {
    let (path, method) = (operation.path, operation.method.clone());
    let (written, its_schemas) = operation.write();
    paths.add_path_operation(path, vec![method], written);
    schemas.extend(its_schemas);
}

fn components(schemas: Schemas) -> Components {
    let mut components = ComponentsBuilder::new().schema_from::<AccountName>();
    for (name, schema) in schemas {
        components = components.schema(name, schema);
    }
    for (name, scheme) in security::schemes() {
        components = components.security_scheme::<_, SecurityScheme>(name, scheme);
    }
    components.build()
}
