//! The part of a lane's queue that is in memory.
//!
//! A message in the window waits, flies, or has been answered and waits for its outcome to be recorded. Of the messages
//! with one ordering key only the first may fly; the window knows their order and says which messages are free to go.
//!
//! There may be ten thousand windows of a dozen messages, and one of a thousand: it is packed for the first and quick
//! enough for the second.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use crate::message::{OrderingKey, Turn};
use crate::settlement::Verdict;
use crate::time::Timestamp;
use crate::waiting::Waiting;

/// What a message in the window is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It waits for its time, or for the one before it with its key.
    Waiting,
    /// A request is under way.
    Flying {
        /// Whether it probes an endpoint on hold.
        probe: bool,
    },
    /// It was delivered, which is not recorded yet. The next with its key may go already: a crash now repeats this one,
    /// and a late duplicate is allowed.
    Delivered,
    /// Anything else was decided, which is not recorded yet. The next with its key waits for that: were this message's
    /// death lost in a crash, it would come after its successor.
    Settling(Verdict),
    /// It is done and recorded; it stays only because a read is under way that may have seen it.
    Gone,
}

/// Room is made for so many messages at once behind the first, and given back only where there is more.
const LEAST_ROOM: usize = 8;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) waiting: Waiting,
    pub(crate) phase: Phase,
    /// When it may go.
    due: Timestamp,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Window {
    /// In the order of their turns.
    entries: VecDeque<Entry>,
    /// For each key the messages here that are not done, in order. Only the first may go.
    keys: BTreeSet<(OrderingKey, Turn)>,
    /// The messages that are free to go, by the time from which they may.
    free: BTreeSet<(Timestamp, Turn)>,
    /// Those that are gone.
    gone: Vec<Turn>,
}

impl Window {
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many are behind this place in the queue.
    pub(crate) fn behind(&self, turn: Turn) -> usize {
        self.entries.len() - self.entries.partition_point(|entry| entry.waiting.turn <= turn)
    }

