//! Credentials, for `operate` on `*`.

use http::{Method, StatusCode};
use ringback_wire::api::{
    CredentialCreateRequest, CredentialCreated, CredentialList, CredentialPatch, CredentialView, Scope,
};
use ringback_wire::routes;
use serde_json::json;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::OneOfBuilder;

use super::super::limits::Limits;
use super::super::principal::Wants;
use super::super::problem::Problem;
use super::operation::Operation;
use super::parameters::{self, ACCOUNT, CLIENT_ID};
use crate::credentials::CredentialError;

const TAG: &str = "Credentials";

pub(super) fn operations(limits: &Limits) -> Vec<Operation> {
    vec![list(), create(limits), change(limits), revoke()]
}

fn credentials(method: Method, path: &'static str, id: &str, summary: &str) -> Operation {
    Operation::new(method, path, id, summary).tag(TAG).wants(Wants::Credentials)
}

fn list() -> Operation {
    credentials(Method::GET, routes::CREDENTIALS_PATH, "listCredentials", "List credentials").answers(
        StatusCode::OK,
        "Every credential, the oldest first, the revoked ones too",
        &CredentialList { credentials: vec![view()] },
    )
}

fn create(limits: &Limits) -> Operation {
    credentials(Method::POST, routes::CREDENTIALS_PATH, "createCredential", "Make a credential")
        .takes::<CredentialCreateRequest>(
            "Who may do what, for which accounts.",
            json!({"name": "billing", "accounts": [ACCOUNT], "scopes": ["callbacks"]}),
        )
        .body_refusals(limits.request_bytes)
        .answers(StatusCode::CREATED, "It is made; its secrets are never shown again", &created())
        .leads_to(StatusCode::CREATED, "changeCredential", "clientId", "clientId")
        .leads_to(StatusCode::CREATED, "revokeCredential", "clientId", "clientId")
        .refuses([
            Problem::account_list(),
            CredentialError::Invalid("at least one scope is needed").into(),
            CredentialError::Taken.into(),
        ])
}

fn change(limits: &Limits) -> Operation {
    let mut operation =
        credentials(Method::PATCH, routes::CREDENTIAL_PATH, "changeCredential", "Change a credential")
            .says("One change at a time: new secrets, more accounts and scopes, or an end to a lock-out.")
            .parameter(parameters::client());
    let either = OneOfBuilder::new()
        .item(operation.schema::<CredentialCreated>())
        .item(operation.schema::<CredentialView>());
    let content = ContentBuilder::new().schema(Some(either)).example(serde_json::to_value(view()).ok());
    operation
        .takes::<CredentialPatch>("The change.", json!({"rotate": {"overlapSeconds": 3600}}))
        .body_refusals(limits.request_bytes)
        .answers_with(
            StatusCode::OK,
            ResponseBuilder::new()
                .description("The credential; of `rotate`, with its new secrets")
                .content("application/json", content.build()),
        )
        .refuses([
            Problem::account_list(),
            CredentialError::Invalid("an overlap is 30 days at most").into(),
            Problem::not_found(),
        ])
}

fn revoke() -> Operation {
    credentials(Method::DELETE, routes::CREDENTIAL_PATH, "revokeCredential", "End a credential for good")
        .says("Its tokens and sessions end with it.")
        .parameter(parameters::client())
        .answers_with(StatusCode::NO_CONTENT, ResponseBuilder::new().description("It is revoked"))
        .refuses([Problem::not_found()])
}

fn view() -> CredentialView {
    CredentialView {
        name: "billing".to_owned(),
        client_id: CLIENT_ID.to_owned(),
        username: "nG3sT0vKq5Zw".to_owned(),
        accounts: vec![ACCOUNT.to_owned()],
        scopes: vec![Scope::Callbacks],
        created_at: "2018-04-01T15:00:00Z".to_owned(),
        revoked_at: None,
        locked_until: None,
    }
}

fn created() -> CredentialCreated {
    let CredentialView { name, client_id, username, accounts, scopes, .. } = view();
    CredentialCreated {
        name,
        client_id,
        client_secret: "jmWq0qS0nBvL5cYH3uTz8Rk2dXo1PaEf7iGh4Vx6Zy9".into(),
        username,
        password: "pYk3Zt8wQm1Xr5Vc7Bn2Ld0S".into(),
        accounts,
        scopes,
    }
}
