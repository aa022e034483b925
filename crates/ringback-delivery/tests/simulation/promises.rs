//! The promises, as checks. Each panics with its number and what broke it.

use std::time::Duration;

use ringback_delivery::{
    AccountId, Class, Death, Engine, Jitter, MessageState, Sequence, Settings, Settlement, Standing, Start,
    Timestamp, Turn, Verdict, Waiting,
};

use crate::lane_view::LaneView;
use crate::store::Store;
use crate::witness::{Answered, MessageView, Unproven};

/// In a cluster a deregistration and the like are known everywhere within this time.
const KNOWN_WITHIN: Duration = Duration::from_secs(1);

// ---- What an account's standing means, said once more: nothing here may rest on what it checks --------------------

fn sends(standing: &Standing) -> bool {
    standing.registered && standing.pause.since.is_none()
}

fn cancelled(standing: &Standing, turn: Turn) -> bool {
    turn <= standing.cancelled_through
}

fn acknowledged(standing: &Standing, turn: Turn, sequence: Sequence) -> bool {
    sequence <= standing.acknowledged_through && turn <= standing.acknowledged_turn
}

/// The age at `now` of what was accepted or replayed at the lane time `born`.
fn age(standing: &Standing, born: Timestamp, now: Timestamp) -> Duration {
    let stopped = standing.pause.since.map_or(Duration::ZERO, |since| now.since(since));
    now.before(stopped).before(standing.pause.total).since(born)
}

// ---- Promise 2: at least once, and you can tell ------------------------------------------------------------------

pub(crate) fn two_one_attempt_of_a_message_at_a_time(start: &Start, view: &MessageView) {
    assert!(
        view.flying.is_none(),
        "promise 2: {start:?} starts while another attempt of it is under way: {view:?}"
    );
}

pub(crate) fn two_a_success_is_repeated_only_by_another_owner(
    start: &Start,
    view: &MessageView,
    tenure: u64,
) {
    assert!(
        view.succeeded != Some(tenure),
        "promise 2: {start:?} is sent again by the same owner, though the endpoint answered 2xx"
    );
}

pub(crate) fn two_nothing_is_sent_that_is_settled(store: &Store, start: &Start) {
    let rows = store.account(start.account);
    let waiting = start.waiting;
    if rows.pending.contains_key(&waiting.turn) {
        return;
    }
    // What the account acknowledged, the lane hears of a moment later.
    let overtaken = rows.overtaken(waiting.turn, waiting.sequence);
    let by_cancellation = waiting.turn <= rows.standing.cancelled_through;
    assert!(
        overtaken && !by_cancellation,
        "promise 2: {start:?} is sent, but it is settled: {:?}",
        rows.message(waiting.sequence)
    );
}

pub(crate) fn five_what_was_under_way_is_not_swept_away(store: &Store, settlement: &Settlement) {
    let rows = store.account(settlement.account);
    if let Some(row) = rows.pending.get(&settlement.turn) {
        assert!(row.sequence == settlement.sequence, "{settlement:?} is not {row:?}");
        return;
    }
    let message = rows.message(settlement.sequence);
    let cancelled = message.turn == settlement.turn && message.state == MessageState::Cancelled;
    assert!(
        !cancelled || settlement.verdict != Verdict::Delivered,
        "promise 5: {settlement:?} was under way and is delivered, but it was swept away"
    );
}

pub(crate) fn attempts_are_counted(store: &Store, start: &Start) {
    if let Some(row) = store.account(start.account).pending.get(&start.waiting.turn) {
        assert!(
            start.waiting.attempts == row.attempts + 1,
            "promise 2: {start:?} does not count on from {row:?}"
        );
    }
}

// ---- Promise 3: in order where order matters ---------------------------------------------------------------------

pub(crate) fn three_those_before_it_are_done(store: &Store, start: &Start, succeeded: impl Fn(Turn) -> bool) {
    let Some(key) = start.waiting.key else { return };
    let rows = store.account(start.account);
    for (turn, before) in rows.pending.range(..start.waiting.turn) {
        assert!(
            before.key != Some(key) || succeeded(*turn) || rows.overtaken(*turn, before.sequence),
            "promise 3: {start:?} starts before {before:?} was delivered or died"
        );
    }
}

