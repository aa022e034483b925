//! How a lane reads its queue, and takes in what was read.
//!
//! A lane reads *passes*: from the front of the queue to its end, a portion at a time, and takes in what is free to go
//! or follows a message that is here. What it passes over is *outside*. It comes in later by one of two ways: what
//! has been tried, when it is due; what waits behind another message of its key, when that one is done. While nothing is
//! outside and the end was reached, the lane is complete.
//!
//! A read's answer is of some moment while the read was under way. Three things keep that from doing harm: a message
//! that is done stays in the window as `Gone` while a read is under way that may have seen it; news that come
//! meanwhile are noted (`news`, `due_news`), so that the answer is not taken for the whole truth; and nothing that was
//! recorded meanwhile is let go of before the answer came.

mod tail;

use std::collections::BTreeMap;
use std::time::Duration;

use super::chore::Chore;
use super::{Lane, Moment};
use crate::health::Health;
use crate::message::{OrderingKey, Turn};
use crate::standing::Standing;
use crate::time::Timestamp;
use crate::waiting::{LaneRead, LaneRows, Waiting};
use crate::window::Phase;

/// How many messages are read at once for each request that may be open: what goes while the next read is under way.
const PORTION_OF_SLOT: u32 = 8;
/// How long a lane waits that can't be read where others can: at first, twice as long each time, and at most.
const FIRST_AGAIN: Duration = Duration::from_secs(1);
const LAST_AGAIN: Duration = Duration::from_secs(60);

/// How far a lane has read.
#[derive(Debug, Default)]
pub(super) struct Reading {
    pub(super) under_way: bool,
    /// The window holds all that is pending up to `last_turn`: what is accepted next can be taken from memory.
    pub(super) complete: bool,
    /// Something up to `read_through` is pending and not in the window.
    outside: bool,
    /// The queue was read up to here.
    read_through: Turn,
    /// Nothing is behind `read_through`.
    at_end: bool,
    /// The next read begins a new pass.
    from_start: bool,
    /// Something came that the read under way may not see.
    news: bool,
    /// Something was made due, which the read under way may not see.
    due_news: bool,
    /// The account's standing is wanted again: news of it may have been lost.
    standing_missed: bool,
    /// The last place in the queue that the lane knows to be taken.
    last_turn: Turn,
    /// How far the queue was known to go when the read that is under way began: if that goes to the end, it sees all up to here.
    sees: Turn,
    /// How far the queue was said to go while a read is under way.
    reaches: Turn,
    /// The last that came, one after another: they are taken in once what is before them was read.
    tail: Vec<Waiting>,
    /// When the next is due that was tried and is outside.
    next_due: Option<Timestamp>,
    /// How many reads in a row came to nothing, of this lane alone.
    unreadable: u32,
    /// Nothing is read before, for that reason.
    read_from: Timestamp,
    /// Keys whose last message here is done, with its place: what follows is in the store.
    followers: BTreeMap<OrderingKey, Turn>,
}

impl Reading {
    /// What is behind the part that was read.
    pub(super) fn go_on(&mut self) {
        self.complete = false;
        self.news = true;
        self.at_end = false;
        self.tail.clear();
    }

    pub(super) fn start_over(&mut self) {
        self.go_on();
        self.from_start = true;
    }

    /// All that there was is done.
    pub(super) fn found_empty(&mut self, last_turn: Turn) {
        self.last_turn = last_turn;
        self.read_through = last_turn;
        self.at_end = true;
        self.complete = true;
    }

    /// The clock was set back.
    pub(super) fn set_back(&mut self, by: Duration) {
        self.next_due = self.next_due.map(|due| due.set_back(by));
        self.read_from = self.read_from.set_back(by);
    }

    /// Whether all that is pending up to `read_through` is in the window.
    fn has_all(&self) -> bool {
        !self.outside && self.followers.is_empty() && !self.standing_missed
    }

    /// When to read what is due outside; none when nothing is.
    pub(super) fn due_at(&self) -> Option<Timestamp> {
        if self.complete { None } else { self.next_due }
    }

    /// When to read again what could not be read, where that is this lane's alone.
    pub(super) fn again_at(&self) -> Option<Timestamp> {
        (self.unreadable > 0).then_some(self.read_from)
    }
}