    /// How many are here that were tried before. The store may give them as due, whenever they are due here: while one is
    /// under way, and where rows were being made due as its last attempt failed.
    pub(crate) fn tried(&self) -> usize {
        self.entries.iter().filter(|entry| entry.waiting.due.is_some()).count()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn get(&self, turn: Turn) -> Option<&Entry> {
        self.place(turn).ok().map(|place| &self.entries[place])
    }

    fn get_mut(&mut self, turn: Turn) -> Option<&mut Entry> {
        self.place(turn).ok().map(|place| &mut self.entries[place])
    }

    /// Where a message is, or would be.
    fn place(&self, turn: Turn) -> Result<usize, usize> {
        self.entries.binary_search_by_key(&turn, |entry| entry.waiting.turn)
    }

    fn remove(&mut self, turn: Turn) {
        if let Ok(place) = self.place(turn) {
            self.entries.remove(place);
            if self.entries.is_empty() {
                // Of most lanes nothing waits most of the time.
                *self = Self::default();
            } else {
                self.give_back();
            }
        }
    }

    /// Gives memory back that a larger window had needed.
    fn give_back(&mut self) {
        let room = self.entries.capacity();
        if room > 2 * LEAST_ROOM && self.entries.len() < room / 4 {
            self.entries.shrink_to(room / 2);
        }
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// How many are free to go by then, counted up to `most`.
    pub(crate) fn free_by(&self, by: Timestamp, most: usize) -> usize {
        // This is asked after every event, and nearly always of a window where all are due.
        if self.free.last().is_none_or(|(due, _)| *due <= by) {
            return self.free.len().min(most);
        }
        self.free.iter().take(most).take_while(|(due, _)| *due <= by).count()
    }

    /// Of those that are free to go later than `now` the last, if there are more than `keep` that are free now or later.
    pub(crate) fn last_free_after(&self, now: Timestamp, keep: usize) -> Option<(Timestamp, Turn)> {
        let last = self.free.last().filter(|(due, _)| *due > now)?;
        (self.free.len() > keep).then_some(*last)
    }

    /// Whether a message with this key is here and not done.
    pub(crate) fn holds_key(&self, key: OrderingKey) -> bool {
        self.first_of_key(key).is_some()
    }

    fn first_of_key(&self, key: OrderingKey) -> Option<Turn> {
        self.of_key(key).next()
    }

    /// The messages with this key that are here and not done, in order.
    fn of_key(&self, key: OrderingKey) -> impl Iterator<Item = Turn> + '_ {
        self.keys.range((key, Turn(0))..=(key, Turn(u64::MAX))).map(|(_, turn)| *turn)
    }

    /// Takes a message in, behind those with its key that are here. One that was never tried may go at once, in the
    /// order of acceptance.
    pub(crate) fn insert(&mut self, waiting: Waiting, now: Timestamp) {
        let due = waiting.due.unwrap_or(waiting.accepted_at.min(now));
        let turn = waiting.turn;
        let first = match waiting.key {
            None => true,
            Some(key) => {
                let before = self.first_of_key(key);
                let first = before.is_none_or(|before| turn < before);
                if first && let Some(second) = before.and_then(|before| self.get(before)) {
                    let (due, before) = (second.due, second.waiting.turn);
                    self.free.remove(&(due, before));
                }
                self.keys.insert((key, turn));
                first
            }
        };
        if first {
            self.free.insert((due, turn));
        }
        if self.entries.len() == self.entries.capacity() {
            let more = if self.entries.is_empty() { 1 } else { LEAST_ROOM.max(self.entries.len() / 4) };
            self.entries.reserve_exact(more);
        }
        let entry = Entry { waiting, phase: Phase::Waiting, due };
        match self.place(turn) {
            Ok(place) => self.entries[place] = entry,
            Err(place) => self.entries.insert(place, entry),
        }
    }

    /// The message that has been free to go for the longest, and since when.
    pub(crate) fn first_free(&self) -> Option<(Timestamp, Turn)> {
        self.free.first().copied()
    }

    /// Marks a free message as flying, and counts the attempt.
    pub(crate) fn launch(&mut self, turn: Turn, probe: bool) -> Option<Waiting> {
        let entry = self.get_mut(turn)?;
        entry.phase = Phase::Flying { probe };
        entry.waiting.attempts += 1;
        let (due, waiting) = (entry.due, entry.waiting);
        self.free.remove(&(due, turn));
        Some(waiting)
    }

    /// Takes an attempt back that did not begin.
    pub(crate) fn land(&mut self, turn: Turn) {
        if let Some(entry) = self.get_mut(turn) {
            entry.phase = Phase::Waiting;
            entry.waiting.attempts -= 1;
            let due = entry.due;
            self.free.insert((due, turn));
        }
    }

    /// Notes the decision about a message. One that waits is settled too: of age.
    pub(crate) fn settle(&mut self, turn: Turn, verdict: Verdict) {
        let Some(entry) = self.get_mut(turn) else { return };
        let delivered = verdict == Verdict::Delivered;
        entry.phase = if delivered { Phase::Delivered } else { Phase::Settling(verdict) };
        let (due, key) = (entry.due, entry.waiting.key);
        self.free.remove(&(due, turn));
        if delivered {
            self.pass_key_on(key, turn);
        }
    }

    /// Puts a message whose failure is recorded back among those that wait.
    pub(crate) fn wait_again(&mut self, turn: Turn, due: Timestamp, charged: u32, successes: u64) {
        if let Some(entry) = self.get_mut(turn) {
            entry.phase = Phase::Waiting;
            entry.waiting.due = Some(due);
            entry.waiting.charged = charged;
            entry.waiting.successes = successes;
            entry.due = due;
            self.free.insert((due, turn));
        }
    }

    /// Ends a message: the next with its key may go. It stays as `Gone` where `keep` says so.
    pub(crate) fn finish(&mut self, turn: Turn, keep: bool) -> Option<Waiting> {
        let entry = self.get_mut(turn)?;
        let (waiting, due) = (entry.waiting, entry.due);
        let passed_on = matches!(entry.phase, Phase::Delivered | Phase::Gone);
        entry.phase = Phase::Gone;
        self.free.remove(&(due, turn));
        if keep {
            self.gone.push(turn);
        } else {
            self.remove(turn);
        }
        if !passed_on {
            self.pass_key_on(waiting.key, turn);
        }
        Some(waiting)
    }

    fn pass_key_on(&mut self, key: Option<OrderingKey>, turn: Turn) {
        let Some(key) = key else { return };
        let was_first = self.first_of_key(key) == Some(turn);
        self.keys.remove(&(key, turn));
        if was_first
            && let Some(next) = self.first_of_key(key)
            && let Some(entry) = self.get(next)
            && entry.phase == Phase::Waiting
        {
            let due = entry.due;
            self.free.insert((due, next));
        }
    }

    /// Lets go of a message that is free to go and of all behind it with its key; they are in the store. False where
    /// something was decided about one of them, which is to be recorded first.
    pub(crate) fn evict(&mut self, turn: Turn) -> bool {
        let Some(entry) = self.get(turn) else { return false };
        let (due, key) = (entry.due, entry.waiting.key);
        let waits = |turn: Turn| self.get(turn).is_some_and(|entry| entry.phase == Phase::Waiting);
        if !waits(turn) || key.is_some_and(|key| !self.of_key(key).all(waits)) {
            return false;
        }
        self.free.remove(&(due, turn));
        self.remove(turn);
        if let Some(key) = key {
            while let Some(next) = self.first_of_key(key) {
                self.keys.remove(&(key, next));
                self.remove(next);
            }
        }
        true
    }

    /// Removes those that are gone: no read is under way any more that may have seen them.
    pub(crate) fn forget_gone(&mut self) {
        for turn in std::mem::take(&mut self.gone) {
            self.remove(turn);
        }
    }

    /// The clock was set back: all are due as soon as they were. Gives those that are being recorded with a moment of before.
    pub(crate) fn set_back(&mut self, by: Duration) -> Vec<Turn> {
        let mut outdated = Vec::new();
        for entry in &mut self.entries {
            entry.due = entry.due.set_back(by);
            entry.waiting.due = entry.waiting.due.map(|due| due.set_back(by));
            if let Phase::Settling(Verdict::Retry { due, .. }) = &mut entry.phase {
                *due = due.set_back(by);
                outdated.push(entry.waiting.turn);
            }
        }
        self.free = self.free.iter().map(|(due, turn)| (due.set_back(by), *turn)).collect();
        outdated
    }

    /// Makes all that were tried and wait due by `now`, those too whose failure is still to be recorded.
    pub(crate) fn hasten(&mut self, now: Timestamp) {
        for entry in &mut self.entries {
            match &mut entry.phase {
                Phase::Waiting if entry.due > now => {
                    if self.free.remove(&(entry.due, entry.waiting.turn)) {
                        self.free.insert((now, entry.waiting.turn));
                    }
                    entry.due = now;
                    entry.waiting.due = entry.waiting.due.map(|due| due.min(now));
                }
                Phase::Settling(Verdict::Retry { due, .. }) => *due = (*due).min(now),
                _ => {}
            }
        }
    }
}
