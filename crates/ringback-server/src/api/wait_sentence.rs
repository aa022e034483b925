//! What a pending message waits for, in a word and in a sentence that says what would change it.

use std::time::Duration;

use ringback_delivery::{MessageState, Timestamp};
use ringback_store::{Closed, Message};
use ringback_wire::api::WaitsFor;

use super::lane_sentence;

/// What is said of a message at `now`; nothing of one that is not pending.
pub(super) fn of(message: &Message, now: Timestamp) -> Option<(WaitsFor, String)> {
    if message.state != MessageState::Pending {
        return None;
    }
    let before = message.behind.map(|before| {
        let number = before.sequence.0;
        format!("message {number}, which has the same ordering key, goes first")
    });
    Some(match (&message.closed, before, message.due) {
        (Some(closed), None, _) => (of_closed(closed), lane_sentence::of_closed(closed, now)),
        (Some(closed), Some(before), _) => {
            (of_closed(closed), format!("{}; and {before}", lane_sentence::of_closed(closed, now)))
        }
        (None, Some(before), _) => (WaitsFor::Message, before),
        (None, None, Some(due)) => (WaitsFor::Retry, retry(due, now)),
        (None, None, None) => {
            (WaitsFor::Turn, "it is being sent, or its turn comes as soon as there is room".to_owned())
        }
    })
}

fn of_closed(closed: &Closed) -> WaitsFor {
    match closed {
        Closed::Unregistered { .. } => WaitsFor::Registration,
        Closed::Paused { .. } => WaitsFor::Resume,
        Closed::OnHold { .. } => WaitsFor::Probe,
        Closed::Suspended { .. } => WaitsFor::Reinstatement,
    }
}

fn retry(due: Timestamp, now: Timestamp) -> String {
    match due.since(now) {
        Duration::ZERO => "its next attempt is due, or under way".to_owned(),
        wait => format!("next attempt in {}", lane_sentence::span(wait)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use ringback_delivery::{Failure, MessageId, MessageKind, Sequence, Trouble};

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_795_516_920_000); // 2026-11-24T10:42:00Z

    fn pending(sequence: u64) -> Message {
        Message {
            id: MessageId::new("0252012345-00001".parse().unwrap(), Sequence(sequence), NOW),
            kind: MessageKind::UpgradeFinished,
            state: MessageState::Pending,
            accepted_at: NOW,
            finished_at: None,
            attempts: 0,
            death: None,
            due: None,
            behind: None,
            closed: None,
            body: None,
            trace: None,
        }
    }

    fn said(message: &Message) -> (WaitsFor, String) {
        of(message, NOW).unwrap()
    }

    #[test]
    fn what_is_finished_waits_for_nothing() {
        assert_eq!(of(&Message { state: MessageState::Dead, ..pending(1) }, NOW), None);
    }

    #[test]
    fn a_message_waits_for_its_turn_its_time_or_the_one_before_it() {
        assert_eq!(said(&pending(5)).0, WaitsFor::Turn);
        let tried = Message { due: Some(NOW.after(Duration::from_secs(30))), ..pending(5) };
        assert_eq!(said(&tried), (WaitsFor::Retry, "next attempt in 30 s".to_owned()));
        let late = Message { due: Some(NOW.before(Duration::from_secs(30))), ..pending(5) };
        assert_eq!(said(&late).1, "its next attempt is due, or under way");
        let behind = Message { behind: Some(pending(4).id), ..tried };
        let sentence = "message 4, which has the same ordering key, goes first";
        assert_eq!(said(&behind), (WaitsFor::Message, sentence.to_owned()));
    }

    #[test]
    fn what_closes_the_account_comes_first() {
        let closed = Closed::OnHold {
            since: NOW,
            probe_at: NOW.after(Duration::from_secs(180)),
            trouble: Trouble::Failure(Failure::Connect),
        };
        let tried = Message { closed: Some(closed), due: Some(NOW), ..pending(5) };
        let sentence = "on hold since 2026-11-24T10:42:00Z: no connection could be made; next probe in 3 min";
        assert_eq!(said(&tried), (WaitsFor::Probe, sentence.to_owned()));
        let behind = Message { behind: Some(pending(4).id), ..tried };
        assert!(
            said(&behind).1.ends_with("in 3 min; and message 4, which has the same ordering key, goes first")
        );
        for (closed, waits_for) in [
            (Closed::Unregistered { pull: true }, WaitsFor::Registration),
            (Closed::Paused { since: NOW }, WaitsFor::Resume),
            (Closed::Suspended { since: NOW }, WaitsFor::Reinstatement),
        ] {
            assert_eq!(said(&Message { closed: Some(closed), ..pending(5) }).0, waits_for);
        }
    }
}