impl Lane {
    // ---- News ----------------------------------------------------------------------------------------------------

    /// A message was accepted. Takes it where the lane is complete and has room. Whether it may be sent soon.
    pub(crate) fn accepted(&mut self, at: &Moment<'_>, waiting: Waiting) -> bool {
        if waiting.turn <= self.reading.last_turn {
            // It was read already, or is about to be.
            return true;
        }
        let follows = self.reading.complete && waiting.turn.0 == self.reading.last_turn.0 + 1;
        self.reading.last_turn = waiting.turn;
        if follows && at.room && self.undecided() < at.settings.handoff_window {
            self.reading.read_through = waiting.turn;
            if !self.take(at, waiting) {
                // Another node had accepted it, and it was cancelled since.
                self.reading.outside = true;
                self.reading.complete = false;
            }
            true
        } else if self.opened && at.room && self.reading.keeps(waiting.turn, at.settings.handoff_window) {
            self.reading.keep(waiting, at.settings.handoff_window);
            true
        } else {
            self.reading.go_on();
            !self.opened
        }
    }

    /// News may have been lost: look for messages, and at the standing.
    pub(crate) fn missed(&mut self) {
        self.reading.standing_missed = true;
        self.reading.go_on();
    }

    /// The queue is known to go up to here.
    pub(crate) fn queue_reaches(&mut self, last_turn: Turn) {
        if last_turn <= self.reading.last_turn {
            return;
        }
        self.reading.last_turn = last_turn;
        if self.reading.under_way {
            self.reading.reaches = last_turn;
            self.reading.complete = false;
            self.reading.at_end = false;
        } else {
            self.reading.go_on();
        }
    }

    // ---- Reads ---------------------------------------------------------------------------------------------------

    /// What to read now, if anything; the lane counts as reading from here.
    pub(crate) fn read(&mut self, at: &Moment<'_>) -> Option<LaneRead> {
        if !self.wants_read(at) {
            return None;
        }
        let after = if self.reading.from_start { Turn(0) } else { self.reading.read_through };
        // Those that are here already must not fill the portion. Where there is no room, only followers are read.
        let limit = match self.has_room(at) || !self.opened {
            true => {
                let here = self.window.behind(after).max(self.window.tried());
                self.portion(at) + u32::try_from(here).unwrap_or(u32::MAX)
            }
            false => 0,
        };
        let reading = &mut self.reading;
        reading.under_way = true;
        reading.news = false;
        reading.due_news = false;
        reading.reaches = Turn(0);
        reading.sees = reading.last_turn;
        let missed = std::mem::take(&mut reading.standing_missed);
        if std::mem::take(&mut reading.from_start) {
            reading.read_through = Turn(0);
            reading.outside = false;
        }
        Some(LaneRead {
            account: self.account,
            opening: !self.opened || missed,
            after: reading.read_through,
            limit,
            due_by: Some(at.now),
            followers: std::mem::take(&mut reading.followers).into_iter().collect(),
        })
    }

    /// Whether [`Lane::read`] would give something.
    pub(crate) fn wants_read(&self, at: &Moment<'_>) -> bool {
        let reading = &self.reading;
        if reading.under_way || reading.read_from > at.now {
            return false;
        }
        if !self.opened || reading.standing_missed {
            return true;
        }
        if reading.complete {
            return false;
        }
        let due = reading.next_due.is_some_and(|due| due <= at.now);
        !reading.followers.is_empty() || ((!reading.at_end || due) && self.has_room(at))
    }

    /// Whether so little is here that is due and free to go that more should be.
    fn has_room(&self, at: &Moment<'_>) -> bool {
        let little = (self.portion(at) as usize / 2).max(1);
        self.undecided() < self.capacity(at) && self.window.free_by(at.now, little) < little
    }

    fn portion(&self, at: &Moment<'_>) -> u32 {
        let least = at.settings.least_read.max(1);
        if self.closed() || !at.room { least } else { (self.slots * PORTION_OF_SLOT).max(least) }
    }

