//! Software Management Callbacks V1: list, register, deregister (contract, section 2).

use axum::extract::{Request, State};
use axum::response::Response;
use http::{StatusCode, Uri};
use ringback_delivery::AccountId;
use ringback_store::{Registration, Secret};
use ringback_wire::v1::{
    CallbackService, FotaV1CallbackRegistrationRequest, FotaV1CallbackRegistrationResult,
    FotaV1SuccessResult, RegisteredCallbacks,
};

use super::principal::{Principal, Session, Wants};
use super::problem::Problem;
use super::state::ApiState;
use super::{answer, audit, body, path};

/// Where the account stands in the path of every route here: `/api/fota/v1/callbacks/{account}`.
const ACCOUNT_SEGMENT: usize = 4;
/// Where the service stands: `…/name/{service}`.
const SERVICE_SEGMENT: usize = 6;

/// What is registered: one item or none.
pub(super) async fn list(
    State(state): State<ApiState>,
    session: Session,
    uri: Uri,
) -> Result<Response, Problem> {
    let account = entitled(&session.principal, &uri)?;
    let registered = state.store.registration(account).await?;
    let list: Vec<RegisteredCallbacks> =
        registered.into_iter().map(|registration| item(account, &registration)).collect();
    Ok(answer::json(StatusCode::OK, &list))
}

/// A registration as it is listed: never with its password.
fn item(account: AccountId, registration: &Registration) -> RegisteredCallbacks {
    RegisteredCallbacks {
        aname: Some(account.to_string()),
        name: Some(CallbackService::Fota.as_str().to_owned()),
        url: Some(registration.url.expose().to_owned()),
        username: registration.username.as_ref().map(|username| username.expose().to_owned()),
        password: None,
    }
}

/// Registers, in place of what was registered.
pub(super) async fn register(
    State(state): State<ApiState>,
    session: Session,
    uri: Uri,
    request: Request,
) -> Result<Response, Problem> {
    let account = entitled(&session.principal, &uri)?;
    let given: FotaV1CallbackRegistrationRequest = body::json(request, &state.limits).await?;
    let service = service(&given.name)?;
    state.urls.check(&given.url).await.map_err(Problem::callback_url)?;
    let registration = Registration {
        url: Secret::new(given.url),
        username: given.username.map(Secret::new),
        password: given.password.map(|password| Secret::new(password.expose())),
    };
    let before = state.store.registration(account).await?;
    let is_same = before.is_some_and(|before| before.url.expose() == registration.url.expose());
    state.store.register(state.clock.now(), account, registration).await?;
    if is_same {
        let what = "registered its callback URL again";
        audit::note_usual(&state, &session.principal, account, what).await;
    } else {
        audit::note(&state, &session.principal, Some(account), "registered a callback URL").await;
    }
    let result = FotaV1CallbackRegistrationResult {
        account_name: Some(account.to_string()),
        service_name: Some(service.as_str().to_owned()),
    };
    Ok(answer::json(StatusCode::OK, &result))
}

/// Ends the registration.
pub(super) async fn deregister(
    State(state): State<ApiState>,
    session: Session,
    uri: Uri,
) -> Result<Response, Problem> {
    let account = entitled(&session.principal, &uri)?;
    service(&path::segment(&uri, SERVICE_SEGMENT).unwrap_or_default())?;
    if state.store.deregister(state.clock.now(), account).await?.is_none() {
        return Err(Problem::nothing_registered());
    }
    audit::note(&state, &session.principal, Some(account), "deregistered the callback URL").await;
    Ok(answer::json(StatusCode::OK, &FotaV1SuccessResult { success: Some(true) }))
}

/// The account of the path: its form first, then whether it is the caller's.
fn entitled(principal: &Principal, uri: &Uri) -> Result<AccountId, Problem> {
    let name = path::segment(uri, ACCOUNT_SEGMENT);
    let account = name.and_then(|name| name.parse().ok()).ok_or_else(Problem::account_form)?;
    principal.may(Wants::Callbacks)?;
    if !principal.reaches(account) {
        return Err(Problem::account_name());
    }
    Ok(account)
}

fn service(name: &str) -> Result<CallbackService, Problem> {
    name.parse().map_err(|_| Problem::other_service())
}
