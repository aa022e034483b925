//! Messages that come one after another while little is still to be read before them, the lane's *tail*, need not be read
//! themselves: they are taken in when what was read goes up to them. So a lane is complete again though there is always something
//! new.

use super::super::{Lane, Moment};
use super::Reading;
use crate::message::Turn;
use crate::waiting::Waiting;

impl Reading {
    /// How many messages are kept here.
    pub(in crate::lane) fn kept(&self) -> usize {
        self.tail.len()
    }

    /// Whether a message is kept until what is before it was read: where that is soon.
    pub(super) fn keeps(&self, turn: Turn, most: usize) -> bool {
        turn.0.saturating_sub(self.read_through.0) <= most as u64
    }

    /// Keeps a message until what is before it was read, with those right before it in the queue.
    pub(super) fn keep(&mut self, waiting: Waiting, most: usize) {
        self.complete = false;
        self.at_end = false;
        let follows = self.tail.last().is_none_or(|last| last.turn.0 + 1 == waiting.turn.0);
        if !follows || self.tail.len() == most {
            self.tail.clear();
        }
        self.tail.push(waiting);
    }
}

impl Lane {
    /// Takes in what came meanwhile, if nothing is missing before it any more. It waits on where something is still to
    /// be read; what can't be taken in is read.
    pub(super) fn join_tail(&mut self, at: &Moment<'_>) {
        let mut tail = std::mem::take(&mut self.reading.tail);
        tail.retain(|waiting| waiting.turn > self.reading.read_through);
        let Some(first) = tail.first() else { return };
        if first.turn.0 > self.reading.read_through.0 + 1 {
            self.reading.at_end = false;
            self.reading.tail = tail;
            return;
        }
        for waiting in tail {
            let has_room = at.room && self.undecided() < at.settings.handoff_window;
            if !has_room || !self.reading.has_all() || self.reading.from_start {
                self.reading.at_end = false;
                return;
            }
            self.reading.read_through = waiting.turn;
            self.reading.outside |= !self.take(at, waiting);
        }
        // It may be known that the queue goes on.
        self.reading.at_end = self.reading.read_through >= self.reading.last_turn;
    }
}
