//! What a lane should know and do by the semantics, kept apart from the engine, to check it against.
//!
//! It is lenient where the engine knows more (from the record of an earlier owner), never where it knows less.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ringback_delivery::{
    Class, FlightId, LaneRecord, Outcome, Sequence, Settings, Standing, Timestamp, Waiting,
};

/// Nothing but probes should go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hold {
    failed_probes: u32,
    pub(crate) next: Timestamp,
}

/// See the module. One for each account, of its present owner.
#[derive(Debug, Default)]
pub(crate) struct LaneView {
    pub(crate) tenure: u64,
    /// The newest standing that the engine was given.
    pub(crate) standing: Standing,
    version: u64,
    opened: bool,
    failures: u32,
    pub(crate) hold: Option<Hold>,
    pub(crate) suspended: bool,
    refused: BTreeSet<Sequence>,
    slots: u32,
    pub(crate) last_success: Option<Timestamp>,
    pub(crate) flying: BTreeMap<FlightId, bool>,
    pub(crate) successes: u64,
    /// When the engine was last given a release.
    pub(crate) released_at: Option<Timestamp>,
    /// Since when the engine holds the lane for closed.
    pub(crate) closed_since: Option<Timestamp>,
    pub(crate) reads: u64,
    pub(crate) excuses: u64,
}

impl LaneView {
    /// Begins anew where the owner is another; false for what is of an earlier owner.
    pub(crate) fn of_tenure(&mut self, tenure: u64) -> bool {
        if tenure > self.tenure {
            *self = Self {
                tenure,
                slots: 1,
                closed_since: self.closed_since,
                reads: self.reads,
                excuses: self.excuses + 1,
                ..Self::default()
            };
        }
        tenure == self.tenure
    }

    /// The engine let go of what it knew only in memory.
    pub(crate) fn forgotten(&mut self) {
        self.refused.clear();
        self.slots = 1;
        self.last_success = None;
        self.opened = false;
        self.version = 0;
    }

    /// The clock was set back: the lane may look at what waits, and keep its record anew.
    pub(crate) fn set_back(&mut self, by: Duration) {
        let next = self.hold.as_mut().map(|hold| &mut hold.next);
        for at in next.into_iter().chain(&mut self.last_success).chain(&mut self.released_at) {
            *at = at.before(by);
        }
        self.excuses += 1;
    }

    pub(crate) fn proven(&self, now: Timestamp, settings: &Settings) -> bool {
        self.last_success.is_some_and(|at| now.since(at) < settings.proof_lasts)
    }

    /// Whether it has failed since its last success.
    pub(crate) fn failing(&self) -> bool {
        self.failures > 0 || self.hold.is_some()
    }

    /// Requests that may be open at once now.
    pub(crate) fn slots(&self, now: Timestamp, settings: &Settings) -> usize {
        if self.hold.is_some() || !self.proven(now, settings) { 1 } else { self.slots as usize }
    }

    /// The engine was told a standing.
    pub(crate) fn told(&mut self, now: Timestamp, version: u64, standing: &Standing) {
        if version <= self.version {
            return;
        }
        self.version = version;
        let before = std::mem::replace(&mut self.standing, *standing);
        if self.opened {
            self.heed(now, before.releases, before.reinstatements);
        }
    }

    /// The engine read a standing and the lane's record.
    pub(crate) fn opened(&mut self, now: Timestamp, version: u64, standing: &Standing, record: &LaneRecord) {
        self.told(now, version, standing);
        if !self.opened {
            self.opened = true;
            self.heed(now, record.releases_seen, record.reinstatements_seen);
        }
    }

    fn heed(&mut self, now: Timestamp, releases: u64, reinstatements: u64) {
        if self.standing.reinstatements > reinstatements {
            self.suspended = false;
        }
        if self.standing.releases > releases {
            self.released_at = Some(now);
            self.hold = None;
            self.failures = 0;
            self.refused.clear();
        }
    }

    /// An attempt ended, and the engine is about to hear.
    pub(crate) fn answered(
        &mut self,
        now: Timestamp,
        settings: &Settings,
        waiting: &Waiting,
        outcome: &Outcome,
        probe: bool,
    ) {
        match outcome.class() {
            Class::Success => {
                self.slots = (self.slots(now, settings) as u32 * 2).min(settings.slots);
                self.last_success = Some(now);
                self.successes += 1;
                self.failures = 0;
                self.refused.clear();
                self.hold = None;
            }
            Class::EndpointFailure { retry_after } => {
                let asked = retry_after.map(|span| span.min(settings.retry_after_cap));
                self.failed(now, settings, asked.map(|span| now.after(span)), probe);
            }
            Class::MessageFailure { .. } => {
                self.refused.insert(waiting.sequence);
                if self.refused.len() >= settings.refusals_to_failure {
                    self.refused.clear();
                    self.failed(now, settings, None, probe);
                } else if probe {
                    self.failed(now, settings, None, probe);
                }
            }
            Class::Gone => self.suspended = true,
            Class::NotStarted => {}
        }
    }

    fn failed(&mut self, now: Timestamp, settings: &Settings, asked: Option<Timestamp>, probe: bool) {
        if self.suspended {
            return;
        }
        match &mut self.hold {
            None => {
                self.failures += 1;
                if self.failures >= settings.failures_to_hold || asked.is_some() {
                    self.slots = 1;
                    let next = now.after(settings.probe_delay(0));
                    self.hold = Some(Hold { failed_probes: 0, next: next.max(asked.unwrap_or(now)) });
                }
            }
            Some(hold) => {
                if probe {
                    hold.failed_probes += 1;
                    hold.next = now.after(settings.probe_delay(hold.failed_probes));
                }
                hold.next = hold.next.max(asked.unwrap_or(now));
            }
        }
    }
}
