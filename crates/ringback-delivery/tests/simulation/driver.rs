//! What a node does with its engine: hands in what happened, carries out what it answers.

use std::time::Duration;

use ringback_delivery::{AccountId, Command, Engine, FlightId, Jitter, LaneRead, LaneRows, Outcome, Start};

use crate::cluster::STARTS_WITH_LEASE_LEFT;
use crate::node::{Batch, News};
use crate::scene::{GROUPS, group};
use crate::world::{Event, NodeEvent, RecordAnswer, Sweep, Who, World};

/// After so long a driver tries again what the store refused.
const AGAIN: Duration = Duration::from_millis(250);

impl World {
    pub(crate) fn at_node(&mut self, node: usize, event: NodeEvent) {
        let now = self.now;
        match event {
            NodeEvent::Begin => self.start_node(node),
            NodeEvent::Tick => {
                if let Some(engine) = &mut self.nodes[node].engine {
                    engine.tick(now);
                }
            }
            NodeEvent::News => self.hear(node),
            NodeEvent::Discover => self.discover(node),
            NodeEvent::Loaded(rows, version) => {
                self.tell(|| format!("n{node} loaded {rows:?}"));
                if let Some((standing, record)) = &rows.opening {
                    let tenure = self.nodes[node].tenure(rows.account);
                    self.witness.opened(now, rows.account, tenure, version, standing, record);
                }
                self.nodes[node].engine().loaded(now, *rows);
            }
            NodeEvent::NotLoaded(read) => self.nodes[node].engine().not_loaded(now, &read),
            NodeEvent::Unreadable(read) => self.nodes[node].engine().unreadable(now, &read),
            NodeEvent::RecordAgain => {
                let batch = self.nodes[node].recording.clone().unwrap_or_default();
                self.send_record(node, batch);
            }
            NodeEvent::Recorded(answer) => {
                self.hear_before_answers(node);
                self.recorded(node, answer);
            }
            NodeEvent::Swept(account, more) => {
                self.hear_before_answers(node);
                self.nodes[node].engine().swept(now, account, more);
            }
            NodeEvent::Hastened(account, more) => {
                self.hear_before_answers(node);
                self.nodes[node].engine().hastened(now, account, more);
            }
            NodeEvent::Launch(flight) => self.launch(node, flight),
            NodeEvent::Answer(flight, outcome) => self.answer(node, flight, &outcome),
            NodeEvent::ReadCursor => self.read_cursor(node),
            NodeEvent::Cursor(sent, seen) => self.cursor_read(node, sent, seen),
            NodeEvent::Renew => self.renew(node),
            NodeEvent::Renewed(sent, groups) => self.renewed(node, sent, &groups),
            NodeEvent::Claimed(sent, group, token) => self.claimed(node, sent, group, token),
        }
    }

    fn start_node(&mut self, node: usize) {
        self.tell(|| format!("n{node} starts"));
        self.nodes[node].engine = Some(Engine::new(self.scene.settings.clone(), self.now));
        self.witness.started(self.now, node);
        if self.scene.nodes == 1 {
            for group in 0..GROUPS {
                self.own(node, group, 0, ringback_delivery::Timestamp::NEVER);
            }
        } else {
            self.plan_at_node(node, Duration::ZERO, NodeEvent::ReadCursor);
            self.plan_at_node(node, Duration::ZERO, NodeEvent::Renew);
        }
    }

    /// Looks for what is pending in what a node has just come to own.
    pub(crate) fn discover_group(&mut self, node: usize, of: usize) {
        let found = self.store.lanes_waiting(|account| group(account) == of);
        self.nodes[node].to_discover.extend(found);
        self.plan_at_node(node, Duration::ZERO, NodeEvent::Discover);
    }

    fn discover(&mut self, node: usize) {
        let now = self.now;
        let this = &mut self.nodes[node];
        let mut at_once = 0;
        while this.engine().wants_discovery() && at_once < 2 {
            let Some(account) = this.to_discover.pop_front() else { return };
            if this.owns(account) {
                this.engine().discovered(now, account);
            }
            at_once += 1;
        }
        this.engine().pump(now);
        let wait = self.random.millis(1, 20);
        self.plan_at_node(node, wait, NodeEvent::Discover);
    }

