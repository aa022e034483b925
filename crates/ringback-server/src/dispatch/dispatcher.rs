//! The task that runs the engine: it feeds it what happened and carries out what it decides.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ringback_delivery::{
    AccountId, Command, Engine, FlightId, Jitter, LaneRead, Outcome, SHARDS, Settings, Start,
};
use ringback_store::{Attempt, Content, Lease, Settled, Store, StoreError, Swept};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet};

use crate::backpressure::{Backpressure, Watch};
use crate::clock::Clock;
use crate::events::Events;
use crate::live::Live;
use crate::metrics::Metrics;
use crate::send::Sender;
use crate::trace::Tracer;

use super::attempt::{Attempts, Signing};
use super::bodies::Bodies;
use super::endpoints::Endpoints;
use super::inbox::{Inbox, News};
use super::keeper::Keeper;
use super::loads::{Gathered, Loaded, Loader, Unaddressed};
use super::ownership::Ownership;
use super::recorder::{Recorded, Recorder};
use super::trouble::Trouble;

/// The longest that the task sleeps: a manual clock does not wake it.
const LONGEST_SLEEP: Duration = Duration::from_millis(250);
/// Accounts that are looked for at once.
const DISCOVERED_AT_ONCE: usize = 512;
/// How long giving back the shards may take at a stop.
const LEAVE_WITHIN: Duration = Duration::from_secs(3);

/// How the dispatcher works.
#[derive(Debug, Clone)]
pub struct DispatchSettings {
    /// The engine's numbers.
    pub engine: Settings,
    /// What deliveries are signed with.
    pub signing: Signing,
    /// Bytes of bodies that are kept in memory: half for fresh messages, half for what was read ahead.
    pub body_bytes: usize,
    /// How long a request may take in all: nothing starts for an account that is not this node's for so long.
    pub request_timeout: Duration,
    /// Where attempts are counted.
    pub metrics: Metrics,
    /// Who is told what was recorded, for those who watch.
    pub live: Option<Live>,
    /// What sees that something happened to a lane or a message.
    pub events: Events,
    /// What makes spans of attempts.
    pub tracer: Tracer,
    /// What holds publishers back while callbacks wait for the processor.
    pub backpressure: Backpressure,
}

impl Default for DispatchSettings {
    fn default() -> Self {
        Self {
            engine: Settings::default(),
            signing: Signing::default(),
            body_bytes: 8 << 20,
            request_timeout: Duration::from_secs(15),
            metrics: Metrics::default(),
            live: None,
            events: Events::default(),
            tracer: Tracer::default(),
            backpressure: Backpressure::default(),
        }
    }
}

/// What the dispatcher is doing, for whoever watches.
#[derive(Debug, Default)]
pub struct DispatchStats {
    /// Attempts under way.
    pub flying: AtomicUsize,
    /// Answered outcomes that are not recorded yet.
    pub unrecorded: AtomicUsize,
    /// Lanes in memory.
    pub lanes: AtomicUsize,
}

/// Dispatches until it is stopped.
pub struct Dispatcher {
    stop: oneshot::Sender<Duration>,
    task: JoinHandle<()>,
    stats: Arc<DispatchStats>,
}

