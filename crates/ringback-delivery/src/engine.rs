//! All lanes together: who may send now, who reads, who wakes when.
//!
//! The engine is told what happened and answers with [`Command`]s, which whoever runs it carries out against a real
//! or a simulated store, network and clock. It never waits and never fails.
//!
//! Lanes with something to send queue for the *pools*: requests that are young, and requests that have been out for
//! long. A request moves from the first to the second after a second, so that hanging endpoints, a thousand of them,
//! can't keep the young one's places. Lanes whose endpoint has not succeeded of late share a part of the young pool, and
//! wait when the slow one is full; the others go on.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

use crate::account::AccountId;
use crate::lane::{Lane, Rest};
use crate::message::Turn;
use crate::outcome::Outcome;
use crate::pools::{OpenRequests, Pools};
use crate::schedule::Jitter;
use crate::settings::Settings;
use crate::settlement::{LaneUpdate, Settlement};
use crate::standing::Standing;
use crate::time::Timestamp;
use crate::waiting::{LaneRead, LaneRows, Waiting};

/// Names one attempt while it is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlightId(u64);

/// What whoever runs the engine is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Read this, and tell [`Engine::loaded`].
    Read(LaneRead),
    /// Begin an attempt, unless the account's generation says otherwise, and tell [`Engine::answered`].
    Start(Start),
    /// Record this, and tell [`Engine::recorded`]. With the attempt that led to it, if one did.
    Settle(Option<FlightId>, Settlement),
    /// Record this lane's record with the settlements before it.
    Keep(LaneUpdate),
    /// Settle a step of what the account cancelled or acknowledged, but for these; tell [`Engine::swept`].
    Sweep(AccountId, Vec<Turn>),
    /// Make a step of what was tried due now; tell [`Engine::hastened`].
    Hasten(AccountId),
    /// The lane left memory: what is kept for its sake may go too.
    Forget(AccountId),
}

/// An attempt to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    /// Its name.
    pub flight: FlightId,
    /// Whose message.
    pub account: AccountId,
    /// The message; its `attempts` count this one.
    pub waiting: Waiting,
    /// The account's generation that the decision was made with: where another one is in force by now, the attempt does
    /// not begin ([`Outcome::NotStarted`]), and the lane decides anew once it has heard.
    pub generation: u64,
}

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
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Queue {
    Proven,
    Unproven,
}