// ---- Promise 4: one endpoint's trouble stays its own -------------------------------------------------------------

pub(crate) fn four_a_lane_on_hold_only_probes(now: Timestamp, start: &Start, lane: &LaneView) {
    assert!(!lane.suspended, "promise 4: {start:?} though a 410 suspended the registration");
    if let Some(hold) = lane.hold {
        assert!(lane.flying.is_empty(), "promise 4: {start:?} probes beside another request: {lane:?}");
        assert!(hold.next <= now, "promise 4: {start:?} probes too early: {lane:?}");
    }
}

pub(crate) fn four_an_endpoint_has_few_slots(
    now: Timestamp,
    start: &Start,
    lane: &LaneView,
    settings: &Settings,
) {
    assert!(
        lane.flying.len() < lane.slots(now, settings),
        "promise 4: {start:?} exceeds the lane's slots: {lane:?}"
    );
}

/// A request leaves the part after a second; some leave it sooner, where others wait for their places.
pub(crate) fn four_unproven_endpoints_share_a_part<'a>(
    now: Timestamp,
    open: impl Iterator<Item = &'a Unproven> + Clone,
    settings: &Settings,
) {
    let check = |what: &str, part: usize, failing: bool| {
        let counted = open.clone().filter(|request| request.failing || !failing);
        let out_for = |least: Duration| counted.clone().filter(|it| now.since(it.since) < least).count();
        let (young, youngest) = (out_for(settings.slow_after), out_for(settings.crowded_slow_after));
        assert!(
            young <= part + settings.crowded_slow && youngest <= part,
            "promise 4: {young} young requests to endpoints that {what}, {youngest} of them quite young"
        );
    };
    check("are not proven", settings.open_unproven, false);
    check("have failed", settings.open_failing, true);
}

pub(crate) fn four_the_pools_have_bounds(settings: &Settings, engine: &Engine) {
    let open = engine.open_requests();
    assert!(
        open.young <= settings.open_requests && open.slow <= settings.slow_requests,
        "promise 4: a pool is over its bound: {open:?}"
    );
    assert!(open.young + open.slow == engine.flying(), "promise 4: {open:?}, but {} fly", engine.flying());
}

pub(crate) fn unrecorded_outcomes_are_bounded(unrecorded: usize, settings: &Settings) {
    assert!(
        unrecorded < settings.unrecorded,
        "an attempt starts though {unrecorded} outcomes are not recorded"
    );
}

// ---- Promise 5: stop means stop, replace means replace -----------------------------------------------------------

pub(crate) fn five_nothing_starts_after_a_deregistration(
    store: &Store,
    start: &Start,
    known_for: Option<Duration>,
    cluster: bool,
) {
    if cluster && known_for.is_none_or(|span| span <= KNOWN_WITHIN) {
        return;
    }
    let standing = &store.account(start.account).standing;
    assert!(standing.registered, "promise 5: {start:?} though nothing is registered");
    assert!(
        start.waiting.turn > standing.cancelled_through,
        "promise 5: {start:?} though it is cancelled: {standing:?}"
    );
}

pub(crate) fn five_nothing_starts_that_the_lane_knows_it_may_not(start: &Start, lane: &LaneView) {
    let standing = &lane.standing;
    assert!(sends(standing), "promise 5: {start:?} though the lane knows that it may not send: {standing:?}");
    assert!(
        !cancelled(standing, start.waiting.turn)
            && !acknowledged(standing, start.waiting.turn, start.waiting.sequence),
        "promise 5: {start:?} though the lane knows that it is done with: {standing:?}"
    );
}

// ---- Promise 6: nothing disappears silently ----------------------------------------------------------------------

