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
//! the store, and becomes complete again once it has drained.
//!
//! The promise: of the messages with one key the first is delivered or recorded as dead before the next one starts, and
//! nothing starts that the account has cancelled, whatever the order in which reads, answers and commits come.

use std::collections::HashMap;
use std::collections::HashSet;
use std::time::Duration;

use crate::account::AccountId;
use crate::health::{Health, LaneRecord, Trouble};
use crate::message::{OrderingKey, Sequence, Turn};
use crate::outcome::{Class, Outcome};
use crate::schedule::Jitter;
use crate::settings::Settings;
use crate::settlement::{Death, Settlement, Verdict};
use crate::standing::Standing;
use crate::time::Timestamp;
use crate::waiting::{LaneRead, LaneRows, Waiting};
use crate::window::{Phase, Window};

/// A message that a lane decided to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Launch {
    /// The message; its `attempts` count this one.
    pub(crate) waiting: Waiting,
    /// The account's generation, as far as the lane knows.
    pub(crate) generation: u64,
}

/// What a lane will do next by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rest {
    /// Something is under way.
    Busy,
    /// All that waits, waits until then.
    Until(Timestamp),
    /// Nothing waits.
    Idle,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Lane {
    account: AccountId,
    /// Nothing dies of age before: the program has just started.
    mortal_from: Timestamp,
    standing: Standing,
    record: LaneRecord,
    record_changed: bool,
    /// The release that was acted on here; it is in the record once the store's rows are due too.
    releases_heeded: u64,
    window: Window,

    flying: u32,
    /// Messages that were answered, and whose outcome is not recorded.
    unrecorded: u32,
    slots: u32,
    last_success: Option<Timestamp>,
    /// The different messages that were refused since the last success.
    refused: HashSet<Sequence>,

    opened: bool,
    reading: bool,
    /// The standing came by itself since the lane was asked for; one that was read may be older.
    standing_told: bool,
    /// The window holds all that is pending up to `last_turn`: what is accepted next can be taken from memory.
    complete: bool,
    /// Something up to `read_through` is pending and not in the window.
    outside: bool,
    /// The queue was read up to here.
    read_through: Turn,
    /// Nothing is behind `read_through`.
    at_end: bool,
    /// Something came that the read under way may not see.
    news: bool,
    last_turn: Turn,
    /// When the next is due that was tried and is not in the window.
    next_due: Option<Timestamp>,
    /// Keys whose last message here is done, with its place: what follows is in the store.
    followers: HashMap<OrderingKey, Turn>,

    sweep: Chore,
    hasten: Chore,
}

/// Work on the store's rows that goes in bounded steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Chore {
    #[default]
    None,
    Wanted,
    UnderWay,
    UnderWayAndWanted,
}

impl Chore {
    fn want(&mut self) {
        *self = match self {
            Self::None | Self::Wanted => Self::Wanted,
            Self::UnderWay | Self::UnderWayAndWanted => Self::UnderWayAndWanted,
        };
    }

    fn begin(&mut self) -> bool {
        let begins = *self == Self::Wanted;
        if begins {
            *self = Self::UnderWay;
        }
        begins
    }

    fn end(&mut self, more: bool) {
        let wanted = more || *self == Self::UnderWayAndWanted;
        *self = if wanted { Self::Wanted } else { Self::None };
    }
}

impl Lane {
    pub(crate) fn new(account: AccountId, mortal_from: Timestamp) -> Self {
        Self {
            account,
            mortal_from,
            standing: Standing::default(),
            record: LaneRecord::default(),
            record_changed: false,
            releases_heeded: 0,
            window: Window::default(),
            flying: 0,
            unrecorded: 0,
            slots: 1,
            last_success: None,
            refused: HashSet::new(),
            opened: false,
            reading: false,
            standing_told: false,
            complete: false,
            outside: false,
            read_through: Turn(0),
            at_end: false,
            news: false,
            last_turn: Turn(0),
            next_due: None,
            followers: HashMap::new(),
            sweep: Chore::None,
            hasten: Chore::None,
        }
    }

    pub(crate) fn entries(&self) -> usize {
        self.window.len()
    }

