//! One published message on its way from bytes to the store, and the store's word on its way back.

use http::StatusCode;
use ringback_delivery::OrderingKey;
use ringback_store::{Admission, Content, Idempotency, NewMessage, Trace};
use ringback_wire::error_code;
use ringback_wire::publish::{InvalidMessage, PublishAnswer, parse_published};
use sha2::{Digest as _, Sha256};

use super::convert;
use super::principal::Principal;
use super::problem::Problem;
use super::state::ApiState;

/// Lets callbacks go first where the processor is not enough for both; whether it had to wait.
pub(super) async fn give_way(state: &ApiState, messages: usize) -> bool {
    let held = state.backpressure.give_way(messages).await;
    if held {
        state.metrics.held_back();
    }
    held
}

/// The same for callbacks that another node sends.
pub(super) async fn give_way_elsewhere(state: &ApiState, messages: &[NewMessage]) {
    let shards = messages.iter().map(|message| message.account.shard());
    if state.backpressure.give_way_elsewhere(shards).await {
        state.metrics.held_back();
    }
}

/// Reads a message, checks it, and checks that its account is the caller's. `header_key` is the idempotency key that
/// came beside it, and `trace` the trace that it came in.
pub(super) fn read_message(
    bytes: &[u8],
    header_key: Option<&str>,
    trace: Option<Trace>,
    principal: &Principal,
) -> Result<NewMessage, Problem> {
    let published = parse_published(bytes).map_err(|error| invalid(&error))?;
    let account = published.account.parse().map_err(|_| Problem::account_form())?;
    if !principal.reaches(account) {
        return Err(Problem::account_name());
    }
    let idempotency_key = match (header_key, published.idempotency_key.as_deref()) {
        (Some(header), Some(field)) if header != field => {
            return Err(Problem::invalid(
                error_code::IDEMPOTENCY_KEY_INVALID,
                "the header Idempotency-Key and the field idempotencyKey differ: give one of them",
            ));
        }
        (header, field) => header.or(field),
    };
    Ok(NewMessage {
        account,
        kind: convert::kind(published.kind),
        key: published.ordering_key.as_deref().map(ordering_key),
        idempotency: idempotency_key.map(|key| Idempotency::of(key, bytes)),
        content: Content { body: published.body.into(), trace },
    })
}

/// 400, with the code that the wire has for it.
pub(super) fn invalid(error: &InvalidMessage) -> Problem {
    Problem::invalid(error.code(), error.to_string())
}

fn ordering_key(text: &str) -> OrderingKey {
    let digest: [u8; 32] = Sha256::digest(text).into();
    let mut start = [0; 8];
    start.copy_from_slice(&digest[..8]);
    OrderingKey(i64::from_be_bytes(start))
}

/// What the publisher is told about a message that the store has decided on.
pub(super) fn answer(admission: &Admission) -> Result<(StatusCode, PublishAnswer), Problem> {
    match *admission {
        Admission::Queued(id) => {
            Ok((StatusCode::ACCEPTED, PublishAnswer::queued(id.to_string(), id.sequence.0)))
        }
        Admission::Duplicate(id, state) => Ok((
            StatusCode::ACCEPTED,
            PublishAnswer::duplicate(id.to_string(), id.sequence.0, convert::state(state)),
        )),
        Admission::Unregistered => Ok((StatusCode::OK, PublishAnswer::unregistered())),
        Admission::Conflict => Err(key_conflict()),
        Admission::AccountFull => Err(account_full()),
        Admission::StoreFull => Err(store_full()),
    }
}

/// 409: the key stands for another message.
pub(super) fn key_conflict() -> Problem {
    let message = "the idempotency key was used for another message of this account";
    Problem::new(StatusCode::CONFLICT, error_code::IDEMPOTENCY_KEY_CONFLICT, message)
}

/// 429: the account is full.
pub(super) fn account_full() -> Problem {
    let message = "the account has as many messages pending as it may have";
    Problem::busy(error_code::PENDING_LIMIT_REACHED, message)
}

/// 503: nothing was kept.
pub(super) fn store_full() -> Problem {
    Problem::unavailable("the server has as many messages pending as it may have; nothing was kept")
}

/// 503: nobody knows.
pub(super) fn unknown(error: &ringback_store::StoreError) -> Problem {
    // The store itself says once what is wrong with it, and once when that is over.
    tracing::debug!(%error, "a publish got 503");
    nobody_knows()
}

/// 503, as it is said.
pub(super) fn nobody_knows() -> Problem {
    Problem::unavailable("it is not known whether the message was kept: send it again with the same key")
}