    /// Where news bring lanes, the news of all commits so far are there before the answer to one, and are heard first.
    fn hear_before_answers(&mut self, node: usize) {
        while self.scene.lanes_told
            && let Some((_, news)) = self.nodes[node].news.pop_front()
        {
            self.take_news(node, news);
        }
    }

    fn hear(&mut self, node: usize) {
        let Some((_, news)) = self.nodes[node].news.pop_front() else { return };
        self.take_news(node, news);
        let now = self.now;
        self.nodes[node].engine().pump(now);
    }

    fn take_news(&mut self, node: usize, news: News) {
        let now = self.now;
        self.tell(|| format!("n{node} hears {news:?}"));
        match news {
            News::Accepted(account, waiting, lane) if self.nodes[node].owns(account) => {
                let told = lane.as_ref().map(|(_, lane)| lane);
                let heard = self.nodes[node].engine().accepted(now, account, waiting, told);
                if let Some((version, lane)) = lane.filter(|_| heard.lane_began) {
                    let tenure = self.nodes[node].tenure(account);
                    self.witness.opened(now, account, tenure, version, &lane.standing, &lane.record);
                }
            }
            News::Standing(account, version, standing) if self.nodes[node].owns(account) => {
                let tenure = self.nodes[node].tenure(account);
                self.witness.told(now, account, tenure, version, &standing);
                self.nodes[node].engine().standing_changed(now, account, standing);
            }
            News::Reaches(account, through) if self.nodes[node].owns(account) => {
                self.nodes[node].engine().reaches(now, account, through);
            }
            News::Lost(account) => self.nodes[node].to_discover.push_back(account),
            _ => {}
        }
        if !self.nodes[node].to_discover.is_empty() {
            self.plan_at_node(node, Duration::ZERO, NodeEvent::Discover);
        }
    }

    // ---- Commands ------------------------------------------------------------------------------------------------

    /// Carries out what the engine asks for.
    pub(crate) fn after(&mut self, node: usize) {
        while let Some(command) = self.nodes[node].next_command() {
            self.tell(|| format!("n{node}   {command:?}"));
            self.witness.commanded(self.now, node);
            match command {
                Command::Read(read) => self.send_read(node, read),
                Command::Start(start) => self.prepare(node, start),
                Command::Settle(_, settlement) => {
                    let tenure = self.nodes[node].tenure(settlement.account);
                    self.witness.settled(self.now, &self.store, node, tenure, &settlement);
                    self.nodes[node].gathered.settlements.push(settlement);
                }
                Command::Keep(update) => {
                    self.witness.kept(&update);
                    let lanes = &mut self.nodes[node].gathered.lanes;
                    lanes.retain(|known| known.account != update.account);
                    lanes.push(update);
                }
                Command::Sweep(account, standing, under_way) => {
                    let (before, _) = self.split_latency();
                    let token = self.nodes[node].held[group(account)].map(|held| held.token);
                    let sweep = Sweep { account, standing, under_way };
                    self.plan(before, Event::SweepPoint(self.who(node), sweep, token));
                }
                Command::Hasten(account) => {
                    let (before, _) = self.split_latency();
                    let token = self.nodes[node].held[group(account)].map(|held| held.token);
                    self.plan(before, Event::HastenPoint(self.who(node), account, token));
                }
                Command::Forget(account) => {
                    let flying = self.nodes[node].flights.values().any(|(start, _)| start.account == account);
                    assert!(!flying, "a lane left memory while a request of it is under way: {account}");
                    if self.nodes[node].owns(account) {
                        self.witness.forgotten(account);
                    }
                }
            }
        }
        self.gather(node);
        if let Some(engine) = &self.nodes[node].engine {
            self.witness.bounds(&self.scene.settings, engine);
        }
    }

    fn split_latency(&mut self) -> (Duration, Duration) {
        (self.store_latency(), self.random.millis(0, 3))
    }

