//! The task that runs the engine: it feeds it what happened and carries out what it decides.

mod commands;
mod discovery;
mod flights;
mod news;
mod shards;

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use ringback_delivery::{AccountId, Engine, FlightId, LaneRead, SHARDS, Start};
use ringback_store::{Attempt, Content, Store, StoreError, Swept};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use crate::backpressure::Watch;
use crate::clock::Clock;
use crate::events::Events;
use crate::live::Live;
use crate::metrics::Metrics;
use crate::send::Sender;

use super::attempt::Attempts;
use super::bodies::Bodies;
use super::end::{self, End, Life};
use super::endpoints::Endpoints;
use super::guarded::guarded;
use super::inbox::Inbox;
use super::keeper::Keeper;
use super::loads::{Gathered, Loaded, Unaddressed, Unreadable};
use super::ownership::Ownership;
use super::recorder::{Recorded, Recorder};
use super::settings::{DispatchSettings, DispatchStats};
use super::threads::{self, Threads};
use super::trouble::Trouble;
use discovery::Discovery;
use flights::UnderWay;

/// The longest that the task sleeps: a manual clock does not wake it.
const LONGEST_SLEEP: Duration = Duration::from_millis(250);
/// How long giving back the shards may take at a stop.
const LEAVE_WITHIN: Duration = Duration::from_secs(3);

/// Dispatches until it is stopped.
pub struct Dispatcher {
    stop: oneshot::Sender<Duration>,
    running: threads::Running,
    end: End,
    stats: Arc<DispatchStats>,
}

impl Dispatcher {
    /// Takes up what waits in the store and dispatches from then on, on threads of its own. `inbox` listens to the store's
    /// commits already. Needs a tokio runtime.
    ///
    /// # Errors
    ///
    /// When the system gives no thread for it.
    pub fn start(
        settings: DispatchSettings,
        inbox: Arc<Inbox>,
        store: Arc<dyn Store>,
        sender: Sender,
        clock: Clock,
    ) -> io::Result<Self> {
        let ownership = Arc::new(Ownership::new(store.is_shared(), settings.request_timeout));
        let keeper = Keeper::start(store.clone(), ownership.clone(), inbox.clone(), clock.clone());
        Self::start_with(settings, inbox, store, sender, clock, ownership, keeper)
    }

    fn start_with(
        settings: DispatchSettings,
        inbox: Arc<Inbox>,
        store: Arc<dyn Store>,
        sender: Sender,
        clock: Clock,
        ownership: Arc<Ownership>,
        keeper: Keeper,
    ) -> io::Result<Self> {
        let threads = Threads::start()?;
        let endpoints = inbox.endpoints();
        let (events, incoming) = mpsc::unbounded_channel();
        let (stop, stopped) = oneshot::channel();
        let (life, end) = end::life();
        let stats = Arc::new(DispatchStats::default());
        let is_shared = ownership.is_shared();
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
            bodies: Arc::new(Bodies::new(settings.body_bytes)),
            loads: Gathered::default(),
            unreadable: Unreadable::default(),
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
            watch: Watch::new(settings.backpressure, is_shared, Instant::now()),
            metrics: settings.metrics,
            live: settings.live,
            events_seen: settings.events,
        };
        Ok(Self { stop, running: threads.run(running.run(incoming, stopped, life)), end, stats })
    }

    /// What it is doing.
    pub fn stats(&self) -> Arc<DispatchStats> {
        self.stats.clone()
    }

    /// Tells of its end: by a stop, or by a panic of its task or of what keeps the node's shards. Only a stop is in order.
    pub fn end(&self) -> End {
        self.end.clone()
    }

    /// Starts nothing more, waits for what is under way, `grace` at most, and records it. What does not end in time is
    /// given up, and sent again after the next start. Other nodes get each shard once what is under way for it has ended. A
    /// name that is still being looked up then is waited for, a second at most.
    pub async fn stop(self, grace: Duration) {
        // The task listens until it has stopped.
        let _ = self.stop.send(grace);
        self.running.ended().await;
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
    SaidBehind,
}

