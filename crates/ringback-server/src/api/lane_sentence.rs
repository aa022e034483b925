//! What an account's lane is doing, in a word and in a sentence that says what would change it.

use std::time::Duration;

use ringback_delivery::{Health, Timestamp};
use ringback_store::{AccountSummary, Closed};
use ringback_wire::api::LaneState;

use super::answer;

/// What is said of a lane at `now`.
pub(super) fn of(account: &AccountSummary, now: Timestamp) -> (LaneState, String) {
    let waiting = waiting(account, now);
    if let Some(closed) = account.closed() {
        return (state(&closed), format!("{}; {waiting}", of_closed(&closed, now)));
    }
    let sentence = match account.health() {
        Health::Open { failures: 1 } => format!("open, but the last attempt failed; {waiting}"),
        Health::Open { failures: failures @ 2.. } => {
            format!("open, but the last {failures} attempts failed; {waiting}")
        }
        _ => format!("open, {waiting}"),
    };
    (LaneState::Active, sentence)
}

fn state(closed: &Closed) -> LaneState {
    match closed {
        Closed::Unregistered { .. } => LaneState::Unregistered,
        Closed::Paused { .. } => LaneState::Paused,
        Closed::OnHold { .. } => LaneState::Hold,
        Closed::Suspended { .. } => LaneState::Suspended,
    }
}

/// Why nothing is sent, and what would change that.
pub(super) fn of_closed(closed: &Closed, now: Timestamp) -> String {
    match *closed {
        Closed::Unregistered { pull: true } => "not registered: messages are kept to be pulled".to_owned(),
        Closed::Unregistered { pull: false } => {
            "not registered: messages are not accepted until a callback is registered or pull is enabled"
                .to_owned()
        }
        Closed::Paused { since } => {
            format!("paused since {}, until an operator resumes it", answer::time(since))
        }
        Closed::OnHold { since, probe_at, trouble } => {
            let probe = match probe_at.since(now) {
                Duration::ZERO => "the next probe is due".to_owned(),
                wait => format!("next probe in {}", span(wait)),
            };
            format!("on hold since {}: {trouble}; {probe}", answer::time(since))
        }
        Closed::Suspended { since } => {
            let why = "the endpoint answered 410, and nothing is sent until it is registered anew or resumed";
            format!("suspended since {}: {why}", answer::time(since))
        }
    }
}

fn waiting(account: &AccountSummary, now: Timestamp) -> String {
    let messages = match account.counts.pending {
        0 => return "nothing pending".to_owned(),
        1 => "1 message pending".to_owned(),
        many => format!("{many} messages pending"),
    };
    match account.oldest_pending {
        Some(accepted_at) => format!("{messages}, the oldest for {}", span(now.since(accepted_at))),
        None => messages,
    }
}

/// A span in the one unit that says enough.
pub(crate) fn span(span: Duration) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    match span.as_secs() {
        seconds if seconds < 2 * MINUTE => format!("{seconds} s"),
        seconds if seconds < 2 * HOUR => format!("{} min", seconds / MINUTE),
        seconds if seconds < 2 * DAY => format!("{} h", seconds / HOUR),
        seconds => format!("{} days", seconds / DAY),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use ringback_delivery::{Failure, Trouble};

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_795_516_920_000); // 2026-11-24T10:42:00Z

    fn registered() -> AccountSummary {
        let mut account = AccountSummary::untouched("0252012345-00001".parse().unwrap());
        account.standing.registered = true;
        account
    }

    fn pending(mut account: AccountSummary, count: u64) -> AccountSummary {
        account.counts.pending = count;
        account.oldest_pending = Some(NOW.before(Duration::from_secs(20)));
        account
    }

    fn said(account: &AccountSummary) -> (LaneState, String) {
        of(account, NOW)
    }

    #[test]
    fn an_open_lane_says_what_waits() {
        assert_eq!(said(&registered()), (LaneState::Active, "open, nothing pending".to_owned()));
        assert_eq!(said(&pending(registered(), 3)).1, "open, 3 messages pending, the oldest for 20 s");
        let mut failing = registered();
        failing.lane.health = Health::Open { failures: 2 };
        assert_eq!(said(&failing).1, "open, but the last 2 attempts failed; nothing pending");
    }

    #[test]
    fn a_hold_says_since_when_and_why_and_when_the_next_probe_goes_until_it_is_released() {
        let mut account = registered();
        account.lane.health = Health::Hold {
            since: NOW,
            failed_probes: 2,
            probe_at: NOW.after(Duration::from_secs(180)),
            trouble: Trouble::Failure(Failure::Connect),
        };
        let (state, sentence) = said(&account);
        assert_eq!(state, LaneState::Hold);
        assert_eq!(
            sentence,
            "on hold since 2026-11-24T10:42:00Z: no connection could be made; next probe in 3 min; nothing pending"
        );
        account.standing.releases += 1;
        assert_eq!(said(&account).0, LaneState::Active);
    }

    #[test]
    fn a_suspension_says_that_the_endpoint_answered_410() {
        let mut account = registered();
        account.lane.health = Health::Suspended { since: NOW };
        let (state, sentence) = said(&account);
        assert_eq!(state, LaneState::Suspended);
        assert!(sentence.starts_with("suspended since 2026-11-24T10:42:00Z: the endpoint answered 410"));
        account.standing.reinstatements += 1;
        assert_eq!(said(&account).0, LaneState::Active);
    }

    #[test]
    fn a_pause_comes_before_a_hold_and_no_registration_before_both() {
        let mut account = pending(registered(), 1);
        account.standing.pause.pause(NOW);
        let (state, sentence) = said(&account);
        assert_eq!(state, LaneState::Paused);
        assert!(sentence.ends_with("1 message pending, the oldest for 20 s"));
        account.standing.registered = false;
        assert_eq!(said(&account).0, LaneState::Unregistered);
    }

    #[test]
    fn a_span_is_said_in_one_unit() {
        let of = |seconds| span(Duration::from_secs(seconds));
        assert_eq!([of(119), of(180), of(7200), of(172_800)], ["119 s", "3 min", "2 h", "2 days"]);
    }
}
