//! Who may: the three ways to say who one is, and which of them an operation wants.

use ringback_wire::auth::SESSION_HEADER;
use ringback_wire::routes;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, ClientCredentials, Flow, HttpAuthScheme, HttpBuilder, OAuth2, Scopes,
    SecurityRequirement, SecurityScheme,
};

use super::super::oauth::OAuthProblem;
use super::super::principal::Wants;
use super::super::problem::Problem;
use super::operation::Operation;

const CLIENT: &str = "client";
const TOKEN: &str = "token";
const SESSION: &str = "session";

/// The ways, by name.
pub(super) fn schemes() -> [(&'static str, SecurityScheme); 3] {
    let client = HttpBuilder::new()
        .scheme(HttpAuthScheme::Basic)
        .description(Some("A credential's client id and client secret."))
        .build();
    let scopes = Scopes::from_iter([
        ("callbacks", "Register callbacks, and read the account's own messages."),
        ("publish", "Publish messages."),
        ("operate", "Run the service: pause, send again; on `*` also credentials and metrics."),
    ]);
    let flow = Flow::ClientCredentials(ClientCredentials::new(routes::TOKEN_PATH, scopes));
    let token = OAuth2::with_description(
        [flow],
        "An access token, as `Authorization: Bearer …`. It has the scopes of its credential, whatever was asked for, and \
         reaches the credential's accounts.",
    );
    let session = ApiKeyValue::with_description(
        SESSION_HEADER,
        "A session token, a GUID. It ends after 20 minutes without use, and is good only with an access token of the same \
         client.",
    );
    [
        (CLIENT, SecurityScheme::Http(client)),
        (TOKEN, SecurityScheme::OAuth2(token)),
        (SESSION, SecurityScheme::ApiKey(ApiKey::Header(session))),
    ]
}

const NO_SCOPES: [&str; 0] = [];

impl Operation {
    /// Nobody is asked who they are.
    pub(super) fn open(self) -> Self {
        self.needs(vec![SecurityRequirement::default()])
    }

    /// A client's id and secret.
    pub(super) fn client(self) -> Self {
        self.needs(vec![SecurityRequirement::new(CLIENT, NO_SCOPES)]).refuses([
            OAuthProblem::unknown_client(),
            OAuthProblem::too_fast(),
            OAuthProblem::no_randomness(),
            OAuthProblem::unavailable(),
        ])
    }

    /// An access token of whichever scope.
    pub(super) fn token(self) -> Self {
        self.needs(vec![SecurityRequirement::new(TOKEN, NO_SCOPES)]).token_refusals()
    }

    /// An access token for this.
    pub(super) fn wants(self, wants: Wants) -> Self {
        let scopes = wants.scopes();
        let requirements = scopes.iter().map(|scope| SecurityRequirement::new(TOKEN, [scope.as_str()]));
        self.needs(requirements.collect()).token_refusals().refuses([wants.refusal()])
    }

    /// An access token and a session, with no scope for it.
    pub(super) fn session(self) -> Self {
        self.needs(vec![SecurityRequirement::new(TOKEN, NO_SCOPES).add(SESSION, NO_SCOPES)])
            .token_refusals()
            .refuses([Problem::no_session(), Problem::unknown_session(), Problem::expired_session()])
    }

    /// An access token and a session, for this.
    pub(super) fn session_wants(self, wants: Wants) -> Self {
        let scopes = wants.scopes();
        let requirement = |scope: &ringback_wire::api::Scope| {
            SecurityRequirement::new(TOKEN, [scope.as_str()]).add(SESSION, NO_SCOPES)
        };
        self.needs(scopes.iter().map(requirement).collect())
            .token_refusals()
            .refuses([Problem::no_session(), Problem::unknown_session(), Problem::expired_session()])
            .refuses([wants.refusal()])
    }

    fn token_refusals(self) -> Self {
        self.refuses([
            Problem::unknown_token(),
            Problem::too_fast(),
            Problem::unexpected(),
            Problem::store_unavailable(),
        ])
    }

    /// What a JSON body can be refused for.
    pub(super) fn body_refusals(self, most: usize) -> Self {
        self.refuses([
            Problem::empty_body(),
            Problem::unreadable_body("missing field `name` at line 1 column 2"),
            Problem::late_body(),
            Problem::too_large("the body", most, "bytes"),
            Problem::media_type("application/json"),
        ])
    }
}
