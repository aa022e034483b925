//! A lane: the queue of one endpoint, and the unit of scheduling, ordering and health.
//!
//! ```text
//!            a success              five endpoint failures in a row,
//!          ┌───────────┐            or one Retry-After
//!          ▼           │  ┌───────────────────────────────────────┐
//!   ┌─────────────┐    │  │                                       ▼
//!   │    open     │────┴──┘                              ┌─────────────────┐
//!   │ 1…32 slots  │◀──────── a success, a release ───────│     on hold     │──┐ a failed probe:
//!   └─────────────┘                                      │ a probe at times│◀─┘ a longer wait
//!          │   ▲                                         └─────────────────┘
//!      410 │   │ registered anew, resumed                         │ 410
//!          ▼   │                                                  ▼
//!   ┌─────────────────────────────────────────────────────────────────┐
//!   │                     suspended: nothing goes                     │
//!   └─────────────────────────────────────────────────────────────────┘
//! ```
//!
//! Beside its health a lane has a *window* of the queue in memory. While the window holds all that is pending, the lane
//! is *complete* and takes what is accepted straight from memory. When it can't keep up it lets go, reads portions from
//! the store ([`reading`]), and becomes complete again once it has drained. What an answer means is decided in
//! [`judging`], and who dies of age in [`age`].
//!
//! The promise: of the messages with one key the first is delivered or recorded as dead before the next one starts, and
//! nothing starts that the account has cancelled, whatever the order in which reads, answers and commits come.

mod age;
mod chore;
mod judging;
mod reading;

use std::collections::BTreeSet;
use std::time::Duration;

use crate::account::AccountId;
use crate::hashing::NumberSet;
use crate::health::{Health, LaneRecord};
use crate::message::{Sequence, Turn};
use crate::pools::Repute;
use crate::settings::Settings;
use crate::settlement::Verdict;
use crate::standing::Standing;
use crate::time::Timestamp;
use crate::waiting::{EmptyLane, Waiting};
use crate::window::{Phase, Window};
use chore::Chore;
use reading::Reading;

/// When something happens to a lane, and what the lane goes by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment<'a> {
    pub(crate) now: Timestamp,
    pub(crate) settings: &'a Settings,
    /// Whether there is room for more messages in memory, all lanes together.
    pub(crate) room: bool,
}

/// What a lane will do next by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rest {
    /// Something is under way, or about to be.
    Busy,
    /// All that waits, waits until then.
    Until(Timestamp),
    /// Nothing waits.
    Idle,
}

/// What is under way for a lane, and comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Outstanding {
    pub(crate) flights: u32,
    pub(crate) settlements: u32,
    pub(crate) reads: u32,
    pub(crate) sweeps: u32,
    pub(crate) hastenings: u32,
    pub(crate) record: Option<LaneRecord>,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Lane {
    account: AccountId,
    /// Nothing dies of age before: the program has just started.
    mortal_from: Timestamp,
    /// The newest that the lane knows.
    standing: Standing,
    record: LaneRecord,
    record_changed: bool,
    /// The record that was given out to be kept, until it is.
    unkept: Option<LaneRecord>,
    /// The release that was acted on here; it is in the record once the store's rows are due too.
    releases_heeded: u64,
    window: Window,

    flying: u32,
    /// Messages that were decided about, and that is not recorded.
    unrecorded: u32,
    /// Something of that can't be recorded: nothing starts meanwhile.
    is_aside: bool,
    slots: u32,
    last_success: Option<Timestamp>,
    /// The different messages that were refused since the last success.
    refused: NumberSet<Sequence>,
    /// Nothing starts before: an attempt could not begin just now.
    start_from: Timestamp,

    /// The standing and the record were read.
    opened: bool,
    reading: Reading,
    /// Settling what the account cancelled or acknowledged, in the store.
    sweep: Chore,
    /// Making what waits in the store due.
    hasten: Chore,
    /// What is being recorded with a moment of before the clock was set back.
    outdated: BTreeSet<Turn>,
    /// The clock was set back since the store's record was written.
    reads_set_back: bool,
}

impl Lane {
    pub(crate) fn new(account: AccountId, mortal_from: Timestamp) -> Self {
        Self {
            account,
            mortal_from,
            standing: Standing::default(),
            record: LaneRecord::default(),
            record_changed: false,
            unkept: None,
            releases_heeded: 0,
            window: Window::default(),
            flying: 0,
            unrecorded: 0,
            is_aside: false,
            slots: 1,
            last_success: None,
            refused: NumberSet::default(),
            start_from: Timestamp::default(),
            opened: false,
            reading: Reading::default(),
            sweep: Chore::None,
            hasten: Chore::None,
            outdated: BTreeSet::new(),
            reads_set_back: false,
        }
    }

