//! One lane's life as a story, told through the engine's public face: open, on hold, probed, open again, suspended,
//! registered anew.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::time::Duration;

use ringback_delivery::{
    AccountId, Command, EmptyLane, Engine, Failure, FlightId, Health, Jitter, LaneRead, LaneRecord, LaneRows,
    LaneUpdate, Outcome, Sequence, Settings, Standing, Start, Timestamp, Trouble, Turn, Verdict, Waiting,
};

const OK: Outcome = Outcome::Answered { status: 200, retry_after: None };
const GONE: Outcome = Outcome::Answered { status: 410, retry_after: None };
const REFUSED: Outcome = Outcome::Failed(Failure::Connect);

/// The engine with one lane, a store that answers at once, and a clock that is set by hand.
struct Story {
    engine: Engine,
    now: Timestamp,
    standing: Standing,
    record: LaneRecord,
    started: Vec<Start>,
    last_verdict: Option<Verdict>,
    hastened: u32,
}

impl Story {
    fn begin() -> Self {
        Self::begin_with(Settings::default())
    }

    fn begin_with(settings: Settings) -> Self {
        let now = Timestamp::from_millis(1_700_000_000_000);
        let mut story = Self {
            engine: Engine::new(settings, now),
            now,
            standing: Standing { generation: 1, registered: true, ..Standing::default() },
            record: LaneRecord::default(),
            started: Vec::new(),
            last_verdict: None,
            hastened: 0,
        };
        story.engine.discovered(now, account());
        story.carry_out();
        story
    }

    fn publish(&mut self) {
        self.standing.last_turn.0 += 1;
        self.standing.last_sequence.0 += 1;
        let number = self.standing.last_sequence.0;
        let waiting = waiting(number, self.now);
        self.engine.accepted(self.now, account(), waiting, None);
        self.carry_out();
    }

    /// The clock is put right, which was ahead.
    fn set_back(&mut self, seconds: u64) {
        self.engine.tick(self.now);
        self.now = self.now.before(Duration::from_secs(seconds));
        self.engine.tick(self.now);
        self.carry_out();
    }

    fn stand(&mut self, change: impl FnOnce(&mut Standing)) {
        change(&mut self.standing);
        self.engine.standing_changed(self.now, account(), self.standing);
        self.carry_out();
    }

    fn pass(&mut self, seconds: u64) {
        self.now = self.now.after(Duration::from_secs(seconds));
        self.engine.tick(self.now);
        self.carry_out();
    }

    /// The attempts that have begun and were not answered.
    fn under_way(&self) -> usize {
        self.started.len()
    }

    fn answer(&mut self, outcome: &Outcome) {
        let flight: FlightId = self.started.remove(0).flight;
        self.engine.answered(self.now, flight, outcome, Jitter::NONE);
        self.carry_out();
    }

    /// How many seconds pass until the next attempt begins.
    fn next_attempt_after(&mut self) -> i64 {
        let since = self.now;
        while self.started.is_empty() {
            self.now = self.engine.wake_at().unwrap();
            self.engine.tick(self.now);
            self.carry_out();
        }
        (self.now.as_millis() - since.as_millis()) / 1000
    }

    fn carry_out(&mut self) {
        self.engine.pump(self.now);
        while let Some(command) = self.engine.next_command() {
            match command {
                Command::Read(read) => {
                    let rows = LaneRows {
                        account: read.account,
                        opening: read.opening.then_some((self.standing, self.record)),
                        queue: Vec::new(),
                        end: true,
                        due: Vec::new(),
                        more_due: false,
                        next_due: None,
                        followers: Vec::new(),
                    };
                    self.engine.loaded(self.now, rows);
                }
                Command::Start(start) => self.started.push(start),
                Command::Settle(_, settlement) => {
                    self.last_verdict = Some(settlement.verdict);
                    self.engine.recorded(self.now, [(settlement.account, settlement.turn)]);
                }
                Command::Keep(update) => {
                    self.record = update.record;
                    self.engine.kept(self.now, [LaneUpdate { account: account(), record: self.record }]);
                }
                Command::Sweep(account, _, _) => self.engine.swept(self.now, account, false),
                Command::Hasten(account) => {
                    self.hastened += 1;
                    self.engine.hastened(self.now, account, false);
                }
                Command::Forget(_) => panic!("there is room for one lane"),
            }
        }
    }
}