    /// Whether nothing but probes goes, or nothing at all, so that news of new messages changes nothing.
    pub(crate) fn closed(&self) -> bool {
        !self.standing.sends() || self.record.health.closed_since().is_some()
    }

    /// Whether the endpoint has succeeded of late.
    pub(crate) fn proven(&self, now: Timestamp, settings: &Settings) -> bool {
        self.last_success.is_some_and(|at| now.since(at) < settings.proof_lasts)
    }

    // ---- What comes in -------------------------------------------------------------------------------------------

    /// A message was accepted. Takes it where the lane is complete and has room.
    pub(crate) fn accepted(&mut self, waiting: Waiting, room: bool, settings: &Settings) {
        let follows = self.complete && waiting.turn.0 == self.last_turn.0 + 1;
        self.last_turn = self.last_turn.max(waiting.turn);
        if follows && room && self.window.len() < settings.handoff_window {
            self.read_through = waiting.turn;
            self.window.insert(waiting);
        } else {
            self.complete = false;
            self.news = true;
            self.at_end = false;
        }
    }

    /// News of messages may have been lost: look for them.
    pub(crate) fn missed(&mut self) {
        self.complete = false;
        self.news = true;
        self.at_end = false;
    }

    /// The account's standing changed.
    pub(crate) fn standing_changed(&mut self, now: Timestamp, standing: Standing, settings: &Settings) {
        self.standing_told = true;
        self.adopt(now, standing, settings);
    }

