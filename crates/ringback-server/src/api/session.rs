//! `POST /api/m2m/v1/session/login` and `/logout` (contract, section 1).
//!
//! A client has one user. An unknown user name and a wrong password are one thing: the password is compared, at the
//! same cost, whatever the user name is, and both count as a failed log-in of that user name under that client.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use ringback_delivery::Timestamp;
use ringback_store::{Credential, PasswordHash, Secret, Session as Kept};
use ringback_wire::auth::{LoginRequest, LoginResponse, LogoutResponse};
use subtle::ConstantTimeEq as _;

use super::inside::Refusal;
use super::principal::{Bearer, Principal, Session, session_digest};
use super::problem::Problem;
use super::state::ApiState;
use super::{answer, body};
use crate::credentials::password_matches;

/// The digest domain of user names, which are counted by digest so that what people type isn't kept.
const USERNAME_DOMAIN: &str = "username";

/// A hash, with the parameters of ours, that no password has: its work is done for those whose password has none.
const NOBODYS: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Opens a session for the client's user.
pub(super) async fn login(
    State(state): State<ApiState>,
    Bearer(principal): Bearer,
    request: Request,
) -> Result<Response, Problem> {
    let LoginRequest { username, password } = body::json(request, &state.limits).await?;
    let password = Secret::new(password.expose());
    // A task of its own: a client that hangs up must not keep its failure from being counted.
    let attempt = tokio::spawn(attempt(state, principal, username, password)).await;
    let token = attempt.map_err(|_| Problem::unexpected())??;
    Ok(answer::json(StatusCode::OK, &LoginResponse { session_token: token.as_str().into() }))
}

async fn attempt(
    state: ApiState,
    principal: Arc<Principal>,
    username: String,
    password: Secret,
) -> Result<String, Problem> {
    let credential = state.store.credential(principal.credential).await?;
    let credential =
        credential.filter(|known| known.revoked_at.is_none()).ok_or_else(Problem::unknown_token)?;
    let id = credential.id;
    let candidates = candidates(&credential, state.clock.now());
    let hashed = candidates.iter().any(|kept| matches!(kept, PasswordHash::Argon2(_)));
    // Inside the gate one sees the failures of all before it.
    let _inside = if hashed { Some(state.logins.enter().await?) } else { None };
    let now = state.clock.now();
    let vault = state.store.vault();
    let user = vault.digest(USERNAME_DOMAIN, &username);
    if let Some(until) = state.store.login_locked(now, id, user).await? {
        tracing::warn!(client_id = %principal.client_id, "a log-in was refused: the user is locked");
        return Err(Problem::locked_login(until.since(now)));
    }
    let right_user = user.ct_eq(&vault.digest(USERNAME_DOMAIN, &credential.username));
    let right_password = matches_any(&state, candidates, password, hashed).await?;
    if !(bool::from(right_user) & right_password) {
        let limits = &state.limits;
        state.store.login_failed(now, id, user, limits.login_failures, limits.login_lock).await?;
        tracing::warn!(client_id = %principal.client_id, "a log-in failed: unknown user or wrong password");
        return Err(Problem::wrong_login());
    }
    state.store.login_succeeded(id, user).await?;
    let guid = uuid::Builder::from_random_bytes(ringback_store::vault::random()?).into_uuid();
    let token = guid.hyphenated().to_string();
    let digest = session_digest(&state, &token).ok_or_else(Problem::unexpected)?;
    state.store.open_session(digest, Kept { credential: id, last_used_at: now }).await?;
    Ok(token)
}

/// The credential whose user this is, for the console, which has no client's secret to go with it.
///
/// Every attempt costs the same, whether there is such a user or not, and however their password is kept: one argon2 at
/// the least, one attempt at a time.
///
/// # Errors
///
/// 429 when too many wait for their turn; the store's.
pub(crate) async fn known_user(
    state: &ApiState,
    username: &str,
    password: Secret,
) -> Result<Option<Credential>, Refusal> {
    try_known_user(state, username, password).await.map_err(|problem| Refusal::of(&problem))
}

async fn try_known_user(
    state: &ApiState,
    username: &str,
    password: Secret,
) -> Result<Option<Credential>, Problem> {
    let _inside = state.logins.enter().await?;
    let credential = state.store.credential_of_user(username).await?;
    let credential = credential.filter(|known| known.revoked_at.is_none());
    let mut kept = credential.as_ref().map(|known| candidates(known, state.clock.now())).unwrap_or_default();
    if !kept.iter().any(|kept| matches!(kept, PasswordHash::Argon2(_))) {
        kept.push(PasswordHash::Argon2(NOBODYS.to_owned()));
    }
    let is_right = matches_any(state, kept, password, true).await?;
    Ok(credential.filter(|_| is_right))
}

/// The passwords that count now: the present one, and the one before while it does.
fn candidates(credential: &Credential, now: Timestamp) -> Vec<PasswordHash> {
    let previous = credential.previous_password.iter().filter(|(_, until)| now < *until);
    std::iter::once(&credential.password).chain(previous.map(|(kept, _)| kept)).cloned().collect()
}

/// Whether the password is one of these; all of them are compared.
async fn matches_any(
    state: &ApiState,
    candidates: Vec<PasswordHash>,
    password: Secret,
    hashed: bool,
) -> Result<bool, Problem> {
    let store = state.store.clone();
    let compare = move || {
        let matching = |kept: &PasswordHash| password_matches(store.vault(), kept, password.expose());
        candidates.iter().fold(false, |any, kept| any | matching(kept))
    };
    if hashed {
        tokio::task::spawn_blocking(compare).await.map_err(|_| Problem::unexpected())
    } else {
        Ok(compare())
    }
}

/// Ends the session that is given.
pub(super) async fn logout(State(state): State<ApiState>, session: Session) -> Result<Response, Problem> {
    state.store.end_session(session.digest, session.principal.credential).await?;
    Ok(answer::json(StatusCode::OK, &LogoutResponse { session_token: session.token.into() }))
}