    pub(crate) fn entries(&self) -> usize {
        self.window.len() + self.reading.kept()
    }

    /// Whether nothing but probes goes, or nothing at all, so that news of new messages changes nothing.
    pub(crate) fn closed(&self) -> bool {
        !self.standing.sends() || self.record.health.closed_since().is_some()
    }

    /// Whether the endpoint has succeeded of late.
    fn proven(&self, at: &Moment<'_>) -> bool {
        self.last_success.is_some_and(|success| at.now.since(success) < at.settings.proof_lasts)
    }

    /// What the endpoint has shown of late.
    pub(crate) fn repute(&self, at: &Moment<'_>) -> Repute {
        match self.record.health {
            _ if self.proven(at) => Repute::Proven,
            Health::Open { failures: 0 } => Repute::Unknown,
            _ => Repute::Failing,
        }
    }

    // ---- The account's standing ----------------------------------------------------------------------------------

    /// The account's standing is this, or was a moment ago. Acts on it if it is newer than what the lane knows.
    pub(crate) fn standing_changed(&mut self, at: &Moment<'_>, standing: Standing) {
        if !standing.follows(&self.standing) {
            return;
        }
        let before = std::mem::replace(&mut self.standing, standing);
        if !self.opened {
            return;
        }
        self.start_from = at.now;
        if standing.cancelled_through > before.cancelled_through
            || standing.acknowledged_turn > before.acknowledged_turn
            || standing.acknowledged_through > before.acknowledged_through
        {
            self.sweep.want();
            self.drop_overtaken();
        }
        self.queue_reaches(standing.last_turn);
        self.heed_releases(at);
    }

    /// The lane is known without being read: nothing waits.
    pub(crate) fn begin(&mut self, at: &Moment<'_>, known: &EmptyLane) {
        self.reading.found_empty(known.standing.last_turn);
        self.open(at, known.standing, known.record);
    }

    /// The record and a standing are known for the first time. What was cancelled or acknowledged before is swept when
    /// it is met.
    fn open(&mut self, at: &Moment<'_>, standing: Standing, record: LaneRecord) {
        self.record = record;
        self.clamp_probe(at);
        if std::mem::take(&mut self.reads_set_back)
            && let Health::Hold { probe_at, .. } = &mut self.record.health
            && *probe_at > at.now
        {
            *probe_at = at.now;
            self.record_changed = true;
        }
        self.standing_changed(at, standing);
        self.opened = true;
        self.queue_reaches(self.standing.last_turn);
        self.heed_releases(at);
    }

    fn heed_releases(&mut self, at: &Moment<'_>) {
        let standing = self.standing;
        if standing.reinstatements > self.record.reinstatements_seen {
            self.record.reinstatements_seen = standing.reinstatements;
            self.record_changed = true;
            if matches!(self.record.health, Health::Suspended { .. }) {
                self.record.health = Health::default();
            }
        }
        if standing.releases > self.releases_heeded.max(self.record.releases_seen) {
            self.releases_heeded = standing.releases;
            self.record_changed = true;
            if !matches!(self.record.health, Health::Suspended { .. }) {
                self.record.health = Health::default();
            }
            self.refused.clear();
            self.window.hasten(at.now);
            self.hasten.want();
        }
    }

    fn drop_overtaken(&mut self) {
        let waiting: Vec<Turn> = self
            .window
            .entries()
            .filter(|entry| entry.phase == Phase::Waiting)
            .filter(|entry| self.standing.overtakes(entry.waiting.turn, entry.waiting.sequence))
            .map(|entry| entry.waiting.turn)
            .collect();
        for turn in waiting {
            self.finish(turn);
        }
    }

    // ---- What goes out -------------------------------------------------------------------------------------------

    /// The next message to send, if one may go now; its `attempts` count this one.
    pub(crate) fn launch(&mut self, at: &Moment<'_>) -> Option<Waiting> {
        if !self.may_launch(at) {
            return None;
        }
        let (_, turn) = self.window.first_free()?;
        let probe = matches!(self.record.health, Health::Hold { .. });
        let waiting = self.window.launch(turn, probe)?;
        self.flying += 1;
        Some(waiting)
    }

    /// Whether [`Lane::launch`] would give something.
    pub(crate) fn may_launch(&self, at: &Moment<'_>) -> bool {
        self.may_launch_at(at).is_some_and(|launch| launch <= at.now)
    }

    /// When something may go, if nothing changes before.
    fn may_launch_at(&self, at: &Moment<'_>) -> Option<Timestamp> {
        if !self.opened || self.is_aside || !self.standing.sends() || self.sweep.is_under_way() {
            return None;
        }
        let (due, _) = self.window.first_free()?;
        let due = due.max(self.start_from);
        match self.record.health {
            Health::Suspended { .. } => None,
            Health::Hold { probe_at, .. } => (self.flying == 0).then_some(due.max(probe_at)),
            Health::Open { .. } => {
                let slots = if self.proven(at) { self.slots } else { 1 };
                (self.flying < slots).then_some(due)
            }
        }
    }

