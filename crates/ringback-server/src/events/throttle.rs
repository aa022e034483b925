//! One of a kind for an account in ten minutes.

use std::collections::HashMap;
use std::time::Duration;

use ringback_delivery::{AccountId, Timestamp};
use ringback_wire::event::EventKind;

/// Between two events of a kind for an account.
pub(super) const EVERY: Duration = Duration::from_secs(600);
/// Pairs that are remembered; past it, what would need another is let pass no more than the rest.
const REMEMBERED: usize = 100_000;

#[derive(Debug, Clone, Copy)]
struct Last {
    told: Timestamp,
    suppressed: u64,
}

#[derive(Debug, Default)]
pub(super) struct Throttle {
    last: HashMap<(AccountId, EventKind), Last>,
}

impl Throttle {
    /// Whether this one may pass, and then how many were suppressed since the last that did.
    pub(super) fn pass(&mut self, now: Timestamp, account: AccountId, kind: EventKind) -> Option<u64> {
        if let Some(last) = self.last.get_mut(&(account, kind)) {
            if now.since(last.told) < EVERY {
                last.suppressed += 1;
                return None;
            }
            let suppressed = last.suppressed;
            *last = Last { told: now, suppressed: 0 };
            return Some(suppressed);
        }
        if self.last.len() >= REMEMBERED {
            self.last.retain(|_, last| now.since(last.told) < EVERY);
            if self.last.len() >= REMEMBERED {
                return None;
            }
        }
        self.last.insert((account, kind), Last { told: now, suppressed: 0 });
        Some(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_a_kind_for_an_account_passes_in_ten_minutes_and_says_how_many_did_not() {
        let mut throttle = Throttle::default();
        let (one, two) = ("0252012345-00001".parse().unwrap(), "0252012345-00002".parse().unwrap());
        let at = |seconds: i64| Timestamp::from_millis(seconds * 1000);
        assert_eq!(throttle.pass(at(0), one, EventKind::MessageDead), Some(0));
        assert_eq!(throttle.pass(at(1), one, EventKind::MessageDead), None);
        assert_eq!(throttle.pass(at(1), one, EventKind::LaneOnHold), Some(0));
        assert_eq!(throttle.pass(at(1), two, EventKind::MessageDead), Some(0));
        assert_eq!(throttle.pass(at(599), one, EventKind::MessageDead), None);
        assert_eq!(throttle.pass(at(600), one, EventKind::MessageDead), Some(2));
        assert_eq!(throttle.pass(at(601), one, EventKind::MessageDead), None);
    }
}
