//! `POST /api/ts/v1/oauth2/token` and `/revoke` (contract, section 1; RFC 6749, RFC 7009).

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use ringback_store::{Credential, Token};
use ringback_wire::auth::{GRANT_TYPE, TOKEN_TYPE, TokenResponse};

use super::oauth::{self, ClientSecret, Form, OAuthProblem};
use super::principal::TOKEN_DOMAIN;
use super::state::ApiState;
use super::{answer, convert};
use crate::credentials::generate;

/// How many random bytes a token has: 256 bits.
const TOKEN_BYTES: usize = 32;

/// Gives an access token to a client.
pub(super) async fn issue(State(state): State<ApiState>, request: Request) -> Response {
    let client = oauth::client(request.headers());
    let id = client.as_ref().map(ClientSecret::id_for_log).unwrap_or_default();
    match try_issue(&state, client, request).await {
        Ok(token) => oauth::unstored(answer::json(StatusCode::OK, &token)),
        Err(problem) => refuse(problem, &id, "a token was refused"),
    }
}

async fn try_issue(
    state: &ApiState,
    client: Result<ClientSecret, OAuthProblem>,
    request: Request,
) -> Result<TokenResponse, OAuthProblem> {
    let form = Form::read(request, state).await?;
    let credential = client?.authenticate(state).await?;
    match form.field("grant_type")?.as_deref() {
        Some(GRANT_TYPE) => {}
        Some(_) => {
            return Err(OAuthProblem::other_grant());
        }
        None => {
            return Err(OAuthProblem::missing_grant());
        }
    }
    let Ok(secret) = generate(TOKEN_BYTES) else {
        return Err(OAuthProblem::no_randomness());
    };
    let life = state.limits.token_life;
    let token = Token { credential: credential.id, expires_at: state.clock.now().after(life) };
    state.store.issue_token(state.store.vault().digest(TOKEN_DOMAIN, secret.expose()), token).await?;
    Ok(TokenResponse {
        access_token: secret.expose().into(),
        token_type: TOKEN_TYPE.to_owned(),
        expires_in: life.as_secs(),
        // A token always has what its credential has, whatever was asked for; saying so is the standard's demand.
        scope: Some(scope(&credential)),
    })
}

fn scope(credential: &Credential) -> String {
    let names: Vec<&str> =
        convert::scopes(credential.scopes).into_iter().map(|scope| scope.as_str()).collect();
    names.join(" ")
}

/// Ends an access token; 200 whether or not it was known.
pub(super) async fn revoke(State(state): State<ApiState>, request: Request) -> Response {
    let client = oauth::client(request.headers());
    let id = client.as_ref().map(ClientSecret::id_for_log).unwrap_or_default();
    match try_revoke(&state, client, request).await {
        Ok(()) => oauth::unstored(answer::empty(StatusCode::OK)),
        Err(problem) => refuse(problem, &id, "a token's revocation was refused"),
    }
}

async fn try_revoke(
    state: &ApiState,
    client: Result<ClientSecret, OAuthProblem>,
    request: Request,
) -> Result<(), OAuthProblem> {
    let form = Form::read(request, state).await?;
    let credential = client?.authenticate(state).await?;
    let token = form.field("token")?;
    let digest = state.store.vault().digest(TOKEN_DOMAIN, &token.ok_or_else(OAuthProblem::missing_token)?);
    state.store.revoke_token(digest, credential.id).await?;
    state.cache.flush();
    Ok(())
}

/// The SDKs hide why a token was refused; the log has it.
fn refuse(problem: OAuthProblem, client_id: &str, what: &'static str) -> Response {
    // As a text, which a log for people puts into quotes with its line breaks escaped, and a log in JSON writes as it is.
    tracing::warn!(client_id, reason = problem.reason(), "{what}");
    problem.into_response()
}