    // ---- What is recorded ----------------------------------------------------------------------------------------

    /// A decision is recorded.
    pub(crate) fn recorded(&mut self, turn: Turn) {
        let Some(entry) = self.window.get(turn).copied() else { return };
        if self.outdated.remove(&turn) {
            self.hasten_rows();
        }
        match entry.phase {
            Phase::Delivered => {
                self.unrecorded -= 1;
                self.window.finish(turn, self.reading.under_way);
            }
            Phase::Settling(Verdict::Retry { due, charged, successes }) => {
                self.unrecorded -= 1;
                if self.standing.overtakes(entry.waiting.turn, entry.waiting.sequence) {
                    // It may have been recorded as waiting, just before it was cancelled.
                    self.sweep.want();
                    self.finish(turn);
                } else {
                    self.window.wait_again(turn, due, charged, successes);
                }
            }
            Phase::Settling(_) => {
                self.unrecorded -= 1;
                self.finish(turn);
            }
            Phase::Waiting | Phase::Flying { .. } | Phase::Gone => {}
        }
    }

    /// How much of it is not recorded, where it stands still for that.
    pub(crate) fn aside(&self) -> usize {
        if self.is_aside { self.unrecorded as usize } else { 0 }
    }

    /// What was decided can't be recorded, or is after all.
    pub(crate) fn set_aside(&mut self, is_aside: bool) {
        self.is_aside = is_aside;
    }

    /// The lane's record, if it changed since this was asked.
    pub(crate) fn take_record(&mut self) -> Option<LaneRecord> {
        if !std::mem::take(&mut self.record_changed) {
            return None;
        }
        self.unkept = Some(self.record);
        self.unkept
    }

    /// A record that was given out is kept.
    pub(crate) fn kept(&mut self, record: &LaneRecord) {
        if self.unkept.as_ref() == Some(record) {
            self.unkept = None;
        }
    }

    /// What is under way, and comes back.
    pub(crate) fn outstanding(&self) -> Outstanding {
        Outstanding {
            flights: self.flying,
            settlements: self.unrecorded,
            reads: self.reading.under_way.into(),
            sweeps: self.sweep.is_under_way().into(),
            hastenings: self.hasten.is_under_way().into(),
            record: self.unkept,
        }
    }

    // ---- Time ----------------------------------------------------------------------------------------------------

    /// The clock was set back. Whether something follows from that now.
    ///
    /// Since when a lane is closed stays as it is: else a message would seem to have had no chance that had one.
    pub(crate) fn set_back(&mut self, by: Duration) -> bool {
        self.mortal_from = self.mortal_from.set_back(by);
        self.last_success = self.last_success.map(|at| at.set_back(by));
        self.start_from = self.start_from.set_back(by);
        self.reading.set_back(by);
        self.outdated.extend(self.window.set_back(by));
        if let Health::Hold { probe_at, .. } = &mut self.record.health {
            *probe_at = probe_at.set_back(by);
            self.record_changed = true;
        }
        self.reads_set_back |= !self.opened;
        // A complete lane too may let go of what it has, and read it again.
        let rows = !self.reading.complete || self.window.tried() > 0;
        if rows {
            self.hasten_rows();
        }
        self.record_changed || rows
    }

    /// The clock was set back while the lane was not in memory: what is to be read keeps moments of before.
    pub(crate) fn woken_after_set_back(&mut self) {
        self.reads_set_back = true;
        self.hasten_rows();
    }

    /// What the lane does next by itself, and when.
    pub(crate) fn rest(&self, at: &Moment<'_>) -> Rest {
        let chores = self.sweep != Chore::None || self.hasten != Chore::None || self.record_changed;
        let reads = self.wants_read(at) || self.reading.again_at().is_some();
        let wants = chores || reads || self.may_launch(at);
        if wants || self.outstanding() != Outstanding::default() {
            return Rest::Busy;
        }
        if self.window.is_empty() && self.reading.complete {
            return Rest::Idle;
        }
        Rest::Until(self.wake_at(at).unwrap_or(Timestamp::NEVER))
    }

    /// When the lane has to be looked at again, if nothing happens before: later than now.
    pub(crate) fn wake_at(&self, at: &Moment<'_>) -> Option<Timestamp> {
        let times =
            [self.may_launch_at(at), self.reading.due_at(), self.reading.again_at(), self.next_death(at)];
        times.into_iter().flatten().filter(|time| *time > at.now).min()
    }
}
