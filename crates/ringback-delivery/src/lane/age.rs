//! Death of age, for what waits. A message that is under way is judged when its answer comes.
//!
//! A message that was never tried dies only if nothing could be sent for all of its life; so an open lane has nothing
//! to look for here, and what it has tried gets its last attempt when its age is full.

use super::{Lane, Moment};
use crate::settings::Settings;
use crate::settlement::{Death, Settlement, Verdict};
use crate::time::Timestamp;
use crate::waiting::Waiting;
use crate::window::Phase;

impl Lane {
    /// Gives up those that are too old; what to record.
    pub(crate) fn expire(&mut self, at: &Moment<'_>) -> Vec<Settlement> {
        if self.next_death(at).is_none_or(|death| death > at.now) {
            return Vec::new();
        }
        let old: Vec<Waiting> =
            self.mortal().filter(|waiting| self.too_old(waiting, at.now, at.settings)).collect();
        old.into_iter().map(|waiting| self.settle(waiting, Verdict::Dead(Death::Age))).collect()
    }

    /// When the next of those that wait here is too old, as far as that matters before it is tried again.
    pub(super) fn next_death(&self, at: &Moment<'_>) -> Option<Timestamp> {
        if !self.opened || self.is_aside || !self.closed() {
            return None;
        }
        self.mortal().map(|waiting| self.death_at(&waiting, at)).min()
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

    pub(super) fn too_old(&self, waiting: &Waiting, now: Timestamp, settings: &Settings) -> bool {
        self.standing.age(waiting.born, now) >= settings.max_age && now >= self.mortal_from
    }

    fn death_at(&self, waiting: &Waiting, at: &Moment<'_>) -> Timestamp {
        if self.too_old(waiting, at.now, at.settings) {
            return at.now;
        }
        self.full_age_at(waiting, at.settings)
    }

    /// When a message's age will be full, if no pause comes between.
    pub(super) fn full_age_at(&self, waiting: &Waiting, settings: &Settings) -> Timestamp {
        self.standing.pause.wall_time(waiting.born.after(settings.max_age)).max(self.mortal_from)
    }

    /// Whether nothing could be sent for all of a message's life.
    fn closed_since_before(&self, waiting: &Waiting) -> bool {
        let begun =
            if waiting.replay { waiting.born.after(self.standing.pause.total) } else { waiting.accepted_at };
        !self.standing.registered || self.record.health.closed_since().is_some_and(|since| since <= begun)
    }
}
