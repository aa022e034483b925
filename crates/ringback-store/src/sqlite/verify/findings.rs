//! What a check found.

use ringback_delivery::AccountId;

use crate::{Counts, Discrepancy, LedgerReport};

/// How many discrepancies are told.
const TOLD: usize = 100;

/// A report that grows.
#[derive(Default)]
pub(super) struct Findings(LedgerReport);

impl Findings {
    /// Adds an account's ledger to the sum.
    pub(super) fn add(&mut self, counts: Counts) {
        let sum = &mut self.0.counts;
        sum.accepted += counts.accepted;
        sum.pending += counts.pending;
        sum.delivered += counts.delivered;
        sum.dead += counts.dead;
        sum.cancelled += counts.cancelled;
        sum.dropped_delivered += counts.dropped_delivered;
        sum.dropped_dead += counts.dropped_dead;
        sum.dropped_cancelled += counts.dropped_cancelled;
        self.0.accounts += 1;
    }

    /// Tells something that is wrong, while there is room.
    pub(super) fn tell(&mut self, account: Option<AccountId>, what: String) {
        if self.0.discrepancies.len() < TOLD {
            self.0.discrepancies.push(Discrepancy { account, what });
        }
    }

    /// The report.
    pub(super) fn into_report(self) -> LedgerReport {
        self.0
    }
}