fn waiting(number: u64, now: Timestamp) -> Waiting {
    Waiting {
        turn: Turn(number),
        sequence: Sequence(number),
        position: 0,
        key: None,
        accepted_at: now,
        born: now,
        attempts: 0,
        charged: 0,
        due: None,
        successes: 0,
        replay: false,
    }
}

fn account() -> AccountId {
    "0252012345-00001".parse().unwrap()
}

#[test]
fn the_life_of_a_lane() {
    let mut story = Story::begin();

    // It is open, but nothing is known of its endpoint: one request at a time, and two after the first success.
    for _ in 0..7 {
        story.publish();
    }
    assert_eq!(story.under_way(), 1);
    story.answer(&OK);
    assert_eq!(story.last_verdict, Some(Verdict::Delivered));
    assert_eq!(story.under_way(), 2);

    // The endpoint dies. A message that fails comes again after five seconds, and is not charged for it: no other
    // succeeded since.
    for failures in 1..=4 {
        story.answer(&REFUSED);
        assert_eq!(story.record.health, Health::Open { failures });
        assert!(matches!(story.last_verdict, Some(Verdict::Retry { charged: 0, .. })));
        assert_eq!(story.under_way(), 2);
    }

    // The fifth failure in a row puts it on hold. What is under way ends; then only probes go, one at a time.
    story.answer(&REFUSED);
    assert!(matches!(story.record.health, Health::Hold { failed_probes: 0, .. }));
    assert_eq!(story.under_way(), 1);
    story.answer(&REFUSED);
    assert_eq!(story.under_way(), 0);
    for wait in [5, 15, 30, 60, 120, 300, 300, 300] {
        assert_eq!(story.next_attempt_after(), wait);
        assert_eq!(story.under_way(), 1);
        story.answer(&REFUSED);
        assert!(matches!(story.last_verdict, Some(Verdict::Retry { charged: 0, .. })));
    }

    // One success ends the hold.
    assert_eq!(story.next_attempt_after(), 300);
    story.answer(&OK);
    assert_eq!(story.record.health, Health::Open { failures: 0 });
    assert_eq!(story.under_way(), 2);
    story.answer(&OK);
    story.answer(&OK);
    assert_eq!(story.under_way(), 3);

    // Nobody wants the messages any more: nothing goes, whatever comes, and for however long.
    story.answer(&GONE);
    assert!(matches!(story.record.health, Health::Suspended { .. }));
    story.answer(&OK);
    assert!(
        matches!(story.record.health, Health::Suspended { .. }),
        "what was under way does not change that"
    );
    story.answer(&OK);
    story.publish();
    story.pass(3600);
    assert_eq!(story.under_way(), 0);

    // A pause does not end it, and a mere release does not either.
    story.stand(|standing| standing.releases += 1);
    assert_eq!(story.under_way(), 0);

    // Registered anew: what waits goes to the new registration, one at a time at first.
    story.stand(|standing| {
        standing.generation += 1;
        standing.releases += 1;
        standing.reinstatements += 1;
    });
    assert_eq!(story.record.health, Health::Open { failures: 0 });
    assert_eq!(story.under_way(), 1);
    story.answer(&OK);
    story.answer(&OK);
    assert_eq!(story.under_way(), 0);
    assert_eq!(story.engine.unrecorded(), 0);

    // A Retry-After holds it by itself, for as long as it asks.
    story.publish();
    story.answer(&Outcome::Answered { status: 503, retry_after: Some(Duration::from_secs(90)) });
    assert!(matches!(story.record.health, Health::Hold { .. }));
    assert_eq!(story.next_attempt_after(), 90);
    story.answer(&OK);

    // The account pauses: nothing goes, and no message grows old.
    let now = story.now;
    story.stand(|standing| standing.pause.pause(now));
    story.publish();
    story.pass(30 * 24 * 3600);
    assert_eq!(story.under_way(), 0);
    assert_eq!(story.last_verdict, Some(Verdict::Delivered), "nothing died");
}

