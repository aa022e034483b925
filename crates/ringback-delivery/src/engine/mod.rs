//! All lanes together: who may send now, who reads, who wakes when.
//!
//! The engine is told what happened and answers with [`Command`]s, which whoever runs it carries out against a real
//! or a simulated store, network and clock. It never waits and never fails. What happened is told here; `lanes` sees to what
//! a lane wants after it, and `handing_out` to who may send and read now.
//!
//! Lanes with something to send queue for the *pools*: requests that are young, and requests that have been out for
//! long. A request moves from the first to the second after a second, so that hanging endpoints, a thousand of them,
//! can't keep the young one's places. Lanes whose endpoint has not succeeded of late share a part of the young pool, and
//! wait when the slow one is full; the others go on. Of that part those whose endpoint has failed have a part again, so
//! that one that nothing is known of does not wait behind them; and where such a one waits all the same, requests to
//! endpoints that are not proven move sooner.

mod command;
mod handing_out;
mod lanes;
mod leaving;
mod senders;
mod setting_back;
mod timetable;

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use crate::account::AccountId;
use crate::hashing::{NumberMap, NumberSet};
use crate::lane::{Lane, Outstanding};
use crate::message::Turn;
use crate::outcome::Outcome;
use crate::pools::{OpenRequests, Pools};
use crate::schedule::Jitter;
use crate::settings::Settings;
use crate::settlement::LaneUpdate;
use crate::standing::Standing;
use crate::time::Timestamp;
use crate::waiting::{EmptyLane, LaneRead, LaneRows, Waiting};
pub use command::{Command, FlightId, Start};
use leaving::Leaving;
use senders::Senders;
use timetable::Timetable;

#[derive(Debug, Clone, Copy)]
struct Flight {
    account: AccountId,
    turn: Turn,
}

/// A lane that is not in memory, because all it does is wait.
#[derive(Debug, Clone, Copy)]
struct Dormant {
    /// Nothing, or only probes, can go: news of messages change nothing.
    closed: bool,
    /// The clock was set back since.
    set_back: bool,
}

/// What became of the news of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Heard {
    /// It may be sent soon: it is not behind others that are still to be read.
    pub goes_soon: bool,
    /// Its lane came into memory as the news brought it.
    pub lane_began: bool,
}

/// After a read came to nothing, no other is asked for so long: the store is in trouble.
const READ_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// See the module.
#[derive(Debug)]
pub struct Engine {
    settings: Settings,
    started_at: Timestamp,
    /// The time that was told last.
    last_now: Timestamp,
    /// Boxed: the map has up to twice as many places.
    lanes: NumberMap<AccountId, Box<Lane>>,
    dormant: NumberMap<AccountId, Dormant>,
    leaving: Leaving,
    /// When which lane, in memory or dormant, is to be looked at.
    alarms: Timetable,
    /// Lanes in memory with nothing to do, and since when.
    resting: Timetable,
    senders: Senders,
    readers: VecDeque<AccountId>,
    queued_to_read: NumberSet<AccountId>,
    reads: usize,
    /// Nothing is read before.
    read_from: Timestamp,
    flights: NumberMap<FlightId, Flight>,
    last_flight: u64,
    pools: Pools,
    unrecorded: usize,
    /// Of these, what waits for lanes that stand still for it.
    aside: usize,
    entries: usize,
    stopping: bool,
    commands: VecDeque<Command>,
}

impl Engine {
    /// An engine that starts now, without lanes.
    pub fn new(settings: Settings, now: Timestamp) -> Self {
        Self {
            pools: Pools::new(&settings),
            settings,
            started_at: now,
            last_now: now,
            lanes: NumberMap::default(),
            dormant: NumberMap::default(),
            leaving: Leaving::default(),
            alarms: Timetable::default(),
            resting: Timetable::default(),
            senders: Senders::default(),
            readers: VecDeque::new(),
            queued_to_read: NumberSet::default(),
            reads: 0,
            read_from: Timestamp::default(),
            flights: NumberMap::default(),
            last_flight: 0,
            unrecorded: 0,
            aside: 0,
            entries: 0,
            stopping: false,
            commands: VecDeque::new(),
        }
    }

    /// The next thing to do.
    pub fn next_command(&mut self) -> Option<Command> {
        self.commands.pop_front()
    }

    /// When [`Engine::tick`] is to be called, if nothing happens before.
    pub fn wake_at(&self) -> Option<Timestamp> {
        let alarm = self.alarms.first().map(|(at, _)| at).filter(|at| *at != Timestamp::NEVER);
        let reads_wait = !self.readers.is_empty() && self.reads < self.settings.reads_at_once;
        let read = reads_wait.then_some(self.read_from);
        let slow = self.pools.next_slow(&self.settings, self.crowded());
        [alarm, slow, read].into_iter().flatten().min()
    }

