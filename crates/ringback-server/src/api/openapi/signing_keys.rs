//! What an account's deliveries are signed with.

use http::{Method, StatusCode};
use ringback_wire::api::{PreviousSigningKey, SigningKeyAnswer, SigningKeyRotateRequest};
use ringback_wire::{error_code, routes};
use serde_json::json;

use super::super::limits::Limits;
use super::super::principal::Wants;
use super::super::problem::Problem;
use super::operation::Operation;
use super::parameters;

const TAG: &str = "Signing keys";

pub(super) fn operations(limits: &Limits) -> Vec<Operation> {
    vec![show(), rotate(limits)]
}

fn key(id: &str, method: Method, path: &'static str, summary: &str) -> Operation {
    Operation::new(method, path, id, summary)
        .tag(TAG)
        .parameter(parameters::account())
        .wants(Wants::Callbacks)
        .refuses([Problem::account_form(), Problem::not_found()])
}

fn show() -> Operation {
    key("getSigningKey", Method::GET, routes::SIGNING_KEY_PATH, "Look at the signing key").answers(
        StatusCode::OK,
        "The key, and those before it that deliveries are still signed with too",
        &answer(Vec::new()),
    )
}

fn rotate(limits: &Limits) -> Operation {
    let most = limits.signing_overlap_most.as_secs();
    let previous = PreviousSigningKey {
        secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into(),
        public_key: PUBLIC_KEY.to_owned(),
        expires_at: "2018-04-02T16:03:00Z".to_owned(),
    };
    key("rotateSigningKey", Method::POST, routes::SIGNING_KEY_ROTATE_PATH, "Make a new signing key")
        .says(format!(
            "The one before goes on signing beside it: {} seconds, where the body does not say.",
            limits.signing_overlap.as_secs()
        ))
        .may_take::<SigningKeyRotateRequest>("May be empty.", json!({"overlapSeconds": 3600}))
        .body_refusals(limits.request_bytes)
        .answers(StatusCode::OK, "The new key", &answer(vec![previous]))
        .refuses([Problem::invalid(
            error_code::PARAMETER_INVALID,
            format!("overlapSeconds must be {most} at most"),
        )])
}

const PUBLIC_KEY: &str = "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

fn answer(previous: Vec<PreviousSigningKey>) -> SigningKeyAnswer {
    SigningKeyAnswer {
        secret: "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD".into(),
        public_key: PUBLIC_KEY.to_owned(),
        previous,
    }
}