#[test]
fn what_waits_for_a_moment_waits_no_longer_though_the_clock_is_set_back() {
    const TWO_HOURS: u64 = 7200;

    // What was never tried, behind the first; and what is being tried as the clock is set.
    let mut story = Story::begin();
    story.publish();
    story.publish();
    story.set_back(TWO_HOURS);
    story.answer(&OK);
    assert_eq!(story.under_way(), 1);
    story.answer(&REFUSED);

    // What is to be tried again, and an endpoint that is to be probed.
    story.pass(2);
    story.set_back(TWO_HOURS);
    assert_eq!(story.next_attempt_after(), 3);
    story.answer(&Outcome::Answered { status: 503, retry_after: Some(Duration::from_secs(90)) });
    story.pass(20);
    story.set_back(TWO_HOURS);
    assert!(
        matches!(story.record.health, Health::Hold { probe_at, .. } if probe_at.since(story.now) == Duration::from_secs(70)),
        "the record is kept anew: {:?}",
        story.record
    );
    assert_eq!(story.next_attempt_after(), 70);

    // An attempt that could not begin.
    story.answer(&Outcome::NotStarted);
    story.set_back(TWO_HOURS);
    assert_eq!(story.next_attempt_after(), 1);
    story.answer(&OK);
    assert_eq!(story.under_way(), 0);
}

#[test]
fn a_lane_of_which_something_can_not_be_recorded_stands_still_until_it_is() {
    let mut story = Story::begin();
    story.publish();
    story.answer(&OK);
    story.engine.set_aside(story.now, account(), true);
    story.publish();
    story.pass(60);
    assert_eq!(story.under_way(), 0);
    story.engine.set_aside(story.now, account(), false);
    story.carry_out();
    assert_eq!(story.under_way(), 1);
}

#[test]
fn what_can_not_be_recorded_of_a_lane_keeps_no_other_from_starting() {
    let mut story = Story::begin_with(Settings { unrecorded: 1, ..Settings::default() });
    story.publish();
    let flight = story.started.remove(0).flight;
    story.engine.answered(story.now, flight, &OK, Jitter::NONE);
    // That it is delivered is not recorded yet.
    let other = AccountId::from_number(account().number() + 1).unwrap();
    let lane = EmptyLane { standing: story.standing, record: LaneRecord::default() };
    story.engine.accepted(story.now, other, waiting(2, story.now), Some(&lane));
    story.engine.pump(story.now);
    let starts = |story: &mut Story| {
        let commands = std::iter::from_fn(|| story.engine.next_command());
        commands.filter(|command| matches!(command, Command::Start(start) if start.account == other)).count()
    };
    assert_eq!(starts(&mut story), 0, "as much as may be is not recorded");
    story.engine.set_aside(story.now, account(), true);
    assert_eq!(starts(&mut story), 1);
    story.engine.recorded(story.now, [(account(), Turn(1))]);
    story.engine.set_aside(story.now, account(), false);
    assert_eq!(story.engine.unrecorded(), 0);
}

#[test]
fn a_lane_on_hold_that_was_not_in_memory_is_probed_though_the_clock_was_set_back() {
    let mut now = Timestamp::from_millis(1_700_000_000_000);
    let mut engine = Engine::new(Settings { resident_lanes: 0, ..Settings::default() }, now);
    let standing = Standing {
        generation: 1,
        registered: true,
        last_turn: Turn(1),
        last_sequence: Sequence(1),
        ..Standing::default()
    };
    let health =
        move |probe_at| Health::Hold { since: now, failed_probes: 0, probe_at, trouble: Trouble::Refusals };
    let record = LaneRecord { health: health(now.after(Duration::from_secs(300))), ..LaneRecord::default() };
    let rows = move |read: &LaneRead| LaneRows {
        account: read.account,
        opening: Some((standing, record)),
        queue: vec![(waiting(1, now), None)],
        end: true,
        due: Vec::new(),
        more_due: false,
        next_due: None,
        followers: Vec::new(),
    };
    engine.discovered(now, account());
    engine.pump(now);
    let Some(Command::Read(read)) = engine.next_command() else { panic!("a read") };
    engine.loaded(now, rows(&read));
    assert_eq!(engine.next_command(), Some(Command::Forget(account())));

    engine.tick(now.before(Duration::from_secs(3000)));
    now = engine.wake_at().unwrap();
    engine.tick(now);
    let Some(Command::Read(read)) = engine.next_command() else { panic!("a read") };
    engine.loaded(now, rows(&read));
    let commands: Vec<Command> = std::iter::from_fn(|| engine.next_command()).collect();
    assert!(commands.iter().any(|command| matches!(command, Command::Start(_))), "{commands:?}");
    let kept =
        |command: &Command| matches!(command, Command::Keep(update) if update.record.health == health(now));
    assert!(commands.iter().any(kept), "{commands:?}");
}

