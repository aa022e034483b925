//! Sees everything that happens, and compares it with the promises.
//!
//! The checks are functions of their own in [`crate::promises`]; what is remembered for them is here.

use std::collections::BTreeMap;
use std::time::Duration;

use ringback_delivery::{
    AccountId, Class, Engine, Health, LaneRecord, LaneUpdate, Outcome, Settings, Settlement, Standing, Start,
    Timestamp, Turn, Verdict, Waiting,
};

use crate::lane_view::LaneView;
use crate::node::Batch;
use crate::promises;
use crate::scene::Scene;
use crate::store::Store;

/// The last attempt of a message, answered.
#[derive(Debug, Clone)]
pub(crate) struct Answered {
    pub(crate) at: Timestamp,
    pub(crate) waiting: Waiting,
    pub(crate) outcome: Outcome,
    /// Whether another message succeeded since the attempt before; none when that is not known.
    pub(crate) others_succeeded: Option<bool>,
}

/// What was seen of a message in its present place in the queue.
#[derive(Debug, Default)]
pub(crate) struct MessageView {
    /// Under which ownership the endpoint answered 2xx last.
    pub(crate) succeeded: Option<u64>,
    /// Under which ownership, and on which node, an attempt is under way.
    pub(crate) flying: Option<(u64, usize)>,
    pub(crate) last_answer: Option<Timestamp>,
    /// By how much the clock was set back since.
    pub(crate) set_back: Duration,
    /// When it was to be tried again, as of that answer.
    retry_at: Option<Timestamp>,
    /// The lane's successes at the last attempt, and under which ownership.
    successes: Option<(u64, u64)>,
    /// Not settled yet.
    unsettled: Option<Answered>,
}

/// A request to an endpoint that was not proven.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unproven {
    pub(crate) since: Timestamp,
    /// The endpoint had failed since its last success.
    pub(crate) failing: bool,
}

#[derive(Debug, Default)]
struct NodeView {
    started_at: Timestamp,
    unrecorded: usize,
    /// Requests to endpoints that were not proven as they started.
    unproven: BTreeMap<ringback_delivery::FlightId, Unproven>,
    commands: (Timestamp, u64),
    wakes: (Timestamp, u64),
}

/// See the module.
pub(crate) struct Witness {
    settings: Settings,
    pub(crate) lanes: BTreeMap<AccountId, LaneView>,
    messages: BTreeMap<(AccountId, Turn), MessageView>,
    nodes: Vec<NodeView>,
    deregistered_at: BTreeMap<AccountId, Timestamp>,
    pub(crate) arrivals: u64,
    pub(crate) duplicates: u64,
    /// For each account: when attempts arrived that were probes, and that were not.
    pub(crate) log: Vec<(Timestamp, AccountId, Waiting)>,
    pub(crate) logging: bool,
    events: u64,
    pub(crate) commands: u64,
}

impl Witness {
    pub(crate) fn new(scene: &Scene) -> Self {
        Self {
            settings: scene.settings.clone(),
            lanes: BTreeMap::new(),
            messages: BTreeMap::new(),
            nodes: (0..scene.nodes).map(|_| NodeView::default()).collect(),
            deregistered_at: BTreeMap::new(),
            arrivals: 0,
            duplicates: 0,
            log: Vec::new(),
            logging: false,
            events: 0,
            commands: 0,
        }
    }

    fn lane(&mut self, account: AccountId) -> &mut LaneView {
        self.lanes.entry(account).or_default()
    }

    // ---- The store -----------------------------------------------------------------------------------------------

    /// After every event.
    pub(crate) fn ledger(&mut self, store: &Store) {
        self.events += 1;
        promises::six_the_counters_add_up(store);
        if self.events.is_multiple_of(512) {
            promises::six_the_rows_agree_with_the_counters(store);
        }
    }

    pub(crate) fn deregistered(&mut self, now: Timestamp, account: AccountId) {
        self.deregistered_at.insert(account, now);
    }

    /// Something happened that a lane may read for.
    pub(crate) fn excuse(&mut self, account: AccountId) {
        self.lane(account).excuses += 1;
    }

    pub(crate) fn read(&mut self, now: Timestamp, account: AccountId) {
        let lane = self.lane(account);
        lane.reads += 1;
        promises::a_lane_reads_only_for_a_reason(now, account, lane);
    }

    /// A record that is not refused is about to be committed.
    pub(crate) fn recording(&mut self, store: &Store, batch: &Batch) {
        for settlement in &batch.settlements {
            promises::five_what_was_under_way_is_not_swept_away(store, settlement);
        }
    }

