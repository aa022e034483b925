//! Access tokens and sessions (contract, section 1).

use http::{Method, StatusCode};
use ringback_wire::auth::{
    GRANT_TYPE, LoginRequest, LoginResponse, LogoutResponse, TOKEN_LIFE_SECONDS, TOKEN_TYPE, TokenResponse,
};
use ringback_wire::routes;
use serde_json::json;
use utoipa::openapi::Required;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::ObjectBuilder;

use super::super::limits::Limits;
use super::super::oauth::OAuthProblem;
use super::super::problem::Problem;
use super::answers::header;
use super::operation::Operation;
use super::parameters::text;

const TAG: &str = "Tokens";
const FORM: &str = "application/x-www-form-urlencoded";
const SESSION: &str = "f2a1c8f4-6f0e-4f0d-9a0b-3f6b1c9f4e21";

pub(super) fn operations(limits: &Limits) -> Vec<Operation> {
    vec![token(), revoke(), login(limits), logout()]
}

fn token() -> Operation {
    let operation = Operation::new(Method::POST, routes::TOKEN_PATH, "createToken", "Get an access token")
        .tag(TAG)
        .says("The client-credentials grant of OAuth 2. Fields of the form that are not named here, and scopes, are ignored.")
        .client()
        .refuses([OAuthProblem::missing_grant(), OAuthProblem::other_grant()]);
    let form = ObjectBuilder::new()
        .property("grant_type", text().enum_values(Some([GRANT_TYPE])))
        .property("scope", text().description(Some("Ignored: a token has the scopes of its credential.")))
        .required("grant_type");
    let example = TokenResponse {
        access_token: "4iJ0n8Zc5s0yV1w2kq7TfYhXbR3uLmPdE6oGa9NvCxI".into(),
        token_type: TOKEN_TYPE.to_owned(),
        expires_in: TOKEN_LIFE_SECONDS,
        scope: Some("callbacks publish".to_owned()),
    };
    form_refusals(operation)
        .takes_form(form, json!({"grant_type": GRANT_TYPE}))
        .answers_unstored::<TokenResponse>("The token", &example)
}

fn revoke() -> Operation {
    let operation = Operation::new(Method::POST, routes::REVOKE_PATH, "revokeToken", "End an access token")
        .tag(TAG)
        .says("200, whether or not the token was known (RFC 7009).")
        .client()
        .refuses([OAuthProblem::missing_token()]);
    let form = ObjectBuilder::new().property("token", text().min_length(Some(1))).required("token");
    let done = ResponseBuilder::new().description("It is good no more.");
    form_refusals(operation)
        .takes_form(form, json!({"token": "4iJ0n8Zc5s0yV1w2kq7TfYhXbR3uLmPdE6oGa9NvCxI"}))
        .answers_with(StatusCode::OK, unstored(done))
}

fn form_refusals(operation: Operation) -> Operation {
    operation.refuses([OAuthProblem::field_twice(), OAuthProblem::not_a_form()]).refuses(
        [Problem::late_body(), Problem::too_large("the body", 0, "bytes"), Problem::content_encoding()]
            .map(|problem| OAuthProblem::unreadable_form(problem.status())),
    )
}

impl Operation {
    fn takes_form(self, form: ObjectBuilder, example: serde_json::Value) -> Self {
        let content = ContentBuilder::new().schema(Some(form)).example(Some(example)).build();
        self.takes_contents("A form.", [(FORM, content)], Required::True)
    }

    /// 200 with JSON that no cache keeps.
    fn answers_unstored<T: utoipa::ToSchema + serde::Serialize>(
        mut self,
        description: &str,
        example: &T,
    ) -> Self {
        let content = ContentBuilder::new()
            .schema(Some(self.schema::<T>()))
            .example(serde_json::to_value(example).ok())
            .build();
        let response = ResponseBuilder::new().description(description).content("application/json", content);
        self.answers_with(StatusCode::OK, unstored(response))
    }
}

fn unstored(response: ResponseBuilder) -> ResponseBuilder {
    response.header("cache-control", header("cache-control")).header("pragma", header("pragma"))
}

fn login(limits: &Limits) -> Operation {
    Operation::new(Method::POST, routes::LOGIN_PATH, "logIn", "Start a session")
        .tag(TAG)
        .says("With the user name and password of the credential whose access token it is.")
        .token()
        .takes::<LoginRequest>(
            "User name and password.",
            json!({"username": "fota", "password": "a long password"}),
        )
        .body_refusals(limits.request_bytes)
        .answers::<LoginResponse>(
            StatusCode::OK,
            "The session",
            &LoginResponse { session_token: SESSION.into() },
        )
        .refuses([Problem::wrong_login(), Problem::locked_login(limits.login_lock), Problem::many_logins()])
}

fn logout() -> Operation {
    Operation::new(Method::POST, routes::LOGOUT_PATH, "logOut", "End a session")
        .tag(TAG)
        .says("A body is not looked at.")
        .session()
        .answers::<LogoutResponse>(
            StatusCode::OK,
            "The token that was ended",
            &LogoutResponse { session_token: SESSION.into() },
        )
}