    fn send_read(&mut self, node: usize, read: LaneRead) {
        self.witness.read(self.now, read.account);
        let (before, mut after) = self.split_latency();
        if self.random.chance(self.scene.slow_answers) {
            after = self.random.millis(0, 500);
        }
        self.plan(before, Event::LoadPoint(self.who(node), read, after));
    }

    pub(crate) fn load_point(&mut self, who: Who, read: LaneRead, rest: Duration) {
        let answer = if self.happens(self.scene.reads_fail) {
            self.witness.excuse(read.account);
            if self.random.chance(500) { NodeEvent::NotLoaded(read) } else { NodeEvent::Unreadable(read) }
        } else {
            let version = self.store.account(read.account).version;
            let rows: LaneRows = self.store.load(&read);
            NodeEvent::Loaded(Box::new(rows), version)
        };
        self.plan(rest, Event::Node(who, answer));
    }

    /// Begins to record what has gathered, unless a record is under way.
    fn gather(&mut self, node: usize) {
        let this = &mut self.nodes[node];
        if this.recording.is_none() && !this.gathered.is_empty() {
            let batch = std::mem::take(&mut this.gathered);
            this.recording = Some(batch.clone());
            self.send_record(node, batch);
        }
    }

    fn send_record(&mut self, node: usize, batch: Batch) {
        let (before, _) = self.split_latency();
        let tokens = self.nodes[node].held.map(|held| held.map(|held| held.token));
        self.plan(before, Event::RecordPoint(self.who(node), batch, tokens));
    }

    pub(crate) fn record_point(&mut self, who: Who, batch: Batch, tokens: [Option<u64>; GROUPS]) {
        if self.is_cut_off(who) {
            return;
        }
        let rest = self.random.millis(0, 3);
        let accounts = batch.settlements.iter().map(|settlement| settlement.account);
        let accounts = accounts.chain(batch.lanes.iter().map(|update| update.account));
        let mut refused: Vec<usize> =
            accounts.map(group).filter(|group| tokens[*group] != self.token(*group)).collect();
        refused.sort_unstable();
        refused.dedup();
        let answer = if !refused.is_empty() {
            RecordAnswer::Refused(refused)
        } else if self.happens(self.scene.records_fail) {
            RecordAnswer::Unavailable
        } else {
            self.witness.recording(&self.store, &batch);
            self.store.record(&batch.settlements, &batch.lanes);
            let known = !self.happens(self.scene.records_fail);
            self.tell(|| {
                format!("store records {} outcomes of n{}, known: {known}", batch.settlements.len(), who.node)
            });
            if known { RecordAnswer::Done } else { RecordAnswer::Unavailable }
        };
        self.plan(rest, Event::Node(who, NodeEvent::Recorded(answer)));
    }

    /// Whether a commit comes to nothing because its process has crashed: it may have been on its way; but never does it
    /// come after the next process has begun, unless there are others, which tokens keep apart.
    fn is_cut_off(&mut self, who: Who) -> bool {
        let node = &self.nodes[who.node];
        let crashed = node.life != who.life;
        let begun = node.life > who.life + 1 || node.engine.is_some();
        crashed && ((self.scene.nodes == 1 && begun) || self.random.chance(500))
    }

    /// The token in force; a single node needs none.
    pub(crate) fn token(&self, group: usize) -> Option<u64> {
        if self.scene.nodes == 1 { Some(0) } else { Some(self.store.leases[group].token) }
    }

    fn recorded(&mut self, node: usize, answer: RecordAnswer) {
        let now = self.now;
        match answer {
            RecordAnswer::Unavailable => {
                self.plan_at_node(node, AGAIN, NodeEvent::RecordAgain);
            }
            RecordAnswer::Done => {
                let batch = self.nodes[node].recording.take().unwrap_or_default();
                self.witness.recorded(node, batch.settlements.len());
                self.nodes[node].engine().recorded(now, batch.turns());
                self.nodes[node].engine().kept(now, batch.lanes);
            }
            RecordAnswer::Refused(groups) => {
                for group in &groups {
                    self.lose(node, *group);
                }
                let mut batch = self.nodes[node].recording.take().unwrap_or_default();
                let refused = batch.split_off(&groups);
                self.witness.recorded(node, refused.settlements.len());
                self.nodes[node].engine().recorded(now, refused.turns());
                self.nodes[node].engine().kept(now, refused.lanes);
                if !batch.is_empty() {
                    self.nodes[node].recording = Some(batch.clone());
                    self.send_record(node, batch);
                }
            }
        }
    }