impl Dispatcher {
    /// Takes up what waits in the store and dispatches from then on. `inbox` listens to the store's commits already.
    /// Needs a tokio runtime.
    pub fn start(
        settings: DispatchSettings,
        inbox: Arc<Inbox>,
        store: Arc<dyn Store>,
        sender: Sender,
        clock: Clock,
    ) -> Self {
        let endpoints = inbox.endpoints();
        let (events, incoming) = mpsc::unbounded_channel();
        let (stop, stopped) = oneshot::channel();
        let stats = Arc::new(DispatchStats::default());
        let ownership = Arc::new(Ownership::new(store.is_shared(), settings.request_timeout));
        let keeper = Keeper::start(store.clone(), ownership.clone(), inbox.clone(), clock.clone());
        let trouble = Arc::new(Trouble::default());
        let attempts = Attempts {
            store: store.clone(),
            endpoints: endpoints.clone(),
            sender,
            clock: clock.clone(),
            signing: settings.signing,
            ownership: ownership.clone(),
            tracer: settings.tracer,
            trouble: trouble.clone(),
        };
        let running = Running {
            engine: Engine::new(settings.engine, clock.now()),
            bodies: Bodies::new(settings.body_bytes / 2),
            ahead: Bodies::new(settings.body_bytes / 2),
            loads: Gathered::default(),
            unaddressed: Gathered::default(),
            recorder: Recorder::default(),
            trouble,
            answers: HashMap::new(),
            discovery: Discovery::Wanted(None),
            looking_in: ownership.held(),
            to_look_in: BTreeSet::new(),
            flights: HashMap::new(),
            flying_in: vec![0; usize::from(SHARDS)],
            ownership,
            keeper,
            attempts: Arc::new(attempts),
            store,
            clock,
            endpoints,
            inbox,
            events,
            work: JoinSet::new(),
            stats: stats.clone(),
            watch: Watch::new(settings.backpressure, Instant::now()),
            metrics: settings.metrics,
            live: settings.live,
            events_seen: settings.events,
        };
        Self { stop, task: tokio::spawn(running.run(incoming, stopped)), stats }
    }

    /// What it is doing.
    pub fn stats(&self) -> Arc<DispatchStats> {
        self.stats.clone()
    }

    /// Starts nothing more, waits for what is under way, `grace` at most, and records it. What does not end in time is
    /// given up, and sent again after the next start.
    pub async fn stop(self, grace: Duration) {
        // The task listens until it has stopped.
        let _ = self.stop.send(grace);
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the dispatcher ended badly");
        }
    }
}

/// What came back from something that a command set going. Their number is bounded by the engine: requests by its pools,
/// reads by its number of reads at once, the others by lanes.
enum Event {
    Answered(FlightId, Attempt),
    Loaded(Loaded),
    Bodies(Vec<Start>, Result<Vec<Option<Content>>, StoreError>),
    Addressed(Vec<Unaddressed>),
    Recorded(Recorded),
    Swept(AccountId, Result<Swept, StoreError>),
    Hastened(AccountId, Result<Swept, StoreError>),
    Discovered(Result<Vec<AccountId>, StoreError>),
}

/// How far the look for accounts with something pending has come.
enum Discovery {
    /// To be read on behind this account.
    Wanted(Option<AccountId>),
    UnderWay(Option<AccountId>),
    Done,
}

/// What is known of an attempt under way.
struct UnderWay {
    shard: u16,
    /// The shard's token as the engine decided.
    token: u64,
    /// When the message was committed, where this is its first attempt and it did not have to be read back.
    committed: Option<Instant>,
}

struct Running {
    engine: Engine,
    /// Those of fresh messages, with when they were committed.
    bodies: Bodies<Instant>,
    /// Those that were read ahead.
    ahead: Bodies<()>,
    loads: Gathered<LaneRead>,
    unaddressed: Gathered<Unaddressed>,
    recorder: Recorder,
    trouble: Arc<Trouble>,
    /// Attempts that have ended, until the engine's decision about them.
    answers: HashMap<FlightId, Attempt>,
    discovery: Discovery,
    /// The shards that this look goes through, and those that the next one will.
    looking_in: Vec<u16>,
    to_look_in: BTreeSet<u16>,
    /// The attempts under way, and how many there are in each shard.
    flights: HashMap<FlightId, UnderWay>,
    flying_in: Vec<u32>,
    ownership: Arc<Ownership>,
    keeper: Keeper,
    attempts: Arc<Attempts>,
    store: Arc<dyn Store>,
    clock: Clock,
    endpoints: Arc<Endpoints>,
    inbox: Arc<Inbox>,
    events: mpsc::UnboundedSender<Event>,
    /// What commands set going; it is given up with the dispatcher.
    work: JoinSet<()>,
    stats: Arc<DispatchStats>,
    watch: Watch,
    metrics: Metrics,
    live: Option<Live>,
    events_seen: Events,
}

