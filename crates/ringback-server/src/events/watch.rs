//! From what is recorded of lanes to what happened to them.

use std::collections::HashMap;

use ringback_delivery::{AccountId, Health, LaneRecord, LaneUpdate};

use super::What;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Illness {
    OnHold,
    Suspended,
}

/// What an ill lane had shown when it fell ill, or was found so.
#[derive(Debug, Clone, Copy)]
struct Ill {
    illness: Illness,
    successes: u64,
}

/// The lanes in memory that are ill, or were released and have shown no success since.
#[derive(Debug, Default)]
pub(super) struct Watch {
    ill: HashMap<AccountId, Ill>,
}

impl Watch {
    /// A lane as it comes from the store: if it is ill, that was told when it fell so.
    pub(super) fn loaded(&mut self, account: AccountId, record: &LaneRecord) {
        if let Some(illness) = illness(record) {
            self.ill.entry(account).or_insert(Ill { illness, successes: record.successes });
        }
    }

    pub(super) fn forgotten(&mut self, account: AccountId) {
        self.ill.remove(&account);
    }

    /// What happened, if something did. A person's release of a lane is no recovery: the next success is.
    pub(super) fn kept(&mut self, LaneUpdate { account, record }: &LaneUpdate) -> Option<What> {
        let known = self.ill.get(account).copied();
        let Some(illness) = illness(record) else {
            known.filter(|known| record.successes > known.successes)?;
            self.ill.remove(account);
            return Some(What::Recovered);
        };
        self.ill.insert(*account, Ill { illness, successes: record.successes });
        if known.is_some_and(|known| known.illness == illness) {
            return None;
        }
        match record.health {
            Health::Hold { trouble, .. } => Some(What::OnHold(trouble)),
            _ => Some(What::Suspended),
        }
    }
}

fn illness(record: &LaneRecord) -> Option<Illness> {
    match record.health {
        Health::Open { .. } => None,
        Health::Hold { .. } => Some(Illness::OnHold),
        Health::Suspended { .. } => Some(Illness::Suspended),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringback_delivery::{Timestamp, Trouble};

    const AT: Timestamp = Timestamp::from_millis(0);

    fn hold(failed_probes: u32) -> Health {
        Health::Hold { since: AT, failed_probes, probe_at: AT, trouble: Trouble::Status(503) }
    }

    fn lane(successes: u64, health: Health) -> LaneUpdate {
        let account = "0252012345-00001".parse().unwrap();
        LaneUpdate { account, record: LaneRecord { successes, health, ..LaneRecord::default() } }
    }

    const OPEN: Health = Health::Open { failures: 0 };

    #[test]
    fn a_hold_is_told_once_and_its_end_is_told_by_a_success() {
        let mut watch = Watch::default();
        assert_eq!(watch.kept(&lane(3, OPEN)), None);
        assert_eq!(watch.kept(&lane(3, hold(0))), Some(What::OnHold(Trouble::Status(503))));
        assert_eq!(watch.kept(&lane(3, hold(1))), None);
        assert_eq!(watch.kept(&lane(4, OPEN)), Some(What::Recovered));
        assert_eq!(watch.kept(&lane(5, OPEN)), None);
    }

    #[test]
    fn a_release_is_no_recovery_and_the_success_after_it_is() {
        let mut watch = Watch::default();
        watch.kept(&lane(3, Health::Suspended { since: AT }));
        assert_eq!(watch.kept(&lane(3, OPEN)), None);
        assert_eq!(watch.kept(&lane(4, OPEN)), Some(What::Recovered));
    }

    #[test]
    fn a_lane_that_was_ill_when_it_came_into_memory_is_not_told_of_again_and_its_recovery_is() {
        let mut watch = Watch::default();
        let LaneUpdate { account, record } = lane(3, hold(7));
        watch.loaded(account, &record);
        assert_eq!(watch.kept(&lane(3, hold(8))), None);
        assert_eq!(watch.kept(&lane(3, Health::Suspended { since: AT })), Some(What::Suspended));
        assert_eq!(watch.kept(&lane(4, OPEN)), Some(What::Recovered));
        watch.loaded(account, &record);
        watch.forgotten(account);
        assert_eq!(watch.kept(&lane(9, OPEN)), None);
    }
}
