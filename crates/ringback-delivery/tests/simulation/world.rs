//! The world: a clock, a list of what happens when, and the cast.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use ringback_delivery::{AccountId, FlightId, LaneRead, LaneRows, Outcome, Standing, Timestamp, Turn};

use crate::endpoint::Endpoint;
use crate::node::{Batch, News, Node};
use crate::random::Random;
use crate::scene::{GROUPS, Scene};
use crate::store::{Account, Lease, Store};
use crate::witness::Witness;

/// Which life of which node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Who {
    pub(crate) node: usize,
    pub(crate) life: u64,
}

/// What a lane asked to be swept.
#[derive(Debug)]
pub(crate) struct Sweep {
    pub(crate) account: AccountId,
    pub(crate) standing: Standing,
    pub(crate) under_way: Vec<Turn>,
}

/// What can happen. The *points* happen at the store, whatever became of the node; all else happens at a node.
#[derive(Debug)]
pub(crate) enum Event {
    Act,
    Crash(Who),
    LoadPoint(Who, LaneRead, Duration),
    RecordPoint(Who, Batch, [Option<u64>; GROUPS]),
    SweepPoint(Who, Sweep, Option<u64>),
    HastenPoint(Who, AccountId, Option<u64>),
    CursorPoint(Who, Timestamp),
    RenewPoint(Who, Timestamp, Vec<(usize, u64)>),
    ClaimPoint(Who, Timestamp),
    Node(Who, NodeEvent),
}

/// What can happen at a node.
#[derive(Debug)]
pub(crate) enum NodeEvent {
    Begin,
    Tick,
    News,
    Discover,
    Loaded(Box<LaneRows>, u64),
    NotLoaded(LaneRead),
    Unreadable(LaneRead),
    RecordAgain,
    Recorded(RecordAnswer),
    Swept(AccountId, bool),
    Hastened(AccountId, bool),
    Launch(FlightId),
    Answer(FlightId, Outcome),
    ReadCursor,
    Cursor(Timestamp, BTreeMap<AccountId, (u64, Standing)>),
    Renew,
    Renewed(Timestamp, Vec<(usize, u64)>),
    Claimed(Timestamp, usize, u64),
}

#[derive(Debug)]
pub(crate) enum RecordAnswer {
    Done,
    /// It may or may not have happened.
    Unavailable,
    /// These groups are not the node's any more: nothing was recorded.
    Refused(Vec<usize>),
}

/// See the module.
pub(crate) struct World {
    pub(crate) now: Timestamp,
    pub(crate) random: Random,
    pub(crate) scene: Scene,
    pub(crate) store: Store,
    pub(crate) nodes: Vec<Node>,
    pub(crate) endpoints: BTreeMap<AccountId, Endpoint>,
    pub(crate) witness: Witness,
    events: BTreeMap<(Timestamp, u64), Event>,
    numbers: u64,
    /// Whether new troubles may come.
    pub(crate) stormy: bool,
    pub(crate) steps: u64,
    /// By how much the clock was set back so far.
    pub(crate) set_back: Duration,
    trace: Option<VecDeque<String>>,
    told: usize,
}

/// How many events are told when a promise breaks.
const TOLD: usize = 60;

impl World {
    pub(crate) fn new(scene: Scene, random: Random, traced: bool) -> Self {
        let now = Timestamp::from_millis(1_700_000_000_000);
        let ids: Vec<AccountId> = (1..=scene.accounts).filter_map(AccountId::from_number).collect();
        let free = Lease { owner: None, token: 0, until: now };
        let mut world = Self {
            now,
            random,
            store: Store {
                accounts: ids.iter().map(|account| (*account, Account::default())).collect(),
                leases: vec![free; GROUPS],
                chore_step: scene.chore_step,
                followers_at_once: scene.followers_at_once,
                replayed: 0,
            },
            nodes: (0..scene.nodes).map(|_| Node::new()).collect(),
            endpoints: ids.iter().map(|account| (*account, Endpoint::new())).collect(),
            witness: Witness::new(&scene),
            scene,
            events: BTreeMap::new(),
            numbers: 0,
            stormy: true,
            steps: 0,
            set_back: Duration::ZERO,
            trace: traced.then(VecDeque::new),
            told: crate::variable("TOLD").map_or(TOLD, |lines| lines as usize),
        };
        for node in 0..world.nodes.len() {
            world.begin(node, Duration::ZERO);
        }
        world
    }

    /// A number that nothing else has.
    pub(crate) fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    pub(crate) fn plan(&mut self, after: Duration, event: Event) {
        let number = self.number();
        self.events.insert((self.now.after(after), number), event);
    }

    pub(crate) fn who(&self, node: usize) -> Who {
        Who { node, life: self.nodes[node].life }
    }

    pub(crate) fn plan_at_node(&mut self, node: usize, after: Duration, event: NodeEvent) {
        self.plan(after, Event::Node(self.who(node), event));
    }

    /// Lets a node start, now or later.
    pub(crate) fn begin(&mut self, node: usize, after: Duration) {
        self.plan_at_node(node, after, NodeEvent::Begin);
    }