pub(crate) fn six_the_counters_add_up(store: &Store) {
    for (account, rows) in &store.accounts {
        let settled = rows.delivered + rows.dead + rows.cancelled;
        assert!(
            rows.standing.last_sequence.0 == settled + rows.pending.len() as u64,
            "promise 6: {account} accepted {}, but {} are pending, {} delivered, {} dead, {} cancelled",
            rows.standing.last_sequence.0,
            rows.pending.len(),
            rows.delivered,
            rows.dead,
            rows.cancelled
        );
    }
}

pub(crate) fn six_the_rows_agree_with_the_counters(store: &Store) {
    for (account, rows) in &store.accounts {
        let count = |state| rows.messages.iter().filter(|message| message.state == state).count() as u64;
        assert!(
            count(MessageState::Delivered) == rows.delivered
                && count(MessageState::Dead) == rows.dead
                && count(MessageState::Cancelled) == rows.cancelled
                && count(MessageState::Pending) == rows.pending.len() as u64,
            "promise 6: {account}'s counters are not what its rows say"
        );
    }
}

// ---- Retries and death -------------------------------------------------------------------------------------------

pub(crate) fn a_retry_waits_for_its_time(
    now: Timestamp,
    store: &Store,
    start: &Start,
    lane: &LaneView,
    view: &MessageView,
) {
    let Some(row) = store.account(start.account).pending.get(&start.waiting.turn) else { return };
    let released = lane.released_at.is_some_and(|at| view.last_answer.is_none_or(|answered| at >= answered));
    assert!(
        row.due.is_none_or(|due| due.before(view.set_back) <= now) || released,
        "schedule: {start:?} is tried before its time: {row:?}"
    );
}

pub(crate) fn a_verdict_follows_from_the_answer(
    settlement: &Settlement,
    answered: &Answered,
    lane: &LaneView,
    settings: &Settings,
    mortal: bool,
) {
    let Answered { at, waiting, outcome, others_succeeded } = answered;
    let class = outcome.class();
    let what = || format!("{settlement:?} after {answered:?}, {:?}", lane.standing);
    let acknowledged = acknowledged(&lane.standing, waiting.turn, waiting.sequence);
    let cancelled = cancelled(&lane.standing, waiting.turn);
    let (retry_after, charge) = match class {
        Class::EndpointFailure { retry_after } => (retry_after, *others_succeeded),
        Class::MessageFailure { retry_after } => (retry_after, Some(true)),
        _ => (None, Some(false)),
    };
    let charged_as = |charged: bool| charge.is_none_or(|charge| charge == charged);
    let too_old = age(&lane.standing, waiting.born, *at) >= settings.max_age && mortal;
    let verdict = settlement.verdict;
    assert!(settlement.attempts == waiting.attempts, "attempts: {}", what());
    assert!(
        class != Class::Success || verdict == Verdict::Delivered,
        "promise 2: a success is delivered: {}",
        what()
    );
    assert!(
        !cancelled || acknowledged || matches!(verdict, Verdict::Delivered | Verdict::Cancelled),
        "promise 5: it was cancelled as it was under way, and goes on: {}",
        what()
    );
    match verdict {
        Verdict::Delivered => assert!(class == Class::Success || acknowledged, "promise 1: {}", what()),
        Verdict::Cancelled => {
            assert!(cancelled, "promise 1: {}", what());
        }
        Verdict::Dead(Death::Age) => assert!(too_old, "death: too young: {}", what()),
        Verdict::Dead(Death::Attempts) => {
            let last = settings.retry.delay_after(waiting.charged + 1, Jitter::NONE).is_none();
            assert!(last && charged_as(true), "death: not the last attempt: {}", what());
        }
        Verdict::Retry { due, charged, .. } => {
            let charges = charged == waiting.charged + 1;
            assert!(charges || charged == waiting.charged, "charge: {}", what());
            assert!(charged_as(charges), "charge: {}", what());
            let step = |draw| settings.retry.delay_after(charged, Jitter::new(draw));
            let (least, most) = match class {
                _ if charges => (step(0.0), step(1.0)),
                Class::EndpointFailure { .. } => {
                    (Some(settings.uncharged_delay), Some(settings.uncharged_delay))
                }
                _ => (Some(Duration::ZERO), Some(Duration::ZERO)),
            };
            let (Some(least), Some(most)) = (least, most) else {
                panic!("death: it had no attempt left: {}", what())
            };
            let asked = retry_after.unwrap_or_default().min(settings.retry_after_cap);
            let end = lane.standing.pause.wall_time(waiting.born.after(settings.max_age));
            let end = end.max(*at);
            assert!(due >= at.after(least.max(asked)).min(end), "schedule: too early: {}", what());
            assert!(due <= at.after(most.max(asked)), "schedule: too late: {}", what());
            assert!(!too_old, "death: too old: {}", what());
        }
    }
}