    fn adopt(&mut self, now: Timestamp, standing: Standing, settings: &Settings) {
        let overtaken = standing.cancelled_through > self.standing.cancelled_through
            || standing.acknowledged_through > self.standing.acknowledged_through;
        self.standing = standing;
        if overtaken {
            self.sweep.want();
            self.drop_overtaken();
        }
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
            self.slots = if self.proven(now, settings) { self.slots } else { 1 };
            self.refused.clear();
            self.window.hasten(now);
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

    /// What was read has come.
    pub(crate) fn loaded(&mut self, now: Timestamp, rows: LaneRows, settings: &Settings) {
        self.reading = false;
        if let Some((standing, record)) = rows.opening
            && !self.opened
        {
            self.opened = true;
            self.record = record;
            self.clamp_probe(now, settings);
            self.last_turn = self.last_turn.max(standing.last_turn);
            let standing = if self.standing_told { self.standing } else { standing };
            self.standing = Standing::default();
            self.adopt(now, standing, settings);
            self.sweep = Chore::None;
        }
        for (waiting, predecessor) in &rows.queue {
            self.read_through = self.read_through.max(waiting.turn);
            self.outside |= !self.take_in(now, *waiting, *predecessor, settings);
        }
        self.last_turn = self.last_turn.max(self.read_through);
        for waiting in rows.due.into_iter().chain(rows.followers) {
            self.take(now, waiting, settings);
        }
        self.next_due = if rows.more_due { Some(now) } else { rows.next_due };
        self.window.forget_gone();
        self.at_end = rows.end && !self.news;
        self.complete = self.at_end && !self.outside && self.followers.is_empty();
    }

    /// Takes a message of the queue in, if it is free to go or follows one that is here; whether it is here now.
    fn take_in(
        &mut self,
        now: Timestamp,
        waiting: Waiting,
        predecessor: Option<Turn>,
        settings: &Settings,
    ) -> bool {
        if self.window.get(waiting.turn).is_some() {
            return true;
        }
        let first = match (waiting.key, predecessor) {
            (Some(key), Some(predecessor)) => {
                let passed = self.window.get(predecessor).map(|entry| entry.phase);
                let here = self.window.holds_key(key);
                // What follows a message in the store is read when that one is done.
                if !here && !matches!(passed, Some(Phase::Delivered | Phase::Gone)) {
                    return false;
                }
                !here
            }
            _ => true,
        };
        let later = first && waiting.due.is_some_and(|due| due > now);
        if later && self.window.len() >= settings.least_read as usize {
            return false;
        }
        self.take(now, waiting, settings)
    }

    /// Takes a message in, unless its account has done with it; whether it is here now.
    fn take(&mut self, now: Timestamp, mut waiting: Waiting, settings: &Settings) -> bool {
        if self.window.get(waiting.turn).is_some() {
            return true;
        }
        if self.standing.overtakes(waiting.turn, waiting.sequence) {
            self.sweep.want();
            return false;
        }
        // A due time that no schedule gives comes from a clock that was wrong.
        let latest = now.after(settings.retry.longest().max(settings.retry_after_cap));
        waiting.due = waiting.due.map(|due| due.min(latest));
        if let Some(key) = waiting.key {
            self.followers.remove(&key);
        }
        self.window.insert(waiting);
        true
    }

    fn clamp_probe(&mut self, now: Timestamp, settings: &Settings) {
        if let Health::Hold { probe_at, .. } = &mut self.record.health {
            let longest = settings.probe_delays.iter().max().copied().unwrap_or_default();
            *probe_at = (*probe_at).min(now.after(longest.max(settings.retry_after_cap)));
        }
    }

    // ---- What goes out -------------------------------------------------------------------------------------------

    /// The next message to send, if one may go now.
    pub(crate) fn launch(&mut self, now: Timestamp, settings: &Settings) -> Option<Launch> {
        if !self.may_launch(now, settings) {
            return None;
        }
        let (_, turn) = self.window.first_free()?;
        let probe = matches!(self.record.health, Health::Hold { .. });
        let waiting = self.window.launch(turn, probe)?;
        self.flying += 1;
        Some(Launch { waiting, generation: self.standing.generation })
    }

    /// Whether [`Lane::launch`] would give something.
    pub(crate) fn may_launch(&mut self, now: Timestamp, settings: &Settings) -> bool {
        self.opened && self.may_launch_at(now, settings).is_some_and(|at| at <= now)
    }

    /// When something may go, if nothing changes before.
    fn may_launch_at(&mut self, now: Timestamp, settings: &Settings) -> Option<Timestamp> {
        if !self.standing.sends() {
            return None;
        }
        let (due, _) = self.window.first_free()?;
        match self.record.health {
            Health::Suspended { .. } => None,
            Health::Hold { probe_at, .. } => (self.flying == 0).then_some(due.max(probe_at)),
            Health::Open { .. } => {
                if !self.proven(now, settings) {
                    self.slots = 1;
                }
                (self.flying < self.slots).then_some(due)
            }
        }
    }

    /// An attempt came to its end: decides, and says what to record. Nothing where no attempt was made.
    pub(crate) fn answered(
        &mut self,
        now: Timestamp,
        turn: Turn,
        outcome: &Outcome,
        jitter: Jitter,
        settings: &Settings,
    ) -> Option<Settlement> {
        let entry = *self.window.get(turn)?;
        let Phase::Flying { probe } = entry.phase else { return None };
        self.flying -= 1;
        let waiting = entry.waiting;
        let class = outcome.class();
        let overtaken = self.standing.overtakes(waiting.turn, waiting.sequence);
        if class == Class::NotStarted {
            self.window.land(turn, now.after(NOT_STARTED_DELAY));
            if overtaken {
                self.finish(turn);
                self.sweep.want();
            }
            return None;
        }
        // Whether another message succeeded is asked of the time before this outcome.
        let charged_by_others = waiting.due.is_some() && self.record.successes > waiting.successes;
        self.learn(now, waiting.sequence, outcome, class, probe, settings);
        let verdict = match class {
            _ if self.standing.acknowledges(waiting.turn, waiting.sequence) => Verdict::Delivered,
            Class::Success => Verdict::Delivered,
            _ if overtaken => Verdict::Cancelled,
            Class::Gone | Class::NotStarted => self.again(now, waiting, 0, Duration::ZERO, settings),
            Class::EndpointFailure { retry_after } if charged_by_others => {
                self.charge(now, waiting, retry_after, jitter, settings)
            }
            Class::EndpointFailure { retry_after } => {
                let delay = retry_after.unwrap_or_default().min(settings.retry_after_cap);
                self.again(now, waiting, 0, delay.max(settings.uncharged_delay), settings)
            }
            Class::MessageFailure { retry_after } => self.charge(now, waiting, retry_after, jitter, settings),
        };
        Some(self.settle(waiting, verdict))
    }

    fn charge(
        &self,
        now: Timestamp,
        waiting: Waiting,
        retry_after: Option<Duration>,
        jitter: Jitter,
        settings: &Settings,
    ) -> Verdict {
        match settings.retry.delay_after(waiting.charged + 1, jitter) {
            None => Verdict::Dead(Death::Attempts),
            Some(delay) => {
                let asked = retry_after.unwrap_or_default().min(settings.retry_after_cap);
                self.again(now, waiting, 1, delay.max(asked), settings)
            }
        }
    }

    fn again(
        &self,
        now: Timestamp,
        waiting: Waiting,
        charge: u32,
        delay: Duration,
        settings: &Settings,
    ) -> Verdict {
        if self.too_old(waiting, now, settings) {
            return Verdict::Dead(Death::Age);
        }
        let due = now.after(delay).min(self.too_old_at(waiting, settings).max(now));
        Verdict::Retry { due, charged: waiting.charged + charge, successes: self.record.successes }
    }

    fn settle(&mut self, waiting: Waiting, verdict: Verdict) -> Settlement {
        self.window.settle(waiting.turn, verdict);
        self.unrecorded += 1;
        if verdict == Verdict::Delivered {
            self.look_for_followers(waiting.key, waiting.turn);
        }
        let Waiting { turn, sequence, attempts, .. } = waiting;
        Settlement { account: self.account, turn, sequence, attempts, verdict }
    }

    /// What an outcome says of the endpoint.
    fn learn(
        &mut self,
        now: Timestamp,
        sequence: Sequence,
        outcome: &Outcome,
        class: Class,
        probe: bool,
        settings: &Settings,
    ) {
        match class {
            Class::Success => {
                self.record.successes += 1;
                self.record_changed = true;
                self.last_success = Some(now);
                self.refused.clear();
                self.slots = (self.slots * 2).min(settings.slots);
                if !matches!(self.record.health, Health::Suspended { .. }) {
                    self.record.health = Health::default();
                }
            }
            Class::EndpointFailure { retry_after } => {
                let asked = retry_after.map(|span| span.min(settings.retry_after_cap));
                self.endpoint_failed(now, Trouble::of(outcome), asked, probe, settings);
            }
            Class::MessageFailure { .. } => {
                self.refused.insert(sequence);
                if self.refused.len() >= settings.refusals_to_failure {
                    self.refused.clear();
                    self.endpoint_failed(now, Some(Trouble::Refusals), None, probe, settings);
                } else if probe {
                    self.endpoint_failed(now, Trouble::of(outcome), None, probe, settings);
                }
            }
            Class::Gone => {
                let since = self.record.health.closed_since().unwrap_or(now);
                self.record.health = Health::Suspended { since };
                self.record_changed = true;
            }
            Class::NotStarted => {}
        }
    }

    fn endpoint_failed(
        &mut self,
        now: Timestamp,
        trouble: Option<Trouble>,
        asked: Option<Duration>,
        probe: bool,
        settings: &Settings,
    ) {
        let Some(trouble) = trouble else { return };
        self.record_changed = true;
        match &mut self.record.health {
            Health::Open { failures } => {
                *failures += 1;
                if *failures >= settings.failures_to_hold || asked.is_some() {
                    let delay = settings.probe_delay(0).max(asked.unwrap_or_default());
                    self.slots = 1;
                    self.record.health =
                        Health::Hold { since: now, failed_probes: 0, probe_at: now.after(delay), trouble };
                }
            }
            Health::Hold { failed_probes, probe_at, trouble: known, .. } => {
                *known = trouble;
                if probe {
                    *failed_probes += 1;
                    *probe_at = now.after(settings.probe_delay(*failed_probes));
                }
                *probe_at = (*probe_at).max(now.after(asked.unwrap_or_default()));
            }
            Health::Suspended { .. } => {}
        }
    }

    /// A decision is recorded.
    pub(crate) fn recorded(&mut self, now: Timestamp, turn: Turn, settings: &Settings) {
        let Some(entry) = self.window.get(turn).copied() else { return };
        match entry.phase {
            Phase::Delivered => {
                self.unrecorded -= 1;
                self.window.finish(turn, self.reading);
            }
            Phase::Settling(Verdict::Retry { due, charged, successes }) => {
                self.unrecorded -= 1;
                if self.standing.overtakes(entry.waiting.turn, entry.waiting.sequence) {
                    // It may have been recorded as waiting, just before it was cancelled.
                    self.sweep.want();
                    self.finish(turn);
                    return;
                }
                self.window.wait_again(turn, due, charged, successes);
                self.shed(now, turn, due, settings);
            }
            Phase::Settling(_) => {
                self.unrecorded -= 1;
                self.finish(turn);
            }
            Phase::Waiting | Phase::Flying { .. } | Phase::Gone => {}
        }
    }

    /// Lets go of a message that waits for long, where the lane lives from the store anyway.
    fn shed(&mut self, now: Timestamp, turn: Turn, due: Timestamp, settings: &Settings) {
        let crowded = self.window.len() > settings.least_read as usize;
        if !self.complete && !self.reading && crowded && due > now {
            self.window.evict(turn);
            self.outside = true;
            self.next_due = Some(self.next_due.map_or(due, |next| next.min(due)));
        }
    }

    fn finish(&mut self, turn: Turn) {
        if let Some(waiting) = self.window.finish(turn, self.reading) {
            self.look_for_followers(waiting.key, turn);
        }
    }

    fn look_for_followers(&mut self, key: Option<OrderingKey>, turn: Turn) {
        if let Some(key) = key
            && !self.complete
            && !self.window.holds_key(key)
        {
            self.followers.insert(key, turn);
        }
    }

    // ---- Age -----------------------------------------------------------------------------------------------------

    /// Gives up those that are too old; what to record.
    pub(crate) fn expire(&mut self, now: Timestamp, settings: &Settings) -> Vec<Settlement> {
        let old: Vec<Waiting> =
            self.mortal().filter(|waiting| self.too_old(*waiting, now, settings)).collect();
        old.into_iter().map(|waiting| self.settle(waiting, Verdict::Dead(Death::Age))).collect()
    }

    /// Those that wait and may die of age: tried before, or never with a chance to be.
    fn mortal(&self) -> impl Iterator<Item = Waiting> + '_ {
        self.window
            .entries()
            .filter(|entry| entry.phase == Phase::Waiting)
            .map(|entry| entry.waiting)
            .filter(|waiting| waiting.due.is_some() || self.closed_since_before(waiting))
            .filter(|waiting| !self.standing.overtakes(waiting.turn, waiting.sequence))
    }

