//! Why a message has not arrived, in a sentence that says what would change it.

use ringback_wire::api::{AttemptView, DeathCause, MessageState, MessageView};

/// The sentence.
pub(super) fn sentence(message: &MessageView) -> String {
    let last = message.attempts.as_deref().unwrap_or_default().last();
    match message.state {
        MessageState::Delivered => delivered(message, last),
        MessageState::Cancelled => {
            "It was cancelled: its account was deregistered before it had arrived.".to_owned()
        }
        MessageState::Dead => dead(message, last),
        MessageState::Pending => pending(message, last),
    }
}

fn dead(message: &MessageView, last: Option<&AttemptView>) -> String {
    let tried = attempts(message.attempt_count);
    let given_up = match message.death_cause {
        Some(DeathCause::Age) => format!("it was given up for its age, after {tried}"),
        Some(DeathCause::Attempts) => format!("its attempts are used up: it was given up after {tried}"),
        None => format!("it was given up after {tried}"),
    };
    let ended = last.map(|last| format!("; the last one ended with {}", result(last))).unwrap_or_default();
    format!("It is dead: {given_up}{ended}. `ringback messages replay {}` sends it again.", message.id)
}

fn delivered(message: &MessageView, last: Option<&AttemptView>) -> String {
    let arrived = last.filter(|last| last.status.is_some_and(|status| (200..300).contains(&status)));
    match (arrived, &message.finished_at) {
        (Some(last), _) => format!("It has arrived, at attempt {}.", last.attempt),
        (None, _) if message.attempt_count == 0 => {
            "It has arrived: it was read back and acknowledged.".to_owned()
        }
        (None, Some(at)) => format!("It has arrived, at {at}."),
        (None, None) => "It has arrived.".to_owned(),
    }
}

fn pending(message: &MessageView, last: Option<&AttemptView>) -> String {
    let tried = match last {
        None if message.attempt_count == 0 => "has not been tried".to_owned(),
        None => format!("was tried {}", times(message.attempt_count)),
        Some(last) => {
            format!("was tried {}, last with {}", times(message.attempt_count), result(last))
        }
    };
    let waiting = message.waiting.as_ref().map(|waiting| format!("; {waiting}")).unwrap_or_default();
    format!("It waits: it {tried}{waiting}.")
}

fn attempts(count: u32) -> String {
    if count == 1 { "1 attempt".to_owned() } else { format!("{count} attempts") }
}

fn times(count: u32) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

/// What came of an attempt.
pub(super) fn result(attempt: &AttemptView) -> String {
    match (attempt.status, &attempt.error) {
        (Some(status), Some(error)) if !error.contains(&status.to_string()) => format!("{status} ({error})"),
        (_, Some(error)) => error.clone(),
        (Some(status), None) => status.to_string(),
        (None, None) => "no outcome".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn message(state: &str, attempts: serde_json::Value) -> MessageView {
        serde_json::from_value(json!({
            "id": "msg_1", "account": "0242078689-00001", "sequence": 1, "type": "firmwareList", "state": state,
            "acceptedAt": "2026-11-24T10:00:00Z", "attemptCount": attempts.as_array().unwrap().len(),
            "attempts": attempts,
        }))
        .unwrap()
    }

    fn attempt(status: u16) -> serde_json::Value {
        json!({"attempt": 1, "startedAt": "2026-11-24T10:00:00Z", "durationMs": 3, "status": status})
    }

    #[test]
    fn a_message_that_waits_says_what_the_last_attempt_got_and_what_it_waits_for() {
        let waits = MessageView {
            waiting: Some("next attempt in 30 s".to_owned()),
            ..message("pending", json!([attempt(500)]))
        };
        assert_eq!(sentence(&waits), "It waits: it was tried once, last with 500; next attempt in 30 s.");
        assert_eq!(sentence(&message("pending", json!([]))), "It waits: it has not been tried.");
    }

    #[test]
    fn a_dead_message_says_why_and_names_the_command_that_sends_it_again() {
        let dead = message("dead", json!([attempt(404)]));
        let said = sentence(&dead);
        assert!(said.contains("404") && said.contains("ringback messages replay msg_1"), "{said}");
        let old = MessageView { death_cause: Some(DeathCause::Age), ..dead };
        assert!(sentence(&old).starts_with("It is dead: it was given up for its age, after 1 attempt;"));
        let used_up = MessageView { death_cause: Some(DeathCause::Attempts), ..old };
        assert!(sentence(&used_up).starts_with("It is dead: its attempts are used up"));
    }
}