    /// The clock was set back.
    pub(crate) fn set_back(&mut self, by: Duration) {
        let back = |at: &mut Timestamp| *at = at.before(by);
        for lane in self.lanes.values_mut() {
            lane.set_back(by);
        }
        for view in self.messages.values_mut() {
            view.last_answer.iter_mut().chain(&mut view.retry_at).for_each(back);
            view.set_back += by;
        }
        for node in &mut self.nodes {
            back(&mut node.started_at);
            node.unproven.values_mut().for_each(|request| back(&mut request.since));
        }
        self.deregistered_at.values_mut().for_each(back);
    }

    // ---- Nodes and their ownership -------------------------------------------------------------------------------

    pub(crate) fn started(&mut self, now: Timestamp, node: usize) {
        self.nodes[node] = NodeView { started_at: now, ..NodeView::default() };
    }

    /// Its requests are cut off: nothing waits for their answers.
    pub(crate) fn cut_off(&mut self, node: usize) {
        for view in self.messages.values_mut() {
            if view.flying.is_some_and(|(_, on)| on == node) {
                view.flying = None;
            }
        }
    }

    pub(crate) fn told(
        &mut self,
        now: Timestamp,
        account: AccountId,
        tenure: u64,
        version: u64,
        standing: &Standing,
    ) {
        let lane = self.lane(account);
        lane.excuses += 1;
        if lane.of_tenure(tenure) {
            lane.told(now, version, standing);
        }
    }

    pub(crate) fn opened(
        &mut self,
        now: Timestamp,
        account: AccountId,
        tenure: u64,
        version: u64,
        standing: &Standing,
        record: &LaneRecord,
    ) {
        let lane = self.lane(account);
        if lane.of_tenure(tenure) {
            lane.opened(now, version, standing, record);
        }
    }

    pub(crate) fn forgotten(&mut self, account: AccountId) {
        let lane = self.lane(account);
        lane.excuses += 1;
        lane.forgotten();
    }

    // ---- The engine's commands -----------------------------------------------------------------------------------

    pub(crate) fn commanded(&mut self, now: Timestamp, node: usize) {
        self.commands += 1;
        let commands = &mut self.nodes[node].commands;
        *commands = if commands.0 == now { (now, commands.1 + 1) } else { (now, 1) };
        promises::nothing_turns_in_circles(commands.1);
    }

    pub(crate) fn woken(&mut self, now: Timestamp, node: usize) {
        let wakes = &mut self.nodes[node].wakes;
        *wakes = if wakes.0 == now { (now, wakes.1 + 1) } else { (now, 1) };
        promises::nothing_turns_in_circles(wakes.1 * 10);
    }

    pub(crate) fn bounds(&self, settings: &Settings, engine: &Engine) {
        promises::four_the_pools_have_bounds(settings, engine);
    }

    /// The engine decided to begin an attempt.
    pub(crate) fn decided(&mut self, now: Timestamp, store: &Store, node: usize, tenure: u64, start: &Start) {
        let settings = &self.settings;
        let lane = self.lanes.entry(start.account).or_default();
        let here = &mut self.nodes[node];
        promises::unrecorded_outcomes_are_bounded(here.unrecorded, settings);
        let view = self.messages.entry((start.account, start.waiting.turn)).or_default();
        promises::two_one_attempt_of_a_message_at_a_time(start, view);
        view.flying = Some((tenure, node));
        if lane.of_tenure(tenure) {
            promises::five_nothing_starts_that_the_lane_knows_it_may_not(start, lane);
            promises::four_a_lane_on_hold_only_probes(now, start, lane);
            promises::four_an_endpoint_has_few_slots(now, start, lane, settings);
            promises::a_retry_waits_for_its_time(now, store, start, lane, view);
            if !lane.proven(now, settings) {
                here.unproven.insert(start.flight, Unproven { since: now, failing: lane.failing() });
                promises::four_unproven_endpoints_share_a_part(now, here.unproven.values(), settings);
            }
            lane.flying.insert(start.flight, lane.hold.is_some());
        }
    }

