//! The lanes in memory: how one comes, what follows from what happens to it, and how it goes.

use crate::account::AccountId;
use crate::lane::{Lane, Moment, Outstanding, Rest};
use crate::settlement::{LaneUpdate, Settlement};
use crate::time::Timestamp;
use crate::waiting::EmptyLane;

use super::leaving::CameBack;
use super::{Command, Dormant, Engine, FlightId};

impl Engine {
    /// Brings a lane into memory, if it is not there, and sees to what it wants.
    pub(super) fn wake(&mut self, now: Timestamp, account: AccountId) {
        let dormant = self.dormant.remove(&account);
        if dormant.is_some() {
            self.alarms.set(account, None);
        }
        if !self.lanes.contains_key(&account) {
            let mut lane = Box::new(self.new_lane(account));
            if dormant.is_some_and(|dormant| dormant.set_back) {
                lane.woken_after_set_back();
            }
            self.lanes.insert(account, lane);
        }
        self.touched(now, account);
    }

    /// Brings a lane into memory of which it is known that nothing waits.
    pub(super) fn begin(&mut self, now: Timestamp, account: AccountId, known: &EmptyLane) {
        let mut lane = Box::new(self.new_lane(account));
        lane.begin(&Moment { now, settings: &self.settings, room: true }, known);
        self.lanes.insert(account, lane);
    }

    fn new_lane(&self, account: AccountId) -> Lane {
        Lane::new(account, self.started_at.after(self.settings.grace_after_start))
    }

    /// Whether something that came back was for a lane that this node has lost since.
    pub(super) fn came_back(
        &mut self,
        now: Timestamp,
        account: AccountId,
        count: impl FnOnce(&mut Outstanding),
    ) -> bool {
        match self.leaving.came_back(account, count) {
            CameBack::Here => return false,
            CameBack::Left => {}
            CameBack::Gone { wanted } => {
                // What is kept for the lane is of the time before: who wants it now begins anew.
                self.commands.push_back(Command::Forget(account));
                if wanted {
                    self.wake(now, account);
                }
            }
        }
        true
    }

    /// Lets something happen to a lane, if it is in memory.
    pub(super) fn change<T>(
        &mut self,
        now: Timestamp,
        account: AccountId,
        happen: impl FnOnce(&mut Lane, &Moment<'_>) -> T,
    ) -> Option<T> {
        let lane = self.lanes.get_mut(&account)?;
        let room = self.entries < self.settings.entries_in_all;
        let (entries, aside) = (lane.entries(), lane.aside());
        let result = happen(lane, &Moment { now, settings: &self.settings, room });
        self.entries = self.entries + lane.entries() - entries;
        self.aside = self.aside + lane.aside() - aside;
        Some(result)
    }

    /// Lets something happen to a lane, if it is in memory, and sees to what follows from it.
    pub(super) fn with_lane<T>(
        &mut self,
        now: Timestamp,
        account: AccountId,
        happen: impl FnOnce(&mut Lane, &Moment<'_>) -> T,
    ) {
        self.change(now, account, happen);
        self.touched(now, account);
    }

    pub(super) fn settle(&mut self, flight: Option<FlightId>, settlement: Settlement) {
        self.unrecorded += 1;
        self.commands.push_back(Command::Settle(flight, settlement));
    }

    /// Sees to what a lane wants now: to give up what is too old, to send, to read, its chores, its alarm.
    pub(super) fn touched(&mut self, now: Timestamp, account: AccountId) {
        let dead = self.change(now, account, |lane, at| {
            let dead = lane.expire(at);
            lane.tidy(at);
            dead
        });
        for settlement in dead.unwrap_or_default() {
            self.settle(None, settlement);
        }
        let Some(lane) = self.lanes.get_mut(&account) else { return };
        let room = self.entries < self.settings.entries_in_all;
        let at = Moment { now, settings: &self.settings, room };
        let sends = lane.may_launch(&at);
        let repute = lane.repute(&at);
        if let Some((standing, under_way)) = lane.begin_sweep() {
            self.commands.push_back(Command::Sweep(account, standing, under_way));
        }
        if lane.begin_hasten() {
            self.commands.push_back(Command::Hasten(account));
        }
        if lane.wants_read(&at) && self.queued_to_read.insert(account) {
            self.readers.push_back(account);
        }
        let alarm = lane.wake_at(&at);
        let idle = lane.rest(&at) != Rest::Busy;
        if sends {
            self.senders.queue(account, repute);
        }
        self.alarms.set(account, alarm);
        if idle {
            self.resting.set_once(account, now);
        } else {
            self.resting.set(account, None);
        }
        self.keep_record(account);
    }

    fn keep_record(&mut self, account: AccountId) {
        if let Some(record) = self.lanes.get_mut(&account).and_then(|lane| lane.take_record()) {
            self.commands.push_back(Command::Keep(LaneUpdate { account, record }));
        }
    }

    /// Lets lanes go that have had nothing to do for the longest, where there are too many.
    pub(super) fn rest_some(&mut self, now: Timestamp) {
        while self.lanes.len() > self.settings.resident_lanes {
            let Some((_, account)) = self.resting.first() else { break };
            let rest = self.change(now, account, |lane, at| (lane.rest(at), lane.closed()));
            match rest {
                Some((Rest::Until(until), closed)) => {
                    self.dismiss(account);
                    self.commands.push_back(Command::Forget(account));
                    self.dormant.insert(account, Dormant { closed, set_back: false });
                    self.alarms.set(account, Some(until));
                }
                Some((Rest::Idle, _)) => {
                    self.dismiss(account);
                    self.commands.push_back(Command::Forget(account));
                    self.alarms.set(account, None);
                }
                Some((Rest::Busy, _)) | None => self.resting.set(account, None),
            }
        }
    }

    pub(super) fn dismiss(&mut self, account: AccountId) {
        if let Some(lane) = self.lanes.remove(&account) {
            self.entries -= lane.entries();
            self.aside -= lane.aside();
            self.resting.set(account, None);
        }
    }
}
