//! `/api/ringback/v1/credentials`: what `ringback credentials` does, over HTTP; for `operate` on `'*'`.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::Response;
use http::{StatusCode, Uri};
use ringback_store::{Credential, Secret};
use ringback_wire::api::{
    CredentialCreateRequest, CredentialCreated, CredentialList, CredentialPatch, CredentialView,
};
use ringback_wire::error_code;

use super::principal::{Bearer, Wants};
use super::problem::Problem;
use super::state::ApiState;
use super::{answer, audit, body, convert, path};
use crate::credentials::{self, CredentialError, Issued, NewCredential};

/// Where the client id stands in the path: `/api/ringback/v1/credentials/{clientId}`.
const CLIENT_SEGMENT: usize = 4;

/// Every credential, the oldest first, the revoked ones too.
pub(super) async fn list(
    State(state): State<ApiState>,
    Bearer(principal): Bearer,
) -> Result<Response, Problem> {
    principal.may(Wants::Credentials)?;
    let mut all = credentials::list(&*state.store).await?;
    all.sort_by_key(|credential| (credential.created_at, credential.id));
    let list = CredentialList { credentials: all.iter().map(|known| view(known, &state)).collect() };
    Ok(answer::json(StatusCode::OK, &list))
}

/// Makes one; the only answer with its secrets.
pub(super) async fn create(
    State(state): State<ApiState>,
    Bearer(principal): Bearer,
    request: Request,
) -> Result<Response, Problem> {
    principal.may(Wants::Credentials)?;
    let given: CredentialCreateRequest = body::json(request, &state.limits).await?;
    let new = NewCredential {
        name: given.name,
        scopes: convert::to_scopes(&given.scopes),
        reach: convert::to_reach(&given.accounts)?,
        username: given.username,
        password: given.password.map(|password| Secret::new(password.expose())),
    };
    let issued = credentials::create(&*state.store, state.clock.now(), new).await?;
    state.cache.flush();
    audit::note(&state, &principal, None, format!("created the credential {}", issued.client_id)).await;
    Ok(answer::json(StatusCode::CREATED, &created(issued)))
}

/// Changes one.
pub(super) async fn change(
    State(state): State<ApiState>,
    Bearer(principal): Bearer,
    uri: Uri,
    request: Request,
) -> Result<Response, Problem> {
    principal.may(Wants::Credentials)?;
    let known = named(&state, &uri).await?;
    let patch: CredentialPatch = body::json(request, &state.limits).await?;
    let (store, now) = (&*state.store, state.clock.now());
    let (did, issued) = match &patch {
        CredentialPatch::Rotate { overlap_seconds } => {
            let overlap = Duration::from_secs(*overlap_seconds);
            ("rotated", Some(credentials::rotate(store, now, &known.name, overlap, None).await?))
        }
        CredentialPatch::Grant { accounts, scopes } => {
            let (reach, scopes) = (convert::to_reach(accounts)?, convert::to_scopes(scopes));
            credentials::grant(store, now, &known.name, reach, scopes).await?;
            ("extended", None)
        }
        CredentialPatch::Unlock {} => {
            credentials::unlock(store, now, &known.name).await?;
            ("unlocked", None)
        }
    };
    state.cache.flush();
    audit::note(&state, &principal, None, format!("{did} the credential {}", known.client_id)).await;
    match issued {
        Some(issued) => Ok(answer::json(StatusCode::OK, &created(issued))),
        None => Ok(answer::json(StatusCode::OK, &view(&named(&state, &uri).await?, &state))),
    }
}

/// Ends one for good.
pub(super) async fn revoke(
    State(state): State<ApiState>,
    Bearer(principal): Bearer,
    uri: Uri,
) -> Result<Response, Problem> {
    principal.may(Wants::Credentials)?;
    let known = named(&state, &uri).await?;
    credentials::revoke(&*state.store, state.clock.now(), &known.name).await?;
    state.cache.flush();
    audit::note(&state, &principal, None, format!("revoked the credential {}", known.client_id)).await;
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

/// The credential of the path.
async fn named(state: &ApiState, uri: &Uri) -> Result<Credential, Problem> {
    let client_id = path::segment(uri, CLIENT_SEGMENT).ok_or_else(Problem::not_found)?;
    state.store.credential_of_client(&client_id).await?.ok_or_else(Problem::not_found)
}

fn view(credential: &Credential, state: &ApiState) -> CredentialView {
    let now = state.clock.now();
    CredentialView {
        name: credential.name.clone(),
        client_id: credential.client_id.clone(),
        username: credential.username.clone(),
        accounts: convert::accounts(&credential.reach),
        scopes: convert::scopes(credential.scopes),
        created_at: answer::time(credential.created_at),
        revoked_at: credential.revoked_at.map(answer::time),
        locked_until: credential.locked_until.filter(|until| now < *until).map(answer::time),
    }
}

fn created(issued: Issued) -> CredentialCreated {
    CredentialCreated {
        name: issued.name,
        client_id: issued.client_id,
        client_secret: issued.client_secret.expose().into(),
        username: issued.username,
        password: issued.password.expose().into(),
        accounts: convert::accounts(&issued.reach),
        scopes: convert::scopes(issued.scopes),
    }
}

impl From<CredentialError> for Problem {
    fn from(error: CredentialError) -> Self {
        match error {
            CredentialError::Invalid(message) => Self::invalid(error_code::CREDENTIAL_INVALID, message),
            CredentialError::Taken => Self::new(
                StatusCode::CONFLICT,
                error_code::CREDENTIAL_EXISTS,
                "there is a credential with that name or user name already",
            ),
            CredentialError::Unknown => Self::not_found(),
            CredentialError::Store(error) => error.into(),
            CredentialError::Random(error) => error.into(),
            CredentialError::Hash => Self::unexpected(),
        }
    }
}