    /// An attempt begins: the endpoint sees it.
    pub(crate) fn arrived(
        &mut self,
        now: Timestamp,
        store: &Store,
        tenure: u64,
        start: &Start,
        cluster: bool,
    ) {
        self.arrivals += 1;
        if self.logging {
            self.log.push((now, start.account, start.waiting));
        }
        let known_for = self.deregistered_at.get(&start.account).map(|at| now.since(*at));
        promises::five_nothing_starts_after_a_deregistration(store, start, known_for, cluster);
        promises::two_nothing_is_sent_that_is_settled(store, start);
        promises::three_those_before_it_are_done(store, start, |turn| {
            self.messages.get(&(start.account, turn)).is_some_and(|view| view.succeeded.is_some())
        });
        promises::attempts_are_counted(store, start);
        let view = self.messages.entry((start.account, start.waiting.turn)).or_default();
        promises::two_a_success_is_repeated_only_by_another_owner(start, view, tenure);
        self.duplicates += u64::from(view.succeeded.is_some());
    }

    /// An attempt ended, and the engine is about to hear.
    pub(crate) fn answered(
        &mut self,
        now: Timestamp,
        node: usize,
        tenure: u64,
        start: &Start,
        outcome: &Outcome,
    ) {
        self.nodes[node].unproven.remove(&start.flight);
        let settings = &self.settings;
        let lane = self.lanes.entry(start.account).or_default();
        lane.excuses += 1;
        let view = self.messages.entry((start.account, start.waiting.turn)).or_default();
        view.flying = None;
        let class = outcome.class();
        if class == Class::Success {
            view.succeeded = Some(tenure);
        }
        if !lane.of_tenure(tenure) {
            return;
        }
        let probe = lane.flying.remove(&start.flight).unwrap_or(false);
        if class == Class::NotStarted {
            return;
        }
        let tried = start.waiting.due.is_some();
        let others_succeeded = match view.successes {
            _ if !tried => Some(false),
            Some((then, at)) if then == tenure => Some(lane.successes > at),
            _ => None,
        };
        view.last_answer = Some(now);
        view.successes = Some((tenure, lane.successes + u64::from(class == Class::Success)));
        view.unsettled =
            Some(Answered { at: now, waiting: start.waiting, outcome: outcome.clone(), others_succeeded });
        lane.answered(now, settings, &start.waiting, outcome, probe);
    }

    /// The engine decided about a message.
    pub(crate) fn settled(
        &mut self,
        now: Timestamp,
        store: &Store,
        node: usize,
        tenure: u64,
        settlement: &Settlement,
    ) {
        let here = &mut self.nodes[node];
        here.unrecorded += 1;
        let lane = self.lanes.entry(settlement.account).or_default();
        lane.excuses += 1;
        let view = self.messages.entry((settlement.account, settlement.turn)).or_default();
        let answered = view.unsettled.take();
        if let Verdict::Retry { due, .. } = settlement.verdict {
            view.retry_at = Some(due);
            view.set_back = Duration::ZERO;
        }
        if !lane.of_tenure(tenure) {
            return;
        }
        let mortal = now >= here.started_at.after(self.settings.grace_after_start);
        match answered {
            Some(answered) => {
                promises::a_verdict_follows_from_the_answer(
                    settlement,
                    &answered,
                    lane,
                    &self.settings,
                    mortal,
                );
            }
            None => {
                promises::without_an_answer_only_age_kills(
                    now,
                    store,
                    settlement,
                    lane,
                    &self.settings,
                    mortal,
                );
            }
        }
    }

    /// When a message that was tried may be tried again: at the latest when a release came after its last attempt. Where
    /// one came before that, the store may have made it due since, of which the lane does not know.
    pub(crate) fn due(&self, account: AccountId, row: &Waiting) -> Option<Timestamp> {
        let view = self.messages.get(&(account, row.turn))?;
        let released_at = self.lanes.get(&account)?.released_at;
        let released = released_at.is_some_and(|at| view.last_answer.is_none_or(|answered| at >= answered));
        if released { row.due.min(released_at) } else { row.due.max(view.retry_at) }
    }

    /// Whether an attempt for this account succeeded in the last half minute.
    pub(crate) fn succeeded_lately(&self, now: Timestamp, account: AccountId) -> bool {
        let last = self.lanes.get(&account).and_then(|lane| lane.last_success);
        last.is_some_and(|at| now.since(at) < Duration::from_secs(30))
    }

    pub(crate) fn recorded(&mut self, node: usize, settlements: usize) {
        self.nodes[node].unrecorded -= settlements;
    }

    pub(crate) fn kept(&mut self, update: &LaneUpdate) {
        let lane = self.lane(update.account);
        lane.excuses += 1;
        lane.closed_since = match update.record.health {
            Health::Open { .. } => None,
            Health::Hold { since, .. } | Health::Suspended { since } => Some(since),
        };
    }
}