    /// How many attempts are under way.
    pub fn flying(&self) -> usize {
        self.flights.len()
    }

    /// How many answered outcomes are not recorded yet.
    pub fn unrecorded(&self) -> usize {
        self.unrecorded
    }

    /// Whether [`Engine::discovered`] may be told of more accounts: those before have been read.
    pub fn wants_discovery(&self) -> bool {
        self.readers.len() < self.settings.reads_at_once
    }

    /// How many lanes are in memory.
    pub fn resident_lanes(&self) -> usize {
        self.lanes.len()
    }

    /// How many requests are open, by pool.
    pub fn open_requests(&self) -> OpenRequests {
        self.pools.counts()
    }

    /// From now on nothing starts.
    pub fn stop(&mut self) {
        self.stopping = true;
    }

    // ---- What happened -------------------------------------------------------------------------------------------

    /// Something may be pending for this account: at the start, or when news were lost.
    pub fn discovered(&mut self, now: Timestamp, account: AccountId) {
        self.heed(now);
        if self.leaving.wants(account) {
            return;
        }
        if self.lanes.contains_key(&account) {
            self.with_lane(now, account, |lane, _| lane.missed());
        } else {
            self.wake(now, account);
        }
    }

    /// A message was accepted; `lane` is its lane before that, if nothing waited there.
    ///
    /// A `lane` is believed where the account is not known here: so news that bring one must come before the answer to
    /// anything that was written after them.
    pub fn accepted(
        &mut self,
        now: Timestamp,
        account: AccountId,
        waiting: Waiting,
        lane: Option<&EmptyLane>,
    ) -> Heard {
        self.heed(now);
        let mut heard = Heard::default();
        let dormant = self.dormant.get(&account);
        if dormant.is_some_and(|dormant| dormant.closed) || self.leaving.wants(account) {
            return heard;
        }
        if !self.lanes.contains_key(&account) {
            match lane.filter(|_| dormant.is_none()) {
                Some(lane) => {
                    self.begin(now, account, lane);
                    heard.lane_began = true;
                }
                None => self.wake(now, account),
            }
        }
        let soon = self.change(now, account, |lane, at| lane.accepted(at, waiting));
        self.touched(now, account);
        heard.goes_soon = soon.unwrap_or(false);
        heard
    }

    /// Other nodes accepted messages for this account: its queue goes up to there, or did a moment ago.
    pub fn reaches(&mut self, now: Timestamp, account: AccountId, through: Turn) {
        self.heed(now);
        let dormant = self.dormant.get(&account);
        if dormant.is_some_and(|dormant| dormant.closed) || self.leaving.wants(account) {
            return;
        }
        if self.lanes.contains_key(&account) {
            self.with_lane(now, account, |lane, _| lane.queue_reaches(through));
        } else {
            self.wake(now, account);
        }
    }

    /// An account's standing changed.
    pub fn standing_changed(&mut self, now: Timestamp, account: AccountId, standing: Standing) {
        self.heed(now);
        if self.leaving.wants(account) {
            return;
        }
        if !self.lanes.contains_key(&account) {
            self.wake(now, account);
        }
        self.with_lane(now, account, |lane, at| lane.standing_changed(at, standing));
    }

    /// What a lane asked to read has come.
    pub fn loaded(&mut self, now: Timestamp, rows: LaneRows) {
        self.heed(now);
        self.reads = self.reads.saturating_sub(1);
        let account = rows.account;
        if !self.came_back(now, account, |left| left.reads -= 1) {
            self.with_lane(now, account, |lane, at| lane.loaded(at, rows));
        }
        self.pump(now);
    }

    /// What a lane asked to read could not be read, nor could anything be: it asks again, and so do all others, after a
    /// moment.
    pub fn not_loaded(&mut self, now: Timestamp, read: &LaneRead) {
        self.heed(now);
        self.read_from = now.after(READ_AGAIN_AFTER);
        self.came_to_nothing(now, read);
    }

    /// What this lane asked to read can't be read, where others can: it asks again, the later the more often it could not.
    pub fn unreadable(&mut self, now: Timestamp, read: &LaneRead) {
        self.heed(now);
        self.change(now, read.account, |lane, at| lane.unreadable(at));
        self.came_to_nothing(now, read);
    }

