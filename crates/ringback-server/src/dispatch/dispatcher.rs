//! The task that runs the engine: it feeds it what happened and carries out what it decides.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use ringback_delivery::{AccountId, Command, Engine, FlightId, Jitter, LaneRead, LaneRows, Settings, Start};
use ringback_store::{Attempt, Settled, Store, StoreError, Swept};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet};

use crate::clock::Clock;
use crate::events::Events;
use crate::live::Live;
use crate::metrics::Metrics;
use crate::send::Sender;

use super::attempt::{Attempts, Signing};
use super::bodies::Bodies;
use super::endpoints::Endpoints;
use super::inbox::{Inbox, News};
use super::recorder::{Recorded, Recorder};

/// The longest that the task sleeps: a manual clock does not wake it.
const LONGEST_SLEEP: Duration = Duration::from_millis(250);
/// How long to wait after the store failed to answer a read.
const AFTER_FAILURE: Duration = Duration::from_millis(500);
/// The portion of a lane that goes at a good pace: from there on bodies are read ahead.
const READ_AHEAD_FROM: u32 = 32;
/// Bodies that are read ahead at once, of all lanes together.
const READ_AHEAD_AT_ONCE: usize = 2048;
/// Accounts that are looked for at once.
const DISCOVERED_AT_ONCE: usize = 512;

/// How the dispatcher works.
#[derive(Debug, Clone)]
pub struct DispatchSettings {
    /// The engine's numbers.
    pub engine: Settings,
    /// What deliveries are signed with.
    pub signing: Signing,
    /// Bytes of bodies that are kept in memory: half for fresh messages, half for what was read ahead.
    pub body_bytes: usize,
    /// Where attempts are counted.
    pub metrics: Metrics,
    /// Who is told what was recorded, for those who watch.
    pub live: Option<Live>,
    /// What sees that something happened to a lane or a message.
    pub events: Events,
}