    pub(crate) fn sweep_point(&mut self, who: Who, sweep: &Sweep, token: Option<u64>) {
        if self.is_cut_off(who) {
            return;
        }
        let Sweep { account, standing, under_way } = sweep;
        let account = *account;
        let failed = self.happens(self.scene.reads_fail);
        if failed {
            self.witness.excuse(account);
        }
        let more = if failed {
            true
        } else if token != self.token(group(account)) {
            false
        } else {
            self.witness.excuse(account);
            self.store.sweep(account, standing, under_way)
        };
        self.tell(|| format!("store sweeps {account} but for {under_way:?}, more: {more}"));
        let rest = if failed { AGAIN } else { self.random.millis(0, 3) };
        self.plan(rest, Event::Node(who, NodeEvent::Swept(account, more)));
    }

    pub(crate) fn hasten_point(&mut self, who: Who, account: AccountId, token: Option<u64>) {
        if self.is_cut_off(who) {
            return;
        }
        let failed = self.happens(self.scene.reads_fail);
        let now = self.now;
        let more = if failed {
            true
        } else if token != self.token(group(account)) {
            false
        } else {
            self.store.hasten(now, account)
        };
        self.witness.excuse(account);
        self.tell(|| format!("store hastens {account}, more: {more}"));
        let rest = if failed { AGAIN } else { self.random.millis(0, 3) };
        self.plan(rest, Event::Node(who, NodeEvent::Hastened(account, more)));
    }

    // ---- Attempts ------------------------------------------------------------------------------------------------

    /// Reads the body and resolves the name, as it were.
    fn prepare(&mut self, node: usize, start: Start) {
        let tenure = self.nodes[node].tenure(start.account);
        self.witness.decided(self.now, &self.store, node, tenure, &start);
        let (flight, before) = (start.flight, self.random.millis(0, 5));
        self.nodes[node].flights.insert(flight, (start, tenure));
        self.plan_at_node(node, before, NodeEvent::Launch(flight));
    }

    fn launch(&mut self, node: usize, flight: FlightId) {
        let (start, tenure) = self.nodes[node].flights[&flight];
        let held = self.nodes[node].held[group(start.account)];
        let leased = held.is_some_and(|held| {
            held.tenure == tenure && held.until >= self.now.after(STARTS_WITH_LEASE_LEFT)
        });
        let seen = self.standing_seen(node, start.account);
        let wanted = seen.is_some_and(|seen| seen.registered && start.waiting.turn > seen.cancelled_through);
        if !leased || !wanted {
            self.answer(node, flight, &Outcome::NotStarted);
            return;
        }
        let cluster = self.scene.nodes > 1;
        self.tell(|| format!("n{node} sends {} {:?}", start.account, start.waiting));
        self.witness.arrived(self.now, &self.store, tenure, &start, cluster);
        let endpoint = &self.endpoints[&start.account];
        let (after, outcome) = endpoint.answer(&mut self.random, start.waiting.sequence);
        self.plan_at_node(node, after, NodeEvent::Answer(flight, outcome));
    }

    fn answer(&mut self, node: usize, flight: FlightId, outcome: &Outcome) {
        let now = self.now;
        let Some((start, tenure)) = self.nodes[node].flights.remove(&flight) else { return };
        self.tell(|| format!("n{node} {} {:?} answered {outcome:?}", start.account, start.waiting.turn));
        self.witness.answered(now, node, tenure, &start, outcome);
        if self.happens(self.scene.disasters) {
            // The most delicate moment: before, during or after the commit of this outcome.
            let wait = self.random.millis(0, 8);
            self.plan(wait, Event::Crash(self.who(node)));
        }
        let jitter = Jitter::new(self.random.unit());
        self.nodes[node].engine().answered(now, flight, outcome, jitter);
    }
}