    fn came_to_nothing(&mut self, now: Timestamp, read: &LaneRead) {
        self.reads = self.reads.saturating_sub(1);
        if !self.came_back(now, read.account, |left| left.reads -= 1) {
            self.with_lane(now, read.account, |lane, _| lane.not_loaded(read));
        }
        self.pump(now);
    }

    /// An attempt ended.
    pub fn answered(&mut self, now: Timestamp, flight: FlightId, outcome: &Outcome, jitter: Jitter) {
        self.heed(now);
        self.pools.leave(flight);
        let Some(Flight { account, turn }) = self.flights.remove(&flight) else { return };
        if !self.came_back(now, account, |left| left.flights -= 1) {
            let settled = self.change(now, account, |lane, at| lane.answered(at, turn, outcome, jitter));
            if let Some(settlement) = settled.flatten() {
                self.settle(Some(flight), settlement);
            }
            self.touched(now, account);
        }
        self.pump(now);
    }

    /// Decisions are recorded; or refused, as the accounts are another node's by now. Each is told once.
    pub fn recorded(&mut self, now: Timestamp, settlements: impl IntoIterator<Item = (AccountId, Turn)>) {
        self.heed(now);
        // A lane's settlements mostly come one after another: what follows from them is seen to once.
        let mut last = None;
        for (account, turn) in settlements {
            self.unrecorded = self.unrecorded.saturating_sub(1);
            if self.came_back(now, account, |left| left.settlements -= 1) {
                continue;
            }
            if let Some(before) = last.replace(account)
                && before != account
            {
                self.touched(now, before);
            }
            self.change(now, account, |lane, _| lane.recorded(turn));
        }
        if let Some(last) = last {
            self.touched(now, last);
        }
        self.pump(now);
    }

    /// What was decided for this account can't be recorded, however often that is tried, or it is recorded after all.
    /// Meanwhile nothing of it starts, so that what can't be recorded stays little; and it keeps nothing of others from starting.
    pub fn set_aside(&mut self, now: Timestamp, account: AccountId, is_aside: bool) {
        self.heed(now);
        self.with_lane(now, account, |lane, _| lane.set_aside(is_aside));
        self.pump(now);
    }

    /// Lanes' records are kept; or refused, as the accounts are another node's by now. Of several that were given out
    /// for a lane it is enough to keep and to tell the last.
    pub fn kept(&mut self, now: Timestamp, updates: impl IntoIterator<Item = LaneUpdate>) {
        self.heed(now);
        for LaneUpdate { account, record } in updates {
            let same = |left: &mut Outstanding| left.record = left.record.filter(|known| *known != record);
            if !self.came_back(now, account, same) {
                self.with_lane(now, account, |lane, _| lane.kept(&record));
            }
        }
        self.pump(now);
    }

    /// A step of a sweep is done, and `more` of it may be left. So it is where it failed, after a moment.
    pub fn swept(&mut self, now: Timestamp, account: AccountId, more: bool) {
        self.heed(now);
        if !self.came_back(now, account, |left| left.sweeps -= 1) {
            self.with_lane(now, account, |lane, _| lane.swept(more));
        }
        self.pump(now);
    }

    /// A step of making things due is done, and `more` of it may be left. So it is where it failed, after a moment.
    pub fn hastened(&mut self, now: Timestamp, account: AccountId, more: bool) {
        self.heed(now);
        if !self.came_back(now, account, |left| left.hastenings -= 1) {
            self.with_lane(now, account, |lane, at| lane.hastened(at, more));
        }
        self.pump(now);
    }

    /// This node lost the accounts that `lost` names: their lanes go, and what comes back for them counts no more. All
    /// that is under way for them is still to be told, once it is answered, recorded or refused.
    pub fn lost(&mut self, lost: impl Fn(AccountId) -> bool) {
        let known = self.lanes.keys().chain(self.dormant.keys()).copied();
        let gone: BTreeSet<AccountId> = known.filter(|account| lost(*account)).collect();
        for account in gone {
            let outstanding = self.lanes.get(&account).map(|lane| lane.outstanding()).unwrap_or_default();
            self.dismiss(account);
            self.dormant.remove(&account);
            self.alarms.set(account, None);
            if outstanding == Outstanding::default() {
                self.commands.push_back(Command::Forget(account));
            } else {
                self.leaving.begin(account, outstanding);
            }
        }
        self.leaving.lose(lost);
    }

    /// Time passed.
    pub fn tick(&mut self, now: Timestamp) {
        self.heed(now);
        let crowded = self.crowded();
        self.pools.age(now, &self.settings, crowded);
        while let Some((at, account)) = self.alarms.first()
            && at <= now
        {
            self.alarms.set(account, None);
            self.wake(now, account);
        }
        self.pump(now);
    }
}