impl Default for DispatchSettings {
    fn default() -> Self {
        Self {
            engine: Settings::default(),
            signing: Signing::default(),
            body_bytes: 16 << 20,
            metrics: Metrics::default(),
            live: None,
            events: Events::default(),
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
        let attempts = Attempts {
            store: store.clone(),
            endpoints: endpoints.clone(),
            sender,
            clock: clock.clone(),
            signing: settings.signing,
        };
        let running = Running {
            engine: Engine::new(settings.engine, clock.now()),
            bodies: Bodies::new(settings.body_bytes / 2),
            ahead: Bodies::new(settings.body_bytes / 2),
            recorder: Recorder::default(),
            answers: HashMap::new(),
            discovery: Discovery::Wanted(None),
            attempts: Arc::new(attempts),
            store,
            clock,
            endpoints,
            inbox,
            events,
            work: JoinSet::new(),
            stats: stats.clone(),
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
    Loaded(Vec<LaneRead>, Result<Vec<LaneRows>, StoreError>, ReadAhead),
    Bodies(Vec<Start>, Result<Vec<Option<Bytes>>, StoreError>),
    Recorded(Recorded),
    Swept(AccountId, Result<Swept, StoreError>),
    Hastened(AccountId, Result<Swept, StoreError>),
    Discovered(Result<Vec<AccountId>, StoreError>),
}

/// How far the look for accounts with something pending has come.
enum Discovery {
    /// To be read on behind this account.
    Wanted(Option<AccountId>),
    UnderWay,
    /// News were lost while it was under way: from the start again.
    UnderWayInVain,
    Done,
}

struct Running {
    engine: Engine,
    /// Those of fresh messages, with when they were committed.
    bodies: Bodies<Instant>,
    /// Those that were read ahead.
    ahead: Bodies<()>,
    recorder: Recorder,
    /// Attempts that have ended, until the engine's decision about them.
    answers: HashMap<FlightId, Attempt>,
    discovery: Discovery,
    attempts: Arc<Attempts>,
    store: Arc<dyn Store>,
    clock: Clock,
    endpoints: Arc<Endpoints>,
    inbox: Arc<Inbox>,
    events: mpsc::UnboundedSender<Event>,
    /// What commands set going; it is given up with the dispatcher.
    work: JoinSet<()>,
    stats: Arc<DispatchStats>,
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
    }

    fn finished(&self, deadline: Option<ringback_delivery::Timestamp>) -> bool {
        let Some(deadline) = deadline else { return false };
        (self.engine.flying() == 0 && self.recorder.is_empty()) || self.clock.now() >= deadline
    }

    fn sleep(&self) -> Duration {
        let now = self.clock.now();
        self.engine.wake_at().map_or(LONGEST_SLEEP, |at| at.since(now)).min(LONGEST_SLEEP)
    }

    /// Takes the news of the store's commits.
    fn hear(&mut self) {
        let now = self.clock.now();
        let (news, overflowed) = self.inbox.take();
        for news in news {
            match news {
                News::Standing(account, standing) => self.engine.standing_changed(now, account, standing),
                News::Accepted(committed, messages) => {
                    for fresh in messages {
                        // Behind a lane that is behind itself it is read ahead when its turn comes.
                        if self.engine.accepted(now, fresh.account, fresh.waiting) {
                            self.bodies.keep(fresh.waiting.position, fresh.body, committed);
                        }
                    }
                }
            }
        }
        if overflowed {
            self.discovery = match self.discovery {
                Discovery::UnderWay | Discovery::UnderWayInVain => Discovery::UnderWayInVain,
                Discovery::Wanted(_) | Discovery::Done => Discovery::Wanted(None),
            };
        }
    }

    /// Lets time pass, and carries out all that the engine decides.
    fn step(&mut self) {
        self.engine.tick(self.clock.now());
        let mut reads = Vec::new();
        let mut bodiless = Vec::new();
        while let Some(command) = self.engine.next_command() {
            match command {
                Command::Read(read) => reads.push(read),
                Command::Start(start) => match self.bodies.take(start.waiting.position) {
                    Some((body, committed)) => {
                        if start.waiting.attempts == 1 && !start.waiting.replay {
                            self.metrics.handed_off_in(committed.elapsed());
                        }
                        self.start(start, body);
                    }
                    None => match self.ahead.take(start.waiting.position) {
                        Some((body, ())) => self.start(start, body),
                        None => bodiless.push(start),
                    },
                },
                Command::Settle(flight, settlement) => {
                    let attempt = flight.and_then(|flight| self.answers.remove(&flight));
                    self.recorder.settle(Settled { settlement, attempt });
                }
                Command::Keep(update) => self.recorder.keep(update),
                Command::Sweep(account, under_way) => {
                    let (store, now) = (self.store.clone(), self.clock.now());
                    self.spawn(
                        async move { Event::Swept(account, store.sweep(now, account, under_way).await) },
                    );
                }
                Command::Hasten(account) => {
                    let (store, now) = (self.store.clone(), self.clock.now());
                    self.spawn(async move { Event::Hastened(account, store.hasten(now, account).await) });
                }
                Command::Forget(account) => {
                    self.endpoints.forget(account);
                    self.events_seen.forgotten(account);
                }
            }
        }
        if !reads.is_empty() {
            let store = self.store.clone();
            self.spawn(async move {
                let rows = store.load(reads.clone()).await;
                pause_after_failure(&rows).await;
                let bodies = match &rows {
                    Ok(rows) => read_ahead(store.as_ref(), &reads, rows).await,
                    Err(_) => Vec::new(),
                };
                Event::Loaded(reads, rows, bodies)
            });
        }
        if !bodiless.is_empty() {
            let store = self.store.clone();
            self.spawn(async move {
                let positions = bodiless.iter().map(|start| start.waiting.position).collect();
                let bodies = store.bodies(positions).await;
                Event::Bodies(bodiless, bodies)
            });
        }
        if let Some(batch) = self.recorder.next() {
            let (store, clock) = (self.store.clone(), self.clock.clone());
            let (live, events) = (self.live.clone(), self.events_seen.clone());
            self.spawn(async move { Event::Recorded(batch.record(store, clock, live, events).await) });
        }
        self.discover();
        self.stats.flying.store(self.engine.flying(), Ordering::Relaxed);
        self.stats.unrecorded.store(self.engine.unrecorded(), Ordering::Relaxed);
        self.stats.lanes.store(self.engine.resident_lanes(), Ordering::Relaxed);
        let (open, unrecorded) = (self.engine.open_requests(), self.engine.unrecorded());
        self.metrics.dispatching(open, unrecorded, self.engine.resident_lanes());
    }

    fn happened(&mut self, event: Event) {
        let now = self.clock.now();
        match event {
            Event::Answered(flight, attempt) => self.answered(flight, attempt),
            Event::Loaded(_, Ok(rows), bodies) => {
                bodies.into_iter().for_each(|(position, body)| self.ahead.keep(position, body, ()));
                for rows in rows {
                    if let Some((_, record)) = &rows.opening {
                        self.events_seen.loaded(rows.account, record);
                    }
                    self.engine.loaded(now, rows);
                }
            }
            Event::Loaded(reads, Err(_), _) => {
                reads.iter().for_each(|read| self.engine.not_loaded(now, read));
            }
            Event::Bodies(starts, Ok(bodies)) => {
                for (start, body) in starts.into_iter().zip(bodies) {
                    match body {
                        Some(body) => self.start(start, body),
                        None => {
                            let id = start.waiting.sequence.0;
                            tracing::error!(account = %start.account, sequence = id, "a pending message has no body");
                            self.not_started(start);
                        }
                    }
                }
            }
            Event::Bodies(starts, Err(error)) => {
                tracing::error!(%error, "bodies can't be read");
                starts.into_iter().for_each(|start| self.not_started(start));
            }
            Event::Recorded(recorded) => {
                self.recorder.done();
                self.engine.recorded(now, recorded);
            }
            Event::Swept(account, swept) => self.engine.swept(now, account, more(&swept)),
            Event::Hastened(account, hastened) => self.engine.hastened(now, account, more(&hastened)),
            Event::Discovered(found) => self.discovered(found),
        }
    }

    fn answered(&mut self, flight: FlightId, attempt: Attempt) {
        let outcome = attempt.outcome.clone();
        self.metrics.attempted(&outcome, attempt.duration);
        self.answers.insert(flight, attempt);
        self.engine.answered(self.clock.now(), flight, &outcome, Jitter::new(fastrand::f64()));
        // Where nothing was attempted, or the lane is another node's by now, nothing is recorded.
        if outcome == ringback_delivery::Outcome::NotStarted {
            self.answers.remove(&flight);
        }
    }

    fn start(&mut self, start: Start, body: Bytes) {
        let attempts = self.attempts.clone();
        self.spawn(async move { Event::Answered(start.flight, attempts.make(start, &body).await) });
    }

    fn not_started(&mut self, start: Start) {
        let now = self.clock.now();
        self.engine.answered(now, start.flight, &ringback_delivery::Outcome::NotStarted, Jitter::NONE);
    }

    /// Looks for accounts with something pending, a step at a time, while the engine keeps up.
    fn discover(&mut self) {
        let Discovery::Wanted(after) = self.discovery else { return };
        if !self.engine.wants_discovery() {
            return;
        }
        self.discovery = Discovery::UnderWay;
        let store = self.store.clone();
        self.spawn(async move {
            let found = store.lanes_waiting(after, DISCOVERED_AT_ONCE).await;
            pause_after_failure(&found).await;
            Event::Discovered(found)
        });
    }

    fn discovered(&mut self, found: Result<Vec<AccountId>, StoreError>) {
        let in_vain = matches!(self.discovery, Discovery::UnderWayInVain);
        let now = self.clock.now();
        self.discovery = match found {
            Ok(accounts) => {
                for account in &accounts {
                    self.engine.discovered(now, *account);
                }
                match accounts.last() {
                    _ if in_vain => Discovery::Wanted(None),
                    Some(last) if accounts.len() == DISCOVERED_AT_ONCE => Discovery::Wanted(Some(*last)),
                    _ => Discovery::Done,
                }
            }
            Err(_) => Discovery::Wanted(None),
        };
    }

    fn spawn(&mut self, work: impl Future<Output = Event> + Send + 'static) {
        while self.work.try_join_next().is_some() {}
        let events = self.events.clone();
        self.work.spawn(async move {
            let event = work.await;
            // Nobody hears it when the dispatcher has given up waiting.
            let _ = events.send(event);
        });
    }
}

/// Bodies that are likely to be sent soon, with their positions.
type ReadAhead = Vec<(i64, Bytes)>;

/// The bodies of what lanes have read that go at a good pace: one read for many attempts. What can't be read now is read
/// when it is sent.
async fn read_ahead(store: &dyn Store, reads: &[LaneRead], rows: &[LaneRows]) -> ReadAhead {
    let going = reads.iter().filter(|read| read.limit >= READ_AHEAD_FROM).map(|read| read.account);
    let going: HashSet<AccountId> = going.collect();
    // Of many lanes the first of each, as many as are sent before the lanes read again.
    let of_each = (READ_AHEAD_AT_ONCE / going.len().max(1)).max(1);
    let fresh = rows
        .iter()
        .filter(|rows| going.contains(&rows.account))
        .flat_map(|rows| rows.queue.iter().take(of_each));
    let positions: Vec<i64> =
        fresh.filter(|(waiting, _)| waiting.due.is_none()).map(|(waiting, _)| waiting.position).collect();
    if positions.is_empty() {
        return Vec::new();
    }
    let bodies = store.bodies(positions.clone()).await.unwrap_or_default();
    positions.into_iter().zip(bodies).filter_map(|(position, body)| Some((position, body?))).collect()
}

fn more(step: &Result<Swept, StoreError>) -> bool {
    !matches!(step, Ok(Swept::Done))
}

async fn pause_after_failure<T>(result: &Result<T, StoreError>) {
    if let Err(error) = result {
        tracing::error!(%error, "the store can't be read; trying on");
        tokio::time::sleep(AFTER_FAILURE).await;
    }
}