pub(crate) fn without_an_answer_only_age_kills(
    now: Timestamp,
    store: &Store,
    settlement: &Settlement,
    lane: &LaneView,
    settings: &Settings,
    mortal: bool,
) {
    let what = || format!("{settlement:?}, {lane:?}");
    assert!(
        settlement.verdict == Verdict::Dead(Death::Age),
        "promise 1: settled without an answer: {}",
        what()
    );
    let Some(row) = store.account(settlement.account).pending.get(&settlement.turn) else { return };
    assert!(mortal, "death: in the first minute after a start: {}", what());
    assert!(age(&lane.standing, row.born, now) >= settings.max_age, "death: too young: {row:?} {}", what());
    let begun = if row.replay { row.born.after(lane.standing.pause.total) } else { row.accepted_at };
    let closed = !lane.standing.registered || lane.closed_since.is_some_and(|since| since <= begun);
    assert!(row.due.is_some() || closed, "death: it was never tried: {row:?} {}", what());
}

// ---- Liveness ----------------------------------------------------------------------------------------------------

/// Commands of one moment, at most.
const COMMANDS_AT_ONCE: u64 = 20_000;

pub(crate) fn nothing_turns_in_circles(commands: u64) {
    assert!(commands < COMMANDS_AT_ONCE, "liveness: the engine turns in circles");
}

pub(crate) fn a_lane_reads_only_for_a_reason(now: Timestamp, account: AccountId, lane: &LaneView) {
    assert!(
        lane.reads <= 100 + 6 * lane.excuses,
        "liveness: {account} reads without an end at {now:?}: {} reads for {} reasons",
        lane.reads,
        lane.excuses
    );
}

/// A while after all is well only those wait that have failed and whose time has not come, and those behind them.
pub(crate) fn one_what_can_go_has_gone(
    now: Timestamp,
    store: &Store,
    due: impl Fn(AccountId, &Waiting) -> Option<Timestamp>,
    at_work: impl Fn(AccountId) -> bool,
) {
    for (account, rows) in &store.accounts {
        if rows.record.health.closed_since().is_some() || at_work(*account) {
            // Its endpoint asked to be left alone for longer, or until just now.
            continue;
        }
        for row in rows.pending.values() {
            let waits = due(*account, row).is_some_and(|due| due.after(Duration::from_secs(60)) > now);
            let follows = rows.predecessor(row).is_some();
            assert!(
                waits || follows,
                "liveness: {account} could send {row:?}, and does not; {:?}",
                rows.standing
            );
        }
    }
}

pub(crate) fn one_nothing_is_left(store: &Store, after: Duration) {
    for (account, rows) in &store.accounts {
        assert!(
            rows.pending.is_empty(),
            "liveness: {account} has {} messages pending {after:?} after all is well: {:?}, {:?}",
            rows.pending.len(),
            rows.pending.values().next(),
            rows.standing,
        );
    }
}

pub(crate) fn an_engine_at_rest_holds_nothing(engine: &Engine, settings: &Settings) {
    assert!(engine.flying() == 0, "liveness: {} requests are under way for ever", engine.flying());
    assert!(engine.unrecorded() == 0, "liveness: {} outcomes are never recorded", engine.unrecorded());
    let open = engine.open_requests();
    assert!(open.young + open.slow == 0, "liveness: {open:?} for ever");
    assert!(
        engine.resident_lanes() <= settings.resident_lanes,
        "liveness: {} lanes stay in memory though they have nothing to do",
        engine.resident_lanes()
    );
}
