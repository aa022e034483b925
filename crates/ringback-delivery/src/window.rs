//! The part of a lane's queue that is in memory.
//!
//! A message in the window waits, flies, or has been answered and waits for its outcome to be recorded. Of the messages
//! with one ordering key only the first may fly; the window knows their order and says which messages are free to go.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound;

use crate::hashing::NumberMap;
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
    entries: BTreeMap<Turn, Entry>,
    /// For each key the messages here that are not done, in order. Only the first may go.
    keys: NumberMap<OrderingKey, VecDeque<Turn>>,
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
        self.entries.range((Bound::Excluded(turn), Bound::Unbounded)).count()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn get(&self, turn: Turn) -> Option<&Entry> {
        self.entries.get(&turn)
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
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
        self.keys.contains_key(&key)
    }

    /// Takes a message in, behind those with its key that are here. One that was never tried may go at once, in the
    /// order of acceptance.
    pub(crate) fn insert(&mut self, waiting: Waiting, now: Timestamp) {
        let due = waiting.due.unwrap_or(waiting.accepted_at.min(now));
        let first = match waiting.key {
            None => true,
            Some(key) => {
                let queue = self.keys.entry(key).or_default();
                let place = queue.partition_point(|turn| *turn < waiting.turn);
                if place == 0
                    && let Some(entry) = queue.front().and_then(|second| self.entries.get(second))
                {
                    self.free.remove(&(entry.due, entry.waiting.turn));
                }
                queue.insert(place, waiting.turn);
                place == 0
            }
        };
        if first {
            self.free.insert((due, waiting.turn));
        }
        self.entries.insert(waiting.turn, Entry { waiting, phase: Phase::Waiting, due });
    }

    /// The message that has been free to go for the longest, and since when.
    pub(crate) fn first_free(&self) -> Option<(Timestamp, Turn)> {
        self.free.first().copied()
    }

    /// Marks a free message as flying, and counts the attempt.
    pub(crate) fn launch(&mut self, turn: Turn, probe: bool) -> Option<Waiting> {
        let entry = self.entries.get_mut(&turn)?;
        self.free.remove(&(entry.due, turn));
        entry.phase = Phase::Flying { probe };
        entry.waiting.attempts += 1;
        Some(entry.waiting)
    }

    /// Takes an attempt back that did not begin.
    pub(crate) fn land(&mut self, turn: Turn) {
        if let Some(entry) = self.entries.get_mut(&turn) {
            entry.phase = Phase::Waiting;
            entry.waiting.attempts -= 1;
            self.free.insert((entry.due, turn));
        }
    }

    /// Notes the decision about a message. One that waits is settled too: of age.
    pub(crate) fn settle(&mut self, turn: Turn, verdict: Verdict) {
        let Some(entry) = self.entries.get_mut(&turn) else { return };
        self.free.remove(&(entry.due, turn));
        if verdict == Verdict::Delivered {
            entry.phase = Phase::Delivered;
            let key = entry.waiting.key;
            self.pass_key_on(key, turn);
        } else {
            entry.phase = Phase::Settling(verdict);
        }
    }

    /// Puts a message whose failure is recorded back among those that wait.
    pub(crate) fn wait_again(&mut self, turn: Turn, due: Timestamp, charged: u32, successes: u64) {
        if let Some(entry) = self.entries.get_mut(&turn) {
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
        let entry = self.entries.get_mut(&turn)?;
        self.free.remove(&(entry.due, turn));
        let (waiting, passed_on) = (entry.waiting, matches!(entry.phase, Phase::Delivered | Phase::Gone));
        entry.phase = Phase::Gone;
        if keep {
            self.gone.push(turn);
        } else {
            self.entries.remove(&turn);
        }
        if !passed_on {
            self.pass_key_on(waiting.key, turn);
        }
        Some(waiting)
    }

    fn pass_key_on(&mut self, key: Option<OrderingKey>, turn: Turn) {
        let Some(key) = key else { return };
        let Some(queue) = self.keys.get_mut(&key) else { return };
        let was_first = queue.front() == Some(&turn);
        queue.retain(|queued| *queued != turn);
        match queue.front() {
            None => {
                self.keys.remove(&key);
            }
            Some(next) if was_first => {
                if let Some(entry) = self.entries.get(next)
                    && entry.phase == Phase::Waiting
                {
                    self.free.insert((entry.due, *next));
                }
            }
            Some(_) => {}
        }
    }

    /// Lets go of a message that is free to go and of all behind it with its key; they are in the store. False where
    /// something was decided about one of them, which is to be recorded first.
    pub(crate) fn evict(&mut self, turn: Turn) -> bool {
        let Some(entry) = self.entries.get(&turn) else { return false };
        let (due, key) = (entry.due, entry.waiting.key);
        let waits = |turn: &Turn| self.entries.get(turn).is_some_and(|entry| entry.phase == Phase::Waiting);
        if !waits(&turn) || key.is_some_and(|key| !self.keys.get(&key).into_iter().flatten().all(waits)) {
            return false;
        }
        self.free.remove(&(due, turn));
        self.entries.remove(&turn);
        for follower in key.and_then(|key| self.keys.remove(&key)).unwrap_or_default() {
            self.entries.remove(&follower);
        }
        true
    }

    /// Removes those that are gone: no read is under way any more that may have seen them.
    pub(crate) fn forget_gone(&mut self) {
        for turn in self.gone.drain(..) {
            self.entries.remove(&turn);
        }
    }

    /// Makes all that were tried and wait due by `now`, those too whose failure is still to be recorded.
    pub(crate) fn hasten(&mut self, now: Timestamp) {
        for entry in self.entries.values_mut() {
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
