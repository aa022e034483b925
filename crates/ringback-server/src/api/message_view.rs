//! A message as the API shows it, with what was tried for it.

use ringback_delivery::{Outcome, Timestamp, Trouble};
use ringback_store::{Attempt, Message};
use ringback_wire::api::{AttemptView, MessageView, WaitsFor};
use serde_json::value::RawValue;

use super::{answer, convert, wait_sentence};
use crate::trace;

/// A message in a list, as it stands at `now`.
pub(super) fn listed(message: &Message, now: Timestamp) -> MessageView {
    let (waits_for, waiting) = wait_sentence::of(message, now).unzip();
    // The time of an attempt says nothing while something else has to happen first.
    let next_attempt = message.due.filter(|_| waits_for == Some(WaitsFor::Retry));
    MessageView {
        id: message.id.to_string(),
        account: message.id.account.to_string(),
        sequence: message.id.sequence.0,
        kind: convert::message_type(message.kind),
        state: convert::state(message.state),
        ordering_key: None,
        accepted_at: answer::time(message.accepted_at),
        finished_at: message.finished_at.map(answer::time),
        death_cause: message.death.map(convert::death),
        waits_for,
        waiting,
        waits_behind: message.behind.map(|before| before.to_string()),
        next_attempt_at: next_attempt.map(answer::time),
        attempt_count: message.attempts,
        trace_id: None,
        attempts: None,
        message: None,
    }
}

/// A message by itself: with its body and every attempt that is kept. What endpoints answered is shown to those only
/// who may see it.
pub(super) fn whole(message: &Message, attempts: &[Attempt], now: Timestamp, excerpts: bool) -> MessageView {
    MessageView {
        attempts: Some(attempts.iter().map(|attempt| attempt_view(attempt, excerpts)).collect()),
        trace_id: message.trace.and_then(trace::parent).map(|parent| parent.trace_text()),
        message: message.body.as_deref().and_then(raw),
        ..listed(message, now)
    }
}

fn attempt_view(attempt: &Attempt, excerpts: bool) -> AttemptView {
    let excerpt = attempt.excerpt.as_ref().filter(|_| excerpts);
    AttemptView {
        attempt: attempt.number,
        started_at: answer::time(attempt.started_at),
        duration_ms: u64::try_from(attempt.duration.as_millis()).unwrap_or(u64::MAX),
        endpoint: None,
        status: match attempt.outcome {
            Outcome::Answered { status, .. } => Some(status),
            Outcome::Failed(_) | Outcome::NotStarted => None,
        },
        error: error(attempt),
        excerpt: excerpt.map(|bytes| String::from_utf8_lossy(bytes).into_owned()),
        replay: false,
    }
}

/// What went wrong with an attempt, if something did, as a sentence for the tenant.
pub(super) fn error(attempt: &Attempt) -> Option<String> {
    let trouble = Trouble::of(&attempt.outcome)?;
    Some(attempt.error.clone().unwrap_or_else(|| trouble.to_string()))
}

/// A kept body as it stands, byte for byte; `None` for what is no JSON, which nothing kept is.
pub(super) fn raw(body: &[u8]) -> Option<Box<RawValue>> {
    RawValue::from_string(String::from_utf8(body.to_vec()).ok()?).ok()
}