    pub(crate) fn tell(&mut self, what: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            if trace.len() >= self.told {
                trace.pop_front();
            }
            let seconds = self.now.as_millis() - 1_700_000_000_000;
            trace.push_back(format!("{:>10}.{:03} {}", seconds / 1000, seconds % 1000, what()));
        }
    }

    /// The last events, for whoever asks why.
    pub(crate) fn story(&self) -> String {
        self.trace.iter().flatten().map(|line| format!("{line}\n")).collect()
    }

    /// How long an operation on the store takes.
    pub(crate) fn store_latency(&mut self) -> Duration {
        if self.happens(self.scene.slow_store) {
            self.random.millis(200, 4_000)
        } else {
            self.random.millis(0, 6)
        }
    }

    /// Whether an accident of this likelihood happens now.
    pub(crate) fn happens(&mut self, permille: u64) -> bool {
        self.stormy && self.random.chance(permille)
    }

    /// When the next thing happens: an event, or an engine's alarm.
    pub(crate) fn next_at(&self) -> Option<Timestamp> {
        let event = self.events.keys().next().map(|(at, _)| *at);
        let alarm = self.nodes.iter().filter_map(|node| self.alarm(node)).min();
        [event, alarm].into_iter().flatten().min()
    }

    fn alarm(&self, node: &Node) -> Option<Timestamp> {
        let at = node.engine.as_ref()?.wake_at()?;
        Some(at.max(node.frozen_until).max(self.now))
    }

    /// Lets the next thing happen; false when nothing ever will.
    pub(crate) fn step(&mut self) -> bool {
        let Some(at) = self.next_at() else { return false };
        self.steps += 1;
        self.now = self.now.max(at);
        let alarmed = (0..self.nodes.len())
            .find(|node| self.alarm(&self.nodes[*node]).is_some_and(|at| at <= self.now));
        if let Some(node) = alarmed {
            self.look_at_clock(node);
            let now = self.now;
            self.nodes[node].engine().tick(now);
            self.after(node);
            self.witness.woken(now, node);
            return true;
        }
        let Some((_, event)) = self.events.pop_first() else { return true };
        self.happen(event);
        true
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Act => self.act(),
            Event::Crash(who) => {
                if self.nodes[who.node].life == who.life {
                    self.crash(who.node);
                }
            }
            Event::LoadPoint(who, read, rest) => self.load_point(who, read, rest),
            Event::RecordPoint(who, batch, tokens) => self.record_point(who, batch, tokens),
            Event::SweepPoint(who, sweep, token) => self.sweep_point(who, &sweep, token),
            Event::HastenPoint(who, account, token) => self.hasten_point(who, account, token),
            Event::CursorPoint(who, sent) => self.cursor_point(who, sent),
            Event::RenewPoint(who, sent, held) => self.renew_point(who, sent, &held),
            Event::ClaimPoint(who, sent) => self.claim_point(who, sent),
            Event::Node(who, event) => {
                let node = &self.nodes[who.node];
                if node.life != who.life {
                    return;
                }
                if node.frozen_until > self.now {
                    let wait = node.frozen_until.since(self.now);
                    self.plan(wait, Event::Node(who, event));
                    return;
                }
                self.look_at_clock(who.node);
                self.at_node(who.node, event);
                self.after(who.node);
            }
        }
        self.witness.ledger(&self.store);
    }

    /// Sets the clock back, of one node that is alone: what was to happen after so long happens after so long still. The
    /// node finds out a moment later. What is stored stays as it is.
    pub(crate) fn set_clock_back(&mut self, by: Duration) {
        let now = self.now;
        if self.nodes.iter().any(|node| node.frozen_until > now) {
            // Who wakes looks at the time before it looks whether the clock was set.
            return;
        }
        self.tell(|| format!("the clock is set back by {by:?}"));
        for node in 0..self.nodes.len() {
            // It looks at the time several times a second.
            self.at_node(node, NodeEvent::Tick);
            self.after(node);
        }
        self.now = self.now.before(by);
        self.set_back += by;
        let events = std::mem::take(&mut self.events).into_iter();
        self.events = events.map(|((at, number), event)| ((at.before(by), number), event)).collect();
        self.witness.set_back(by);
        for node in 0..self.nodes.len() {
            let this = &mut self.nodes[node];
            this.frozen_until = this.frozen_until.before(by);
            this.news.iter_mut().for_each(|(at, _)| *at = at.before(by));
            let wait = self.random.millis(0, 250);
            self.plan_at_node(node, wait, NodeEvent::Tick);
        }
    }

    /// Sends news of a commit to an engine; they come in the order of the commits.
    pub(crate) fn send_news(&mut self, node: usize, news: News) {
        if self.nodes[node].engine.is_none() {
            return;
        }
        let delay = if self.random.chance(self.scene.slow_news) {
            self.random.millis(0, 500)
        } else {
            self.random.millis(0, 3)
        };
        let last = self.nodes[node].news.back().map_or(self.now, |(at, _)| *at);
        let at = self.now.after(delay).max(last);
        self.nodes[node].news.push_back((at, news));
        self.plan_at_node(node, at.since(self.now), NodeEvent::News);
    }
}
