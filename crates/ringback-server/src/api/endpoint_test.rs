//! `POST …/ping` and `…/check`: trying the registered endpoint. That it failed is an answer, not an error.

use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode, Uri};
use ringback_delivery::AccountId;
use ringback_wire::api::{CheckAnswer, PingAnswer};

use super::principal::{Bearer, Principal, Wants};
use super::problem::Problem;
use super::state::{ApiState, TestReport};
use super::{answer, audit, own};
use crate::trace;

/// Sends a test message.
pub(super) async fn ping(
    State(state): State<ApiState>,
    Bearer(principal): Bearer,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let account = own::account(&principal, &uri, Wants::Accounts)?;
    let report = test(&state, account, &headers).await?.ok_or_else(Problem::not_registered)?;
    audit::note_usual(&state, &principal, account, "sent a test message").await;
    let answer = PingAnswer {
        ok: ok(&report),
        duration_ms: millis(&report),
        id: report.id,
        status: report.status,
        error: report.error,
    };
    Ok(answer::json(StatusCode::OK, &answer))
}

/// Says what is found on the way to the endpoint, once in a while; a success releases the lane.
pub(super) async fn check(
    State(state): State<ApiState>,
    Bearer(principal): Bearer,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let account = own::account(&principal, &uri, Wants::Accounts)?;
    state
        .checks
        .pass(state.clock.now(), account)
        .map_err(|wait| Problem::checked_just_now().retry_after(wait))?;
    let Some(report) = test(&state, account, &headers).await? else {
        state.checks.forget(account);
        return Err(Problem::not_registered());
    };
    audit::note_usual(&state, &principal, account, "checked the endpoint").await;
    if ok(&report) {
        state.store.release(state.clock.now(), account).await?;
    }
    Ok(answer::json(StatusCode::OK, &found(report, &principal)))
}

fn found(report: TestReport, principal: &Principal) -> CheckAnswer {
    let policy = match &report.refused {
        Some(refusal) => Some(format!("refused: the URL leads to {refusal}")),
        None => (!report.addresses.is_empty()).then(|| "allowed".to_owned()),
    };
    let addresses = || report.addresses.iter().map(ToString::to_string).collect();
    CheckAnswer {
        ok: ok(&report),
        dns: principal.operates_everywhere().then(addresses),
        address_class: report.address_class.map(str::to_owned),
        policy,
        tls: (report.tls && report.status.is_some())
            .then(|| "the certificate is trusted, and the connection was encrypted".to_owned()),
        duration_ms: millis(&report),
        status: report.status,
        error: report.error,
    }
}

/// Tries the endpoint, one try of an account at a time; `None` when nothing is registered.
async fn test(
    state: &ApiState,
    account: AccountId,
    headers: &HeaderMap,
) -> Result<Option<TestReport>, Problem> {
    let Some(_place) = state.tests.take(account) else {
        return Err(Problem::being_tried());
    };
    Ok(state.tester.test(account, trace::of_request(headers)).await?)
}

fn ok(report: &TestReport) -> bool {
    report.status.is_some_and(|status| (200..300).contains(&status))
}

fn millis(report: &TestReport) -> u64 {
    u64::try_from(report.duration.as_millis()).unwrap_or(u64::MAX)
}