    fn too_old(&self, waiting: Waiting, now: Timestamp, settings: &Settings) -> bool {
        self.standing.age(waiting.born, now) >= settings.max_age && now >= self.mortal_from
    }

    fn too_old_at(&self, waiting: Waiting, settings: &Settings) -> Timestamp {
        self.standing.pause.wall_time(waiting.born.after(settings.max_age)).max(self.mortal_from)
    }

    /// Whether nothing could be sent for all of a message's life.
    fn closed_since_before(&self, waiting: &Waiting) -> bool {
        let begun =
            if waiting.replay { waiting.born.after(self.standing.pause.total) } else { waiting.accepted_at };
        !self.standing.registered || self.record.health.closed_since().is_some_and(|since| since <= begun)
    }

    // ---- The store -----------------------------------------------------------------------------------------------

    /// What to read now, if anything; the lane counts as reading from here.
    pub(crate) fn read(&mut self, now: Timestamp, settings: &Settings) -> Option<LaneRead> {
        if !self.wants_read(now, settings) {
            return None;
        }
        self.reading = true;
        self.news = false;
        if self.may_have_drained() {
            self.read_through = Turn(0);
            self.outside = false;
        }
        let followers = self.followers.drain().collect();
        Some(LaneRead {
            account: self.account,
            opening: !self.opened,
            after: self.read_through,
            // Those that are due may be here already: they must not fill the portion.
            limit: self.portion(settings) + u32::try_from(self.window.len()).unwrap_or(u32::MAX),
            due_by: self.opened.then_some(now),
            followers,
        })
    }