impl Running {
    async fn run(
        mut self,
        mut incoming: mpsc::UnboundedReceiver<Event>,
        mut stopped: oneshot::Receiver<Duration>,
    ) {
        let mut batch = Vec::new();
        let mut deadline = None;
        self.step();
        while !self.finished(deadline) {
            let sleep = self.sleep();
            tokio::select! {
                _ = incoming.recv_many(&mut batch, 1024) => {}
                () = self.inbox.arrival() => {}
                grace = &mut stopped, if deadline.is_none() => {
                    self.engine.stop();
                    deadline = Some(self.clock.now().after(grace.unwrap_or_default()));
                }
                () = tokio::time::sleep(sleep) => {}
            }
            self.hear();
            for event in batch.drain(..) {
                self.happened(event);
            }
            self.step();
        }
        if self.ownership.is_shared() {
            self.leave().await;
        }
    }

    /// Gives all shards back, so that others can go on at once.
    async fn leave(mut self) {
        self.work.shutdown().await;
        self.keeper.stop().await;
        match tokio::time::timeout(LEAVE_WITHIN, self.store.leave()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "shards could not be given back; their lease will end"),
            Err(_) => tracing::warn!("shards could not be given back in time; their lease will end"),
        }
    }

    fn finished(&self, deadline: Option<ringback_delivery::Timestamp>) -> bool {
        let Some(deadline) = deadline else { return false };
        (self.engine.flying() == 0 && self.recorder.is_empty()) || self.clock.now() >= deadline
    }

    fn sleep(&self) -> Duration {
        let now = self.clock.now();
        let longest = self.watch.look_within().unwrap_or(LONGEST_SLEEP);
        self.engine.wake_at().map_or(longest, |at| at.since(now)).min(longest)
    }

    /// Takes the news of the store's commits.
    fn hear(&mut self) {
        let now = self.clock.now();
        let (news, overflowed) = self.inbox.take();
        for news in news {
            match news {
                News::Standing(account, standing) if self.owns(account) => {
                    self.engine.standing_changed(now, account, standing);
                }
                News::Accepted(committed, messages) => {
                    self.watch.heard(committed.elapsed());
                    for fresh in messages {
                        if !self.owns(fresh.account) {
                            continue;
                        }
                        // Behind a lane that is behind itself it is read ahead when its turn comes.
                        let lane = fresh.lane.as_deref();
                        let heard = self.engine.accepted(now, fresh.account, fresh.waiting, lane);
                        if let Some(lane) = lane.filter(|_| heard.lane_began) {
                            self.events_seen.loaded(fresh.account, &lane.record);
                        }
                        if heard.goes_soon {
                            self.bodies.keep(fresh.waiting.position, fresh.content, committed);
                        }
                    }
                }
                News::Missed(accounts) => {
                    for account in accounts {
                        if self.owns(account) {
                            self.engine.discovered(now, account);
                        }
                    }
                }
                News::Gained(leases) => self.gained(&leases),
                News::Lost(leases) => self.lost(&self.still(&leases)),
                // Another node's account: its lane is there. What drains is looked at in each step.
                News::Standing(..) | News::Drain => {}
            }
        }
        if overflowed {
            self.to_look_in.extend(self.ownership.held());
        }
    }

    // ---- Shards --------------------------------------------------------------------------------------------------

    fn owns(&self, account: AccountId) -> bool {
        self.ownership.token(account) != 0
    }

    /// Those of these shards that have no other token by now.
    fn still(&self, leases: &[Lease]) -> Vec<u16> {
        let same = leases.iter().filter(|lease| self.ownership.token_of(lease.shard) == lease.token);
        same.map(|lease| lease.shard).collect()
    }

    fn gained(&mut self, leases: &[Lease]) {
        for Lease { shard, token } in leases {
            // Nothing of an earlier stretch of ownership is taken for this one's.
            self.lost(&[*shard]);
            self.endpoints.forget_all(|account| account.shard() == *shard);
            self.ownership.gain(*shard, *token);
            self.to_look_in.insert(*shard);
        }
    }

    /// Nothing of these shards is this node's any more: what is under way for them counts no more.
    fn lost(&mut self, shards: &[u16]) {
        let lost: BTreeSet<u16> =
            shards.iter().copied().filter(|shard| self.ownership.lose(*shard)).collect();
        if lost.is_empty() {
            return;
        }
        let of = |account: AccountId| lost.contains(&account.shard());
        self.engine.lost(of);
        let refused = self.recorder.refuse(of);
        self.recorded(refused);
        self.endpoints.forget_all(of);
        self.to_look_in.retain(|shard| !lost.contains(shard));
    }

    /// Loses everything where the lease is over.
    fn look_at_lease(&mut self) {
        if !self.ownership.is_shared() {
            return;
        }
        if self.ownership.is_over() {
            let held = self.ownership.held();
            if !held.is_empty() {
                tracing::warn!(shards = held.len(), "the lease is over: nothing is sent until it is renewed");
                self.store.let_go(&held);
                self.lost(&held);
            }
        }
    }

    /// Gives back what drains and has come to rest. Only once all that the engine decided is carried out: an outcome that is
    /// not with the recorder yet would be lost with its shard, and the next owner would send again.
    fn give_back_idle(&mut self) {
        if !self.ownership.is_shared() {
            return;
        }
        let idle = |shard: &u16| {
            let token = self.ownership.token_of(*shard);
            self.ownership.is_draining(*shard)
                // What is lost already may be this node's again, with another token: it is not to be given back.
                && self.ownership.holds(*shard, token)
                && self.flying_in[usize::from(*shard)] == 0
                && !self.recorder.has(*shard)
        };
        let idle: Vec<u16> = self.ownership.held().into_iter().filter(idle).collect();
        if !idle.is_empty() {
            self.lost(&idle);
            self.keeper.give_back(idle);
        }
    }

    fn recorded(&mut self, recorded: Recorded) {
        let now = self.clock.now();
        self.engine.recorded(now, recorded.settlements);
        self.engine.kept(now, recorded.lanes);
    }

    /// Lets time pass, and carries out all that the engine decides.
    fn step(&mut self) {
        self.look_at_lease();
        self.engine.tick(self.clock.now());
        let mut bodiless = Vec::new();
        while let Some(command) = self.engine.next_command() {
            match command {
                Command::Read(read) => self.loads.ask(read),
                Command::Start(start) if !self.ownership.is_open(start.account.shard()) => {
                    self.not_started(start);
                }
                Command::Start(start) => match self.bodies.take(start.waiting.position) {
                    Some((content, committed)) => {
                        let is_first = start.waiting.attempts == 1 && !start.waiting.replay;
                        let committed = is_first.then_some(committed);
                        if let Some(committed) = committed {
                            let waited = committed.elapsed();
                            self.metrics.handed_off_in(waited);
                            self.watch.starts(waited);
                        }
                        self.take_off(&start, committed);
                        self.start(start, content);
                    }
                    None => {
                        if start.waiting.attempts == 1 && !start.waiting.replay {
                            self.watch.starts(self.clock.now().since(start.waiting.accepted_at));
                        }
                        self.take_off(&start, None);
                        match self.ahead.take(start.waiting.position) {
                            Some((content, ())) => self.start(start, content),
                            None => bodiless.push(start),
                        }
                    }
                },
                Command::Settle(flight, settlement) => {
                    let attempt = flight.and_then(|flight| self.answers.remove(&flight));
                    self.recorder.settle(Settled { settlement, attempt });
                }
                Command::Keep(update) => self.recorder.keep(update),
                Command::Sweep(account, standing, under_way) => {
                    let (store, now) = (self.store.clone(), self.clock.now());
                    let trouble = self.trouble.clone();
                    self.spawn(async move {
                        let swept = store.sweep(now, account, standing, under_way).await;
                        trouble.after(&swept).await;
                        Event::Swept(account, swept)
                    });
                }
                Command::Hasten(account) => {
                    let (store, now) = (self.store.clone(), self.clock.now());
                    let trouble = self.trouble.clone();
                    self.spawn(async move {
                        let hastened = store.hasten(now, account).await;
                        trouble.after(&hastened).await;
                        Event::Hastened(account, hastened)
                    });
                }
                Command::Forget(account) => {
                    self.endpoints.forget(account);
                    self.events_seen.forgotten(account);
                }
            }
        }
        if let Some(reads) = self.loads.next() {
            let loader = self.loader();
            self.spawn(async move { Event::Loaded(loader.load(reads).await) });
        }
        if !bodiless.is_empty() {
            let store = self.store.clone();
            self.spawn(async move {
                let positions = bodiless.iter().map(|start| start.waiting.position).collect();
                let contents = store.contents(positions).await;
                Event::Bodies(bodiless, contents)
            });
        }
        if let Some(starts) = self.unaddressed.next() {
            let loader = self.loader();
            self.spawn(async move { Event::Addressed(loader.address(starts).await) });
        }
        if let Some(batch) = self.recorder.next(&self.ownership) {
            let (store, clock, ownership) = (self.store.clone(), self.clock.clone(), self.ownership.clone());
            let (live, events) = (self.live.clone(), self.events_seen.clone());
            self.spawn(
                async move { Event::Recorded(batch.record(store, clock, live, events, ownership).await) },
            );
        }
        self.watch.look(Instant::now());
        self.give_back_idle();
        self.discover();
        self.stats.flying.store(self.engine.flying(), Ordering::Relaxed);
        self.stats.unrecorded.store(self.engine.unrecorded(), Ordering::Relaxed);
        self.stats.lanes.store(self.engine.resident_lanes(), Ordering::Relaxed);
        let (open, unrecorded) = (self.engine.open_requests(), self.engine.unrecorded());
        self.metrics.dispatching(open, unrecorded, self.engine.resident_lanes(), self.ownership.count());
    }

    fn happened(&mut self, event: Event) {
        let now = self.clock.now();
        match event {
            Event::Answered(flight, attempt) => self.answered(flight, attempt),
            Event::Loaded(loaded) => self.loaded(loaded),
            Event::Bodies(starts, Ok(contents)) => {
                for (start, content) in starts.into_iter().zip(contents) {
                    match content {
                        Some(content) => self.start(start, content),
                        None => {
                            let id = start.waiting.sequence.0;
                            tracing::error!(account = %start.account, sequence = id, "a pending message has no body");
                            self.not_started(start);
                        }
                    }
                }
            }
            Event::Bodies(starts, Err(error)) => {
                self.trouble.failed(&error);
                starts.into_iter().for_each(|start| self.not_started(start));
            }
            Event::Addressed(starts) => {
                self.unaddressed.done();
                starts.into_iter().for_each(|(start, content)| self.attempt(start, content));
            }
            Event::Recorded(recorded) => {
                self.recorder.done();
                let lost = recorded.lost.clone();
                self.recorded(recorded);
                self.store.let_go(&lost);
                self.lost(&lost);
            }
            Event::Swept(account, swept) => self.engine.swept(now, account, more(&swept)),
            Event::Hastened(account, hastened) => self.engine.hastened(now, account, more(&hastened)),
            Event::Discovered(found) => self.discovered(found),
        }
    }

    fn loaded(&mut self, Loaded { rows, failed, bodies }: Loaded) {
        let now = self.clock.now();
        self.loads.done();
        bodies.into_iter().for_each(|(position, content)| self.ahead.keep(position, content, ()));
        for rows in rows {
            if let Some((_, record)) = &rows.opening {
                self.events_seen.loaded(rows.account, record);
            }
            self.engine.loaded(now, rows);
        }
        failed.iter().for_each(|read| self.engine.not_loaded(now, read));
    }

    fn answered(&mut self, flight: FlightId, attempt: Attempt) {
        let outcome = attempt.outcome.clone();
        self.metrics.attempted(&outcome, attempt.duration);
        let committed = self.land(flight).and_then(|flight| flight.committed);
        if let Some(committed) = committed.filter(|_| matches!(outcome, Outcome::Answered { .. })) {
            self.metrics.first_answered_in(committed.elapsed());
        }
        self.answers.insert(flight, attempt);
        self.engine.answered(self.clock.now(), flight, &outcome, Jitter::new(fastrand::f64()));
        // Where nothing was attempted, or the lane is another node's by now, nothing is recorded.
        if outcome == Outcome::NotStarted {
            self.answers.remove(&flight);
        }
    }

    fn loader(&self) -> Loader {
        Loader {
            store: self.store.clone(),
            endpoints: self.endpoints.clone(),
            clock: self.clock.clone(),
            signing: self.attempts.signing,
            trouble: self.trouble.clone(),
        }
    }

    fn start(&mut self, start: Start, content: Content) {
        if self.endpoints.know(start.account) {
            self.attempt(start, content);
        } else {
            self.unaddressed.ask((start, content));
        }
    }

    fn attempt(&mut self, start: Start, content: Content) {
        let attempts = self.attempts.clone();
        let token = self.flights.get(&start.flight).map_or(0, |flight| flight.token);
        self.spawn(async move { Event::Answered(start.flight, attempts.make(start, token, &content).await) });
    }

    /// Counts an attempt that begins.
    fn take_off(&mut self, start: &Start, committed: Option<Instant>) {
        let shard = start.account.shard();
        let token = self.ownership.token_of(shard);
        self.flights.insert(start.flight, UnderWay { shard, token, committed });
        self.flying_in[usize::from(shard)] += 1;
    }

    /// Counts one that ended.
    fn land(&mut self, flight: FlightId) -> Option<UnderWay> {
        let ended = self.flights.remove(&flight)?;
        self.flying_in[usize::from(ended.shard)] -= 1;
        Some(ended)
    }

    fn not_started(&mut self, start: Start) {
        let now = self.clock.now();
        self.land(start.flight);
        self.engine.answered(now, start.flight, &Outcome::NotStarted, Jitter::NONE);
    }

    /// Looks for accounts with something pending, a step at a time, while the engine keeps up.
    fn discover(&mut self) {
        if matches!(self.discovery, Discovery::Done) && !self.to_look_in.is_empty() {
            self.looking_in = std::mem::take(&mut self.to_look_in).into_iter().collect();
            self.discovery = Discovery::Wanted(None);
        }
        let Discovery::Wanted(after) = self.discovery else { return };
        if !self.engine.wants_discovery() {
            return;
        }
        self.discovery = Discovery::UnderWay(after);
        let (store, shards) = (self.store.clone(), self.looking_in.clone());
        let trouble = self.trouble.clone();
        self.spawn(async move {
            let found = store.lanes_waiting_in(&shards, after, DISCOVERED_AT_ONCE).await;
            trouble.after(&found).await;
            Event::Discovered(found)
        });
    }

    fn discovered(&mut self, found: Result<Vec<AccountId>, StoreError>) {
        let Discovery::UnderWay(after) = self.discovery else { return };
        let now = self.clock.now();
        self.discovery = match found {
            Ok(accounts) => {
                for account in accounts.iter().filter(|account| self.ownership.token(**account) != 0) {
                    self.engine.discovered(now, *account);
                }
                match accounts.last() {
                    Some(last) if accounts.len() == DISCOVERED_AT_ONCE => Discovery::Wanted(Some(*last)),
                    _ => Discovery::Done,
                }
            }
            Err(_) => Discovery::Wanted(after),
        };
    }

    fn spawn(&mut self, work: impl Future<Output = Event> + Send + 'static) {
        while self.work.try_join_next().is_some() {}
        let events = self.events.clone();
        // Boxed: a task is moved several times as it begins and ends, and is large.
        self.work.spawn(Box::pin(async move {
            let event = work.await;
            // Nobody hears it when the dispatcher has given up waiting.
            let _ = events.send(event);
        }));
    }
}

/// Whether there may be more to do; not where the account is another node's, who does it.
fn more(step: &Result<Swept, StoreError>) -> bool {
    !matches!(step, Ok(Swept::Done) | Err(StoreError::NotOwner(_)))
}