struct Running {
    engine: Engine,
    bodies: Arc<Bodies>,
    loads: Gathered<LaneRead>,
    unreadable: Unreadable,
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
        life: Life,
    ) {
        let mut life = Some(life);
        let mut batch = Vec::new();
        let mut stop = None;
        self.step();
        while !self.finished(stop) {
            let sleep = self.sleep();
            tokio::select! {
                // In this order: where something has happened, no timer is set.
                biased;
                grace = &mut stopped, if stop.is_none() => {
                    self.engine.stop();
                    self.keeper.leave();
                    stop = Some((Instant::now(), grace.unwrap_or_default()));
                }
                _ = incoming.recv_many(&mut batch, 1024) => {}
                () = self.inbox.arrival() => {}
                () = self.keeper.ended(), if stop.is_none() && life.is_some() => {
                    // Without it the node would keep its shards and send nothing, or lose them. What is under way goes on
                    // until a stop.
                    self.engine.stop();
                    self.keeper.leave();
                    life = None;
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

    /// Whether all is done since a stop began, or it has taken as long as it may.
    fn finished(&self, stop: Option<(Instant, Duration)>) -> bool {
        let Some((begun, grace)) = stop else { return false };
        (self.engine.flying() == 0 && self.recorder.is_empty()) || begun.elapsed() >= grace
    }

    fn sleep(&self) -> Duration {
        let now = self.clock.now();
        let longest = self.watch.look_within().unwrap_or(LONGEST_SLEEP);
        let longest = self.recorder.gathers_for(Instant::now()).map_or(longest, |left| left.min(longest));
        self.engine.wake_at().map_or(longest, |at| at.since(now)).min(longest)
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
        let bodiless = self.carry_out();
        self.set_going(bodiless);
        self.watch.look(Instant::now());
        self.say_behind();
        self.give_back_idle();
        self.discover();
        self.tell();
    }

    /// Says how it stands, to whoever watches.
    fn tell(&self) {
        self.stats.flying.store(self.engine.flying(), Ordering::Relaxed);
        self.stats.unrecorded.store(self.engine.unrecorded(), Ordering::Relaxed);
        self.stats.lanes.store(self.engine.resident_lanes(), Ordering::Relaxed);
        let (open, unrecorded) = (self.engine.open_requests(), self.engine.unrecorded());
        self.metrics.dispatching(open, unrecorded, self.engine.resident_lanes(), self.ownership.count());
    }

    /// Lets other nodes, which take messages in for this one, know whether publishers are held back here.
    fn say_behind(&mut self) {
        if self.ownership.is_shared()
            && let Some(behind) = self.watch.next_word(Instant::now())
        {
            let store = self.store.clone();
            self.spawn(async move {
                // It counts for a moment only: where it did not arrive, the next one will.
                let _ = guarded(store.say_behind(behind)).await;
                Event::SaidBehind
            });
        }
    }

    fn happened(&mut self, event: Event) {
        let now = self.clock.now();
        match event {
            Event::Answered(flight, attempt) => self.answered(flight, attempt),
            Event::Loaded(loaded) => self.loaded(loaded),
            Event::Bodies(starts, contents) => self.embodied(starts, contents),
            Event::Addressed(starts) => {
                self.unaddressed.done();
                starts.into_iter().for_each(|(start, content)| self.attempt(start, content));
            }
            Event::Recorded(mut recorded) => {
                let aside = self.recorder.done(std::mem::take(&mut recorded.refused), Instant::now());
                let lost = recorded.lost.clone();
                // Between its standing still and its going on again, so that nothing of it starts that should not.
                let (stand_still, go_on): (Vec<_>, Vec<_>) = aside.into_iter().partition(|(_, aside)| *aside);
                for (account, _) in stand_still {
                    self.engine.set_aside(now, account, true);
                }
                self.recorded(recorded);
                for (account, _) in go_on {
                    self.engine.set_aside(now, account, false);
                }
                if let Some(outdated) = self.recorder.refuse_outdated(&self.ownership) {
                    self.recorded(outdated);
                }
                self.store.let_go(&lost);
                self.lost(&self.still(&lost));
            }
            Event::Swept(account, swept) => self.engine.swept(now, account, more(&swept)),
            Event::Hastened(account, hastened) => self.engine.hastened(now, account, more(&hastened)),
            Event::Discovered(found) => self.discovered(found),
            Event::SaidBehind => self.watch.said(),
        }
    }

    fn loaded(&mut self, Loaded { rows, failed, damaged, bodies }: Loaded) {
        let now = self.clock.now();
        self.loads.done();
        self.bodies.keep_ahead(bodies);
        for rows in rows {
            self.unreadable.succeeded(rows.account);
            if let Some((_, record)) = &rows.opening {
                self.events_seen.loaded(rows.account, record);
            }
            self.engine.loaded(now, rows);
        }
        failed.iter().for_each(|read| self.engine.not_loaded(now, read));
        for (read, reason) in damaged {
            if self.owns(read.account) {
                self.unreadable.failed(read.account, &reason);
            }
            self.engine.unreadable(now, &read);
        }
    }

    fn spawn(&mut self, work: impl Future<Output = Event> + Send + 'static) {
        while self.work.try_join_next().is_some() {}
        let events = self.events.clone();
        // Boxed: a task is moved several times as it begins and ends, and is large. An async block around the work would
        // be twice as large.
        self.work.spawn(Box::pin(work.map(move |event| {
            // Nobody hears it when the dispatcher has given up waiting.
            let _ = events.send(event);
        })));
    }
}

/// Whether there may be more to do; not where the account is another node's, who does it.
fn more(step: &Result<Swept, StoreError>) -> bool {
    !matches!(step, Ok(Swept::Done) | Err(StoreError::NotOwner(_)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use ringback_store::sqlite::{SqliteOptions, SqliteStore};

    use super::*;
    use crate::send::SenderSettings;

    #[tokio::test]
    async fn a_keeper_that_panics_ends_the_dispatcher() {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(SqliteStore::open(SqliteOptions::server(folder.path().join("db"))).unwrap());
        let (panic, panics) = oneshot::channel::<()>();
        let keeper = Keeper::of(store.clone(), async {
            panics.await.unwrap();
            panic!("meant by the test");
        });
        let ownership = Arc::new(Ownership::new(false, Duration::from_secs(15)));
        let sender = Sender::new(SenderSettings::default()).unwrap();
        let (settings, clock) = (DispatchSettings::default(), Clock::system());
        let dispatcher =
            Dispatcher::start_with(settings, Arc::default(), store, sender, clock, ownership, keeper)
                .unwrap();
        assert!(!dispatcher.end().has_come());
        panic.send(()).unwrap();
        dispatcher.end().come().await;
        assert!(dispatcher.end().has_come());
        dispatcher.stop(Duration::from_secs(20)).await;
    }
}
