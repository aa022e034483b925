//! Why a message has not arrived, in a sentence that says what would change it.

use ringback_wire::api::{AccountView, AttemptView, LaneState, MessageState, MessageView};

/// The sentence. `account` is what is known of its account, if anything is.
pub(super) fn sentence(message: &MessageView, account: Option<&AccountView>) -> String {
    let last = message.attempts.as_deref().unwrap_or_default().last();
    match message.state {
        MessageState::Delivered => delivered(message, last),
        MessageState::Cancelled => {
            "It was cancelled: its account was deregistered before it had arrived.".to_owned()
        }
        MessageState::Dead => format!(
            "It is dead: it was given up after {}{}. `ringback messages replay {}` sends it again.",
            attempts(message.attempt_count),
            last.map(|last| format!("; the last one ended with {}", result(last))).unwrap_or_default(),
            message.id,
        ),
        MessageState::Pending => pending(message, last, account),
    }
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

fn pending(message: &MessageView, last: Option<&AttemptView>, account: Option<&AccountView>) -> String {
    let tried = match last {
        None if message.attempt_count == 0 => "has not been tried".to_owned(),
        None => format!("was tried {}", times(message.attempt_count)),
        Some(last) => {
            format!("was tried {}, last with {}", times(message.attempt_count), result(last))
        }
    };
    let next = match &message.next_attempt_at {
        Some(next) => format!("; it is tried again at {next}"),
        None => String::new(),
    };
    let Some(account) = account else { return format!("It waits: it {tried}{next}.") };
    match account.state {
        LaneState::Active if last.is_none() => {
            format!(
                "It waits: it {tried}, as others are before it or as it came just now ({}).",
                account.lane
            )
        }
        LaneState::Active => format!("It waits: it {tried}{next}."),
        // On hold, suspended, paused or not registered: then the lane decides, and its sentence says what would help.
        _ => format!("It waits: it {tried}, and its account's callbacks are held up: {}.", account.lane),
    }
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
            "nextAttemptAt": "2026-11-24T10:00:30Z", "attempts": attempts,
        }))
        .unwrap()
    }

    fn attempt(status: u16) -> serde_json::Value {
        json!({"attempt": 1, "startedAt": "2026-11-24T10:00:00Z", "durationMs": 3, "status": status})
    }

    fn account(state: &str, lane: &str) -> AccountView {
        serde_json::from_value(json!({
            "account": "0242078689-00001", "pull": false, "state": state, "lane": lane,
            "counts": {"accepted": 1, "delivered": 0, "pending": 1, "dead": 0, "cancelled": 0},
        }))
        .unwrap()
    }

    #[test]
    fn a_message_that_waits_for_its_next_attempt_says_what_the_last_one_got() {
        let said = sentence(&message("pending", json!([attempt(500)])), Some(&account("active", "open")));
        assert_eq!(
            said,
            "It waits: it was tried once, last with 500; it is tried again at 2026-11-24T10:00:30Z."
        );
    }

    #[test]
    fn a_message_behind_a_hold_says_what_the_lane_says() {
        let said = sentence(&message("pending", json!([])), Some(&account("hold", "on hold since 10:00")));
        assert!(said.ends_with("held up: on hold since 10:00."), "{said}");
    }

    #[test]
    fn a_dead_message_names_the_command_that_sends_it_again() {
        let said = sentence(&message("dead", json!([attempt(404)])), None);
        assert!(said.contains("404") && said.contains("ringback messages replay msg_1"), "{said}");
    }
}