    /// How many messages are here but for those that were decided about. These wait for a commit, which takes the longer
    /// the more there is in it: were they to count, a lane would stand still meanwhile. Their number has its own bound.
    fn undecided(&self) -> usize {
        self.window.len().saturating_sub(self.unrecorded as usize)
    }

    /// How many messages a lane that reads may have here.
    fn capacity(&self, at: &Moment<'_>) -> usize {
        let least = at.settings.least_read as usize;
        if at.room { at.settings.handoff_window + 2 * least } else { 4 * least }
    }

    /// What was read has come.
    pub(crate) fn loaded(&mut self, at: &Moment<'_>, rows: LaneRows) {
        self.reading.under_way = false;
        self.reading.unreadable = 0;
        if let Some((standing, record)) = rows.opening {
            self.reading.last_turn = self.reading.last_turn.max(standing.last_turn);
            if self.opened {
                self.standing_changed(at, standing);
            } else {
                self.open(at, standing, record);
            }
        }
        for (waiting, predecessor) in &rows.queue {
            if !self.reading.from_start {
                self.reading.read_through = self.reading.read_through.max(waiting.turn);
            }
            self.reading.outside |= !self.take_in(at, *waiting, *predecessor);
        }
        // The clock may have been set back since these were found to be due.
        let due =
            rows.due.into_iter().map(|waiting| Waiting { due: waiting.due.min(Some(at.now)), ..waiting });
        for waiting in due.chain(rows.followers) {
            // It may be done and forgotten before the queue was read up to here: it is not to come a second time.
            self.reading.last_turn = self.reading.last_turn.max(waiting.turn);
            self.reading.tail.retain(|kept| kept.turn != waiting.turn);
            self.take(at, waiting);
        }
        self.window.forget_gone();
        let reading = &mut self.reading;
        reading.last_turn = reading.last_turn.max(reading.read_through);
        reading.next_due = if rows.more_due || reading.due_news { Some(at.now) } else { rows.next_due };
        if rows.end && !reading.from_start {
            reading.read_through = reading.read_through.max(reading.sees);
        }
        reading.at_end = rows.end && !reading.news;
        self.join_tail(at);
        let reading = &mut self.reading;
        reading.at_end &= reading.read_through >= reading.reaches;
        reading.complete = reading.at_end && reading.has_all();
    }

    /// A read came to nothing: what it asked for is wanted still.
    pub(crate) fn not_loaded(&mut self, read: &LaneRead) {
        self.reading.under_way = false;
        self.reading.standing_missed |= self.opened && read.opening;
        self.reading.followers.extend(read.followers.iter().copied());
        self.window.forget_gone();
    }

    /// That was this lane's read alone.
    pub(crate) fn unreadable(&mut self, at: &Moment<'_>) {
        let reading = &mut self.reading;
        let wait = FIRST_AGAIN.saturating_mul(1 << reading.unreadable.min(6)).min(LAST_AGAIN);
        reading.unreadable = reading.unreadable.saturating_add(1);
        reading.read_from = at.now.after(wait);
    }

    /// Takes a message of the queue in, if it is free to go or follows one that is here; whether it is here now.
    fn take_in(&mut self, at: &Moment<'_>, waiting: Waiting, predecessor: Option<Turn>) -> bool {
        if waiting.key.is_some()
            && let Some(predecessor) = predecessor
            && self.window.get(predecessor).is_none()
        {
            return self.window.get(waiting.turn).is_some();
        }
        let later = waiting.due.is_some_and(|due| due > at.now);
        // While rows are being made due, the one that was read may be out of date: it is read again when it is due.
        let outdated = self.reading.due_news || self.hasten != Chore::None;
        if later && (outdated || self.window.len() >= at.settings.least_read as usize) {
            return self.window.get(waiting.turn).is_some();
        }
        self.take(at, waiting)
    }

    /// Takes a message in, unless its account has done with it; whether it is here now.
    fn take(&mut self, at: &Moment<'_>, mut waiting: Waiting) -> bool {
        if self.window.get(waiting.turn).is_some() {
            return true;
        }
        if self.standing.overtakes(waiting.turn, waiting.sequence) {
            self.sweep.want();
            return false;
        }
        // A due time that no schedule gives comes from a clock that was wrong.
        let latest = at.now.after(at.settings.retry.longest().max(at.settings.retry_after_cap));
        waiting.due = waiting.due.map(|due| due.min(latest));
        if let Some(key) = waiting.key {
            self.reading.followers.remove(&key);
        }
        self.window.insert(waiting, at.now);
        true
    }