#[test]
fn what_a_lane_has_in_memory_is_made_due_in_the_store_when_the_clock_is_set_back() {
    let mut story = Story::begin();
    story.publish();
    story.answer(&REFUSED);
    story.pass(1);
    story.hastened = 0;
    story.set_back(7200);
    assert_eq!(story.hastened, 1, "what waits");
    assert_eq!(story.next_attempt_after(), 4);

    // What is being recorded as the clock is set is made due once it is recorded.
    let flight = story.started.remove(0).flight;
    story.engine.answered(story.now, flight, &REFUSED, Jitter::NONE);
    story.hastened = 0;
    story.now = story.now.before(Duration::from_secs(7200));
    story.engine.tick(story.now);
    story.carry_out();
    assert!(story.hastened >= 1);
}

#[test]
fn reads_go_on_though_the_clock_is_set_back_after_one_that_failed() {
    let now = Timestamp::from_millis(1_700_000_000_000);
    let mut engine = Engine::new(Settings::default(), now);
    engine.discovered(now, account());
    engine.pump(now);
    let Some(Command::Read(read)) = engine.next_command() else { panic!("a read") };
    engine.not_loaded(now, &read);
    let earlier = now.before(Duration::from_secs(7200));
    engine.tick(earlier);
    assert_eq!(engine.wake_at(), Some(earlier.after(Duration::from_secs(1))));
    engine.tick(earlier.after(Duration::from_secs(1)));
    assert!(matches!(engine.next_command(), Some(Command::Read(_))));
}

#[test]
fn a_lane_that_can_not_be_read_is_read_less_and_less_often_and_holds_up_no_other() {
    let mut now = Timestamp::from_millis(1_700_000_000_000);
    let mut engine = Engine::new(Settings::default(), now);
    let other = "0252012345-00002".parse().unwrap();
    engine.discovered(now, account());
    engine.pump(now);
    for wait in [1, 2, 4, 8, 16, 32, 60, 60] {
        let Some(Command::Read(read)) = engine.next_command() else { panic!("a read") };
        assert_eq!(read.account, account());
        engine.unreadable(now, &read);
        assert_eq!(engine.next_command(), None);
        engine.discovered(now, other);
        engine.pump(now);
        let Some(Command::Read(read)) = engine.next_command() else { panic!("a read at once") };
        assert_eq!(read.account, other);
        let rows = LaneRows {
            account: other,
            opening: Some((Standing::default(), LaneRecord::default())),
            queue: Vec::new(),
            end: true,
            due: Vec::new(),
            more_due: false,
            next_due: None,
            followers: Vec::new(),
        };
        engine.loaded(now, rows);
        assert_eq!(engine.next_command(), None);
        let again = now.after(Duration::from_secs(wait));
        assert_eq!(engine.wake_at(), Some(again));
        now = again;
        engine.tick(now);
    }
}

#[test]
fn a_lane_that_was_lost_and_is_wanted_again_begins_with_nothing_of_before() {
    let now = Timestamp::from_millis(1_700_000_000_000);
    let mut engine = Engine::new(Settings::default(), now);
    engine.discovered(now, account());
    engine.pump(now);
    let Some(Command::Read(read)) = engine.next_command() else { panic!("a read") };
    // It is another node's for a moment, while the read is under way.
    engine.lost(|_| true);
    engine.discovered(now, account());
    engine.pump(now);
    assert_eq!(engine.next_command(), None);
    engine.not_loaded(now, &read);
    assert_eq!(engine.next_command(), Some(Command::Forget(account())));
    engine.tick(now.after(Duration::from_secs(1)));
    assert!(matches!(engine.next_command(), Some(Command::Read(read)) if read.opening));
}