    /// Whether [`Lane::read`] would give something.
    pub(crate) fn wants_read(&self, now: Timestamp, settings: &Settings) -> bool {
        if self.reading {
            return false;
        }
        if !self.opened {
            return true;
        }
        if self.complete {
            return false;
        }
        let room = self.window.free() < self.portion(settings) as usize / 2
            && self.window.len() < settings.handoff_window;
        let due = self.next_due.is_some_and(|due| due <= now);
        !self.followers.is_empty() || (room && (!self.at_end || due)) || self.may_have_drained()
    }

    /// Nothing is here, and nothing is known to be due elsewhere: one look from the start tells.
    fn may_have_drained(&self) -> bool {
        self.window.is_empty() && self.next_due.is_none() && self.sweep == Chore::None
    }

    fn portion(&self, settings: &Settings) -> u32 {
        if self.closed() { settings.least_read } else { (self.slots * 4).max(settings.least_read) }
    }

    /// A read came to nothing: what it asked for is wanted still.
    pub(crate) fn not_loaded(&mut self, read: &LaneRead) {
        self.reading = false;
        self.news = true;
        for (key, turn) in &read.followers {
            if !self.window.holds_key(*key) {
                self.followers.insert(*key, *turn);
            }
        }
        self.window.forget_gone();
    }