    pub(super) fn clamp_probe(&mut self, at: &Moment<'_>) {
        if let Health::Hold { probe_at, .. } = &mut self.record.health {
            let longest = at.settings.probe_delays.iter().max().copied().unwrap_or_default();
            *probe_at = (*probe_at).min(at.now.after(longest.max(at.settings.retry_after_cap)));
        }
    }

    // ---- Letting go ----------------------------------------------------------------------------------------------

    /// Lets go of what waits for long, where the lane reads anyway; and begins a new pass once nothing is left here.
    pub(crate) fn tidy(&mut self, at: &Moment<'_>) {
        if !self.opened || self.reading.under_way || self.reading.complete {
            return;
        }
        let full = self.undecided() >= self.capacity(at);
        let keep = if full { 0 } else { at.settings.least_read as usize };
        while let Some((due, turn)) = self.window.last_free_after(at.now, keep)
            && self.window.evict(turn)
        {
            self.reading.outside = true;
            self.reading.next_due = Some(self.reading.next_due.map_or(due, |next| next.min(due)));
        }
        let reading = &self.reading;
        let drained = self.window.is_empty() && reading.at_end && reading.next_due.is_none();
        if drained && reading.followers.is_empty() && self.sweep == Chore::None {
            self.reading.start_over();
        }
    }

    pub(super) fn finish(&mut self, turn: Turn) {
        if let Some(waiting) = self.window.finish(turn, self.reading.under_way) {
            self.look_for_followers(waiting.key, turn);
        }
    }

    pub(super) fn look_for_followers(&mut self, key: Option<OrderingKey>, turn: Turn) {
        if let Some(key) = key
            && self.may_follow()
            && !self.window.holds_key(key)
        {
            self.reading.followers.insert(key, turn);
        }
    }

    /// Whether what follows a message that is done now may have been passed over. What no read has come to yet will be
    /// read when it is free to go; and a read that is under way finds the message here, so that it takes in what follows.
    fn may_follow(&self) -> bool {
        !self.reading.complete && self.reading.outside
    }

    // ---- Chores --------------------------------------------------------------------------------------------------

    /// The standing that a sweep is to go by and the turns that it must leave alone, if one is to begin now. Nothing starts
    /// until it is done: it would not be among them. It goes by what the lane knows, as the lane does: what an account
    /// cancelled since may be sent still.
    pub(crate) fn begin_sweep(&mut self) -> Option<(Standing, Vec<Turn>)> {
        (self.opened && self.sweep.begin()).then(|| {
            let under_way = self
                .window
                .entries()
                .filter(|entry| !matches!(entry.phase, Phase::Waiting | Phase::Gone))
                .map(|entry| entry.waiting.turn);
            (self.standing, under_way.collect())
        })
    }

    /// A step of the sweep is done.
    pub(crate) fn swept(&mut self, more: bool) {
        self.sweep.end(more);
        if self.sweep == Chore::None && !self.reading.complete {
            // What waited behind the swept messages was passed over when it was read.
            self.reading.start_over();
        }
    }

    /// Makes the store's rows due.
    pub(crate) fn hasten_rows(&mut self) {
        self.hasten.want();
    }

    /// Whether to begin making the store's rows due.
    pub(crate) fn begin_hasten(&mut self) -> bool {
        self.opened && self.hasten.begin()
    }

    /// A step of making the store's rows due is done.
    pub(crate) fn hastened(&mut self, at: &Moment<'_>, more: bool) {
        self.hasten.end(more);
        if !self.reading.complete {
            self.reading.next_due = Some(at.now);
            self.reading.due_news = true;
        }
        if self.hasten == Chore::None {
            // Only now: a crash before this makes the next owner begin again.
            self.record.releases_seen = self.record.releases_seen.max(self.releases_heeded);
            self.record_changed = true;
        }
    }
}