/// See the module.
#[derive(Debug)]
pub struct Engine {
    settings: Settings,
    started_at: Timestamp,
    lanes: HashMap<AccountId, Lane>,
    dormant: HashMap<AccountId, Dormant>,
    /// When which lane, in memory or dormant, is to be looked at.
    alarms: BTreeSet<(Timestamp, AccountId)>,
    alarm_of: HashMap<AccountId, Timestamp>,
    /// Lanes in memory with nothing to do, the longest idle first.
    resting: BTreeSet<(Timestamp, AccountId)>,
    resting_since: HashMap<AccountId, Timestamp>,
    proven: VecDeque<AccountId>,
    unproven: VecDeque<AccountId>,
    /// Which of the two a lane waits in. It may have left stale entries in the other.
    queued: HashMap<AccountId, Queue>,
    readers: VecDeque<AccountId>,
    queued_to_read: HashSet<AccountId>,
    reads: usize,
    flights: HashMap<FlightId, Flight>,
    last_flight: u64,
    pools: Pools,
    unrecorded: usize,
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
            lanes: HashMap::new(),
            dormant: HashMap::new(),
            alarms: BTreeSet::new(),
            alarm_of: HashMap::new(),
            resting: BTreeSet::new(),
            resting_since: HashMap::new(),
            proven: VecDeque::new(),
            unproven: VecDeque::new(),
            queued: HashMap::new(),
            readers: VecDeque::new(),
            queued_to_read: HashSet::new(),
            reads: 0,
            flights: HashMap::new(),
            last_flight: 0,
            unrecorded: 0,
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
        let alarm = self.alarms.first().map(|(at, _)| *at).filter(|at| *at != Timestamp::NEVER);
        [alarm, self.pools.next_slow(&self.settings)].into_iter().flatten().min()
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
        if !self.lanes.contains_key(&account) {
            self.wake(now, account);
        } else if let Some(lane) = self.lanes.get_mut(&account) {
            lane.missed();
            self.touched(now, account);
        }
    }

    /// A message was accepted.
    pub fn accepted(&mut self, now: Timestamp, account: AccountId, waiting: Waiting) {
        if self.dormant.get(&account).is_some_and(|dormant| dormant.closed) {
            return;
        }
        if !self.lanes.contains_key(&account) {
            self.wake(now, account);
        }
        let room = self.entries < self.settings.entries_in_all;
        self.with_lane(now, account, |lane, settings| lane.accepted(waiting, room, settings));
    }

    /// An account's standing changed.
    pub fn standing_changed(&mut self, now: Timestamp, account: AccountId, standing: Standing) {
        if self.dormant.contains_key(&account) {
            self.wake(now, account);
        }
        self.with_lane(now, account, |lane, settings| lane.standing_changed(now, standing, settings));
    }

    /// What a lane asked to read has come.
    pub fn loaded(&mut self, now: Timestamp, rows: LaneRows) {
        self.reads = self.reads.saturating_sub(1);
        let account = rows.account;
        self.with_lane(now, account, |lane, settings| lane.loaded(now, rows, settings));
        self.pump(now);
    }

    /// What a lane asked to read could not be read: it asks again.
    pub fn not_loaded(&mut self, now: Timestamp, read: &LaneRead) {
        self.reads = self.reads.saturating_sub(1);
        self.with_lane(now, read.account, |lane, _| lane.not_loaded(read));
        self.pump(now);
    }

    /// An attempt ended.
    pub fn answered(&mut self, now: Timestamp, flight: FlightId, outcome: &Outcome, jitter: Jitter) {
        self.pools.leave(flight);
        let Some(Flight { account, turn }) = self.flights.remove(&flight) else { return };
        let settled = self
            .with_lane(now, account, |lane, settings| lane.answered(now, turn, outcome, jitter, settings));
        if let Some(settlement) = settled.flatten() {
            self.unrecorded += 1;
            self.commands.push_back(Command::Settle(Some(flight), settlement));
        }
        self.keep_record(account);
        self.pump(now);
    }

    /// Decisions are recorded.
    pub fn recorded(&mut self, now: Timestamp, settlements: impl IntoIterator<Item = (AccountId, Turn)>) {
        for (account, turn) in settlements {
            self.unrecorded = self.unrecorded.saturating_sub(1);
            self.with_lane(now, account, |lane, settings| lane.recorded(now, turn, settings));
        }
        self.pump(now);
    }

    /// These lanes' records, as [`Command::Keep`] gave them, are recorded.
    pub fn kept(&mut self, now: Timestamp, updates: impl IntoIterator<Item = LaneUpdate>) {
        for update in updates {
            let _ = update;
        }
        self.pump(now);
    }

    /// A step of a sweep is done, and `more` of it may be left.
    pub fn swept(&mut self, now: Timestamp, account: AccountId, more: bool) {
        self.with_lane(now, account, |lane, _| lane.swept(more));
        self.pump(now);
    }

    /// A step of making things due is done, and `more` of it may be left.
    pub fn hastened(&mut self, now: Timestamp, account: AccountId, more: bool) {
        self.with_lane(now, account, |lane, _| lane.hastened(now, more));
        self.pump(now);
    }

    /// This node lost the accounts that `lost` names: their lanes go, and what comes back for them counts no more.
    pub fn lost(&mut self, lost: impl Fn(AccountId) -> bool) {
        // What is under way for them keeps its place in the pools until it is answered.
        self.flights.retain(|_, flight| !lost(flight.account));
        let gone: Vec<AccountId> =
            self.lanes.keys().chain(self.dormant.keys()).copied().filter(|account| lost(*account)).collect();
        for account in gone {
            self.forget(account);
            self.dormant.remove(&account);
            self.set_alarm(account, None);
        }
    }

    /// Time passed.
    pub fn tick(&mut self, now: Timestamp) {
        self.pools.age(now, &self.settings);
        while let Some((at, account)) = self.alarms.first().copied()
            && at <= now
        {
            self.set_alarm(account, None);
            self.wake(now, account);
            let dead = self.with_lane(now, account, |lane, settings| lane.expire(now, settings));
            for settlement in dead.unwrap_or_default() {
                self.unrecorded += 1;
                self.commands.push_back(Command::Settle(None, settlement));
            }
        }
        self.pump(now);
    }

    /// Hands out what may be sent and read now. Every other call but `accepted`, `discovered` and `standing_changed`
    /// ends with this; after those it is to be called, once for many.
    pub fn pump(&mut self, now: Timestamp) {
        self.read_on(now);
        while !self.stopping && self.unrecorded < self.settings.unrecorded {
            let Some(account) = self.next_sender() else { break };
            let Some(lane) = self.lanes.get_mut(&account) else { continue };
            if let Some(launch) = lane.launch(now, &self.settings) {
                self.last_flight += 1;
                let flight = FlightId(self.last_flight);
                let proven = lane.proven(now, &self.settings);
                self.flights.insert(flight, Flight { account, turn: launch.waiting.turn });
                self.pools.enter(flight, now, proven);
                self.commands.push_back(Command::Start(Start {
                    flight,
                    account,
                    waiting: launch.waiting,
                    generation: launch.generation,
                }));
            }
            self.touched(now, account);
        }
        self.read_on(now);
        self.rest_some(now);
    }

    /// The lane that has waited longest for a place that is free.
    fn next_sender(&mut self) -> Option<AccountId> {
        loop {
            let (account, queue) = if self.pools.proven_may_start() && !self.proven.is_empty() {
                (self.proven.pop_front()?, Queue::Proven)
            } else if self.pools.unproven_may_start() {
                (self.unproven.pop_front()?, Queue::Unproven)
            } else {
                return None;
            };
            if self.queued.get(&account) == Some(&queue) {
                self.queued.remove(&account);
                return Some(account);
            }
        }
    }

    fn queue_to_send(&mut self, account: AccountId, queue: Queue) {
        if matches!(self.queued.get(&account), Some(known) if *known == queue || *known == Queue::Proven) {
            return;
        }
        self.queued.insert(account, queue);
        match queue {
            Queue::Proven => self.proven.push_back(account),
            Queue::Unproven => self.unproven.push_back(account),
        }
    }

    fn read_on(&mut self, now: Timestamp) {
        while self.reads < self.settings.reads_at_once {
            let Some(account) = self.readers.pop_front() else { break };
            self.queued_to_read.remove(&account);
            let Some(lane) = self.lanes.get_mut(&account) else { continue };
            if let Some(read) = lane.read(now, &self.settings) {
                self.reads += 1;
                self.commands.push_back(Command::Read(read));
            }
        }
    }

    // ---- Lanes ---------------------------------------------------------------------------------------------------

    /// Brings a lane into memory.
    fn wake(&mut self, now: Timestamp, account: AccountId) {
        if self.dormant.remove(&account).is_some() {
            self.set_alarm(account, None);
        }
        let mortal_from = self.started_at.after(self.settings.grace_after_start);
        self.lanes.entry(account).or_insert_with(|| Lane::new(account, mortal_from));
        self.touched(now, account);
    }

    /// Lets something happen to a lane, if it is in memory, and sees to what follows from it.
    fn with_lane<T>(
        &mut self,
        now: Timestamp,
        account: AccountId,
        happen: impl FnOnce(&mut Lane, &Settings) -> T,
    ) -> Option<T> {
        let lane = self.lanes.get_mut(&account)?;
        let before = lane.entries();
        let result = happen(lane, &self.settings);
        self.entries = self.entries + lane.entries() - before;
        self.touched(now, account);
        Some(result)
    }

    /// Sees to what a lane wants now: to send, to read, its chores, its alarm.
    fn touched(&mut self, now: Timestamp, account: AccountId) {
        let Some(lane) = self.lanes.get_mut(&account) else { return };
        let sends = lane.may_launch(now, &self.settings);
        let queue = if lane.proven(now, &self.settings) { Queue::Proven } else { Queue::Unproven };
        if lane.wants_read(now, &self.settings) && self.queued_to_read.insert(account) {
            self.readers.push_back(account);
        }
        if let Some(under_way) = lane.begin_sweep() {
            self.commands.push_back(Command::Sweep(account, under_way));
        }
        if lane.begin_hasten() {
            self.commands.push_back(Command::Hasten(account));
        }
        let alarm = lane.wake_at(now, &self.settings).filter(|at| *at > now);
        let idle = !matches!(lane.rest(now, &self.settings), Rest::Busy);
        if sends {
            self.queue_to_send(account, queue);
        }
        self.set_alarm(account, alarm);
        self.set_resting(account, idle.then_some(now));
        self.keep_record(account);
    }

    fn keep_record(&mut self, account: AccountId) {
        if let Some(record) = self.lanes.get_mut(&account).and_then(Lane::take_record) {
            self.commands.push_back(Command::Keep(LaneUpdate { account, record }));
        }
    }

    fn set_alarm(&mut self, account: AccountId, at: Option<Timestamp>) {
        let before = match at {
            Some(at) => self.alarm_of.insert(account, at),
            None => self.alarm_of.remove(&account),
        };
        if before == at {
            return;
        }
        if let Some(before) = before {
            self.alarms.remove(&(before, account));
        }
        if let Some(at) = at {
            self.alarms.insert((at, account));
        }
    }

    fn set_resting(&mut self, account: AccountId, since: Option<Timestamp>) {
        let known = self.resting_since.get(&account).copied();
        match (known, since) {
            (Some(_), Some(_)) | (None, None) => {}
            (None, Some(since)) => {
                self.resting_since.insert(account, since);
                self.resting.insert((since, account));
            }
            (Some(known), None) => {
                self.resting_since.remove(&account);
                self.resting.remove(&(known, account));
            }
        }
    }

    /// Lets lanes go that have had nothing to do for the longest, where there are too many.
    fn rest_some(&mut self, now: Timestamp) {
        while self.lanes.len() > self.settings.resident_lanes {
            let Some((_, account)) = self.resting.first().copied() else { break };
            let Some(lane) = self.lanes.get_mut(&account) else { break };
            let closed = lane.closed();
            let rest = lane.rest(now, &self.settings);
            if matches!(rest, Rest::Until(until) if until <= now) || rest == Rest::Busy {
                self.set_resting(account, None);
                continue;
            }
            self.forget(account);
            self.set_alarm(account, None);
            if let Rest::Until(until) = rest {
                self.dormant.insert(account, Dormant { closed });
                self.set_alarm(account, Some(until));
            }
        }
    }

    fn forget(&mut self, account: AccountId) {
        if let Some(lane) = self.lanes.remove(&account) {
            self.entries -= lane.entries();
            self.set_resting(account, None);
            self.commands.push_back(Command::Forget(account));
        }
    }
}