    /// The turns that a sweep must leave alone, if one is to begin now.
    pub(crate) fn begin_sweep(&mut self) -> Option<Vec<Turn>> {
        (self.opened && self.sweep.begin()).then(|| {
            self.window
                .entries()
                .filter(|entry| !matches!(entry.phase, Phase::Waiting | Phase::Gone))
                .map(|entry| entry.waiting.turn)
                .collect()
        })
    }

    /// A step of the sweep is done.
    pub(crate) fn swept(&mut self, more: bool) {
        self.sweep.end(more);
        if self.sweep == Chore::None {
            // What waited behind the swept messages was passed over when it was read.
            self.read_through = Turn(0);
            self.at_end = false;
            self.complete = false;
            self.news = true;
        }
    }

    /// Whether to begin making the store's rows due.
    pub(crate) fn begin_hasten(&mut self) -> bool {
        self.opened && self.hasten.begin()
    }

    pub(crate) fn hastened(&mut self, now: Timestamp, more: bool) {
        self.hasten.end(more);
        if !self.complete {
            self.next_due = Some(now);
        }
        if self.hasten == Chore::None {
            // Only now: a crash before this makes the next owner begin again.
            self.record.releases_seen = self.record.releases_seen.max(self.releases_heeded);
            self.record_changed = true;
        }
    }

    /// The lane's record, if it changed since this was asked.
    pub(crate) fn take_record(&mut self) -> Option<LaneRecord> {
        std::mem::take(&mut self.record_changed).then_some(self.record)
    }

    // ---- Time ----------------------------------------------------------------------------------------------------

    /// What the lane does next by itself, and when.
    pub(crate) fn rest(&mut self, now: Timestamp, settings: &Settings) -> Rest {
        let chores = self.sweep != Chore::None || self.hasten != Chore::None || self.record_changed;
        if !self.opened || self.reading || chores || self.flying > 0 || self.unrecorded > 0 {
            return Rest::Busy;
        }
        if self.window.is_empty() && self.complete {
            return Rest::Idle;
        }
        Rest::Until(self.wake_at(now, settings).unwrap_or(Timestamp::NEVER))
    }

    /// When the lane has to be looked at again, if nothing happens before.
    pub(crate) fn wake_at(&mut self, now: Timestamp, settings: &Settings) -> Option<Timestamp> {
        let launch = self.may_launch_at(now, settings);
        let read = if self.complete { None } else { self.next_due };
        let age = if self.closed() { self.next_death(settings) } else { None };
        [launch, read, age].into_iter().flatten().min()
    }

    fn next_death(&self, settings: &Settings) -> Option<Timestamp> {
        self.mortal().map(|waiting| self.too_old_at(waiting, settings)).min()
    }
}

/// How long a message waits whose attempt could not begin, so that nothing turns in circles meanwhile.
const NOT_STARTED_DELAY: Duration = Duration::from_secs(1);
