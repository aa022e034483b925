//! What an account's deliveries are signed with: shown to its owner, and replaced.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::Response;
use http::{StatusCode, Uri};
use ringback_store::SigningSecret;
use ringback_wire::api::{PreviousSigningKey, SigningKeyAnswer, SigningKeyRotateRequest};
use ringback_wire::error_code;
use ringback_wire::signature::{Ed25519Key, HmacKey};

use super::principal::{Bearer, Wants};
use super::problem::Problem;
use super::state::ApiState;
use super::{answer, audit, body, own};

/// The account's signing key.
pub(super) async fn show(
    State(state): State<ApiState>,
    Bearer(principal): Bearer,
    uri: Uri,
) -> Result<Response, Problem> {
    let account = own::account(&principal, &uri, Wants::Callbacks)?;
    let secrets = state.store.signing_secrets(state.clock.now(), account).await?;
    Ok(answer::json(StatusCode::OK, &view(&secrets)?))
}

/// Makes a new one; the one before goes on signing beside it for a while.
pub(super) async fn rotate(
    State(state): State<ApiState>,
    Bearer(principal): Bearer,
    uri: Uri,
    request: Request,
) -> Result<Response, Problem> {
    let account = own::account(&principal, &uri, Wants::Callbacks)?;
    let given: Option<SigningKeyRotateRequest> = body::optional_json(request, &state.limits).await?;
    let overlap = given.and_then(|given| given.overlap_seconds);
    let overlap = overlap.map_or(state.limits.signing_overlap, Duration::from_secs);
    if overlap > state.limits.signing_overlap_most {
        let most = state.limits.signing_overlap_most.as_secs();
        let message = format!("overlapSeconds must be {most} at most");
        return Err(Problem::invalid(error_code::PARAMETER_INVALID, message));
    }
    let now = state.clock.now();
    let secrets = state.store.rotate_signing_secret(now, account, now.after(overlap)).await?;
    audit::note(&state, &principal, Some(account), "rotated the signing key").await;
    Ok(answer::json(StatusCode::OK, &view(&secrets)?))
}

fn view(secrets: &[SigningSecret]) -> Result<SigningKeyAnswer, Problem> {
    let (present, previous) = secrets.split_first().ok_or_else(Problem::unexpected)?;
    let previous = previous.iter().filter_map(|secret| Some((secret, secret.retires_at?)));
    Ok(SigningKeyAnswer {
        secret: secret_text(present)?,
        public_key: public_text(present),
        previous: previous
            .map(|(secret, retires_at)| {
                Ok(PreviousSigningKey {
                    secret: secret_text(secret)?,
                    public_key: public_text(secret),
                    expires_at: answer::time(retires_at),
                })
            })
            .collect::<Result<_, Problem>>()?,
    })
}

fn secret_text(secret: &SigningSecret) -> Result<ringback_wire::Secret, Problem> {
    Ok(HmacKey::from_bytes(&secret.hmac).map_err(|_| Problem::unexpected())?.to_text())
}

fn public_text(secret: &SigningSecret) -> String {
    Ed25519Key::from_seed(&secret.ed25519_seed).public().to_text()
}
