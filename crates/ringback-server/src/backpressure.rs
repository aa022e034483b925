//! Holds publishers back while callbacks wait for the processor.
//!
//! Accepting and delivering share the machine. Where it is not enough for both, accepting would win, and what is accepted
//! and not delivered falls out of memory: reading it back makes delivering dearer still. So the dispatcher watches how long
//! messages wait before their first attempt. Where most wait long, and the dispatcher itself is late, for want of the processor,
//! publishers are let in more slowly than callbacks go out, until those have caught up or the dispatcher is on time again: an
//! endpoint that is slow holds nobody back by itself, nor does a disk.
//!
//! Of several nodes it is the one that delivers that sees this. It says so to the others, which hear of it with each commit that
//! is for a shard of its, and have whoever publishes for that shard come a little later, together.
//!
//! The promise: no request waits here for longer than 0.1 s, nor does a part of one that brings many messages, and none is
//! refused.

mod watch;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ringback_delivery::SHARDS;
use tokio::sync::{Notify, Semaphore};

pub(crate) use watch::Watch;

/// The longest that a publisher waits.
const LONGEST_WAIT: Duration = Duration::from_millis(100);
/// Messages that may be let in without anybody having waited for it.
const MOST_CREDIT: usize = 512;

/// What publishers see of it. A clone is the same.
#[derive(Debug, Clone, Default)]
pub struct Backpressure(Arc<Gate>);

#[derive(Debug)]
struct Gate {
    holds: AtomicBool,
    /// Messages that may be let in.
    credit: Semaphore,
    opened: Notify,
    elsewhere: Elsewhere,
}

impl Default for Gate {
    fn default() -> Self {
        let (holds, credit) = (AtomicBool::new(false), Semaphore::new(0));
        Self { holds, credit, opened: Notify::new(), elsewhere: Elsewhere::default() }
    }
}

/// Until when publishers for other nodes' shards wait: each commit for one of them tells whether its callbacks wait there.
#[derive(Debug)]
struct Elsewhere {
    since: Instant,
    /// By shard, in microseconds after that.
    until: Box<[AtomicU64]>,
}

impl Default for Elsewhere {
    fn default() -> Self {
        Self { since: Instant::now(), until: (0..SHARDS).map(|_| AtomicU64::new(0)).collect() }
    }
}

impl Elsewhere {
    fn hold(&self, shard: u16, until: Instant) {
        if let Some(held) = self.until.get(usize::from(shard)) {
            let until = until.duration_since(self.since).as_micros();
            held.store(u64::try_from(until).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
    }

    fn until(&self, shard: u16) -> Instant {
        let until = self.until.get(usize::from(shard)).map_or(0, |until| until.load(Ordering::Relaxed));
        self.since + Duration::from_micros(until)
    }
}

impl Backpressure {
    /// Waits for the turn of so many messages, if publishers are held back; whether it had to wait.
    pub(crate) async fn give_way(&self, messages: usize) -> bool {
        if !self.holds() {
            return false;
        }
        // An opening is heard of from here on.
        let opened = self.0.opened.notified();
        if !self.holds() {
            return false;
        }
        let messages = u32::try_from(messages.min(MOST_CREDIT)).unwrap_or(u32::MAX);
        tokio::select! {
            // It is never closed.
            Ok(credit) = self.0.credit.acquire_many(messages) => credit.forget(),
            () = opened => {}
            () = tokio::time::sleep(LONGEST_WAIT) => {}
        }
        true
    }

    /// Waits where callbacks of one of these shards wait at another node; whether it had to.
    pub(crate) async fn give_way_elsewhere(&self, shards: impl Iterator<Item = u16>) -> bool {
        let now = Instant::now();
        let until = shards.map(|shard| self.0.elsewhere.until(shard)).max().filter(|until| *until > now);
        let Some(until) = until else { return false };
        tokio::time::sleep_until(until.min(now + LONGEST_WAIT).into()).await;
        true
    }

    /// Callbacks of these shards wait at other nodes: their publishers come together a little later, and then it is looked
    /// again.
    pub(crate) fn hold_elsewhere(&self, shards: &[u16]) {
        let until = Instant::now() + LONGEST_WAIT;
        shards.iter().for_each(|shard| self.0.elsewhere.hold(*shard, until));
    }

    fn holds(&self) -> bool {
        self.0.holds.load(Ordering::Acquire)
    }

    fn hold(&self) {
        // Who gave up waiting may have given some back.
        self.0.credit.forget_permits(MOST_CREDIT);
        self.0.holds.store(true, Ordering::Release);
    }

    fn open(&self) {
        self.0.holds.store(false, Ordering::Release);
        self.0.opened.notify_waiters();
        self.0.credit.forget_permits(MOST_CREDIT);
    }

    fn let_in(&self, messages: usize) {
        let room = MOST_CREDIT.saturating_sub(self.0.credit.available_permits());
        self.0.credit.add_permits(messages.min(room));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use futures_util::FutureExt as _;

    use super::watch::*;
    use super::*;

    const AT_ONCE: Duration = Duration::from_micros(50);
    const FOR_LONG: Duration = Duration::from_millis(20);

    struct Scene {
        gate: Backpressure,
        watch: Watch,
        now: Instant,
    }

    impl Scene {
        fn new() -> Self {
            let (gate, now) = (Backpressure::default(), Instant::now());
            Self { watch: Watch::new(gate.clone(), false, now), gate, now }
        }

        /// A span in which so many messages go out that have all waited for so long, while news are so late.
        fn span(&mut self, attempts: u32, waited: Duration, late: Duration) {
            self.watch.heard(late);
            (0..attempts).for_each(|_| self.watch.starts(waited));
            self.now += SHORT_SPAN;
            self.watch.look(self.now);
        }

        fn held() -> Self {
            let mut scene = Self::new();
            scene.span(100, FOR_LONG, FOR_LONG);
            assert!(scene.gate.holds());
            scene
        }
    }

    #[test]
    fn publishers_are_held_back_when_most_messages_wait_and_the_dispatcher_is_late() {
        let mut scene = Scene::new();
        scene.span(100, AT_ONCE, FOR_LONG);
        assert!(!scene.gate.holds(), "nothing waits");
        scene.span(100, FOR_LONG, AT_ONCE);
        assert!(!scene.gate.holds(), "endpoints are slow, the processor is not");
        (0..100).for_each(|_| scene.watch.starts(AT_ONCE));
        scene.span(100, FOR_LONG, FOR_LONG);
        assert!(!scene.gate.holds(), "half of the lanes are behind, the others are not");
        scene.watch.starts(AT_ONCE);
        scene.span(100, FOR_LONG, FOR_LONG);
        assert!(scene.gate.holds());
    }

    #[test]
    fn a_message_may_wait_longer_where_commits_take_longer() {
        let mut scene = Scene::new();
        scene.watch = Watch::new(scene.gate.clone(), true, scene.now);
        scene.span(100, LONG_IF_SHARED, FOR_LONG);
        assert!(!scene.gate.holds());
        scene.span(100, LONG_IF_SHARED + AT_ONCE, FOR_LONG);
        assert!(scene.gate.holds());
    }

    #[tokio::test(start_paused = true)]
    async fn one_is_let_in_for_every_two_that_go_out_and_many_together() {
        let mut scene = Scene::held();
        let gate = scene.gate.clone();
        let mut publishers: Vec<_> = (0..100).map(|_| Box::pin(gate.give_way(1))).collect();
        let mut count = || {
            publishers.retain_mut(|publisher| publisher.now_or_never().is_none());
            publishers.len()
        };
        assert_eq!(count(), 100);
        let start = |scene: &mut Scene, attempts: usize| {
            (0..attempts).for_each(|_| scene.watch.starts(FOR_LONG));
            scene.watch.look(scene.now);
        };
        start(&mut scene, 2 * BUNCH - 1);
        assert_eq!(count(), 100, "one less than enough");
        start(&mut scene, 1);
        assert_eq!(count(), 100 - BUNCH);
        start(&mut scene, 7);
        assert_eq!(count(), 100 - BUNCH);
        scene.now += SHORT_SPAN;
        start(&mut scene, 0);
        assert_eq!(count(), 100 - BUNCH - 3);
        start(&mut scene, 2 * BUNCH - 1);
        assert_eq!(count(), 100 - 2 * BUNCH - 3, "one was left over");
    }

    #[tokio::test(start_paused = true)]
    async fn all_are_let_in_once_messages_go_at_once_again_or_none_goes_at_all() {
        for attempts in [100, 0] {
            let mut scene = Scene::held();
            let gate = scene.gate.clone();
            let mut publisher = Box::pin(gate.give_way(256));
            assert!(publisher.as_mut().now_or_never().is_none());
            scene.now += LONG_SPAN;
            scene.span(attempts, AT_ONCE, AT_ONCE);
            assert_eq!(publisher.now_or_never(), Some(true), "after {attempts} attempts");
            assert_eq!(gate.give_way(256).now_or_never(), Some(false));
        }
    }

    #[test]
    fn nobody_is_held_back_any_more_once_the_dispatcher_is_on_time_however_slow_endpoints_are() {
        let spans = u32::try_from(ON_TIME_FOR.as_millis() / SHORT_SPAN.as_millis()).unwrap();
        let mut scene = Scene::held();
        scene.span(100, FOR_LONG, FOR_LONG);
        for _ in 2..2 * spans {
            scene.span(100, FOR_LONG, AT_ONCE);
            assert!(scene.gate.holds(), "on average it was late, or it was on time for too short a time");
        }
        scene.span(100, FOR_LONG, AT_ONCE);
        assert!(!scene.gate.holds());
    }

    #[test]
    fn a_few_attempts_hold_nobody_back() {
        let mut scene = Scene::new();
        scene.now += LONG_SPAN;
        scene.span(ENOUGH - 1, FOR_LONG, FOR_LONG);
        assert!(!scene.gate.holds());
    }

    #[test]
    fn nobody_is_held_back_without_a_dispatcher() {
        let Scene { gate, watch, .. } = Scene::held();
        drop(watch);
        assert!(!gate.holds());
    }

    #[test]
    fn a_few_attempts_are_judged_by_after_a_while() {
        let mut scene = Scene::held();
        scene.span(ENOUGH - 1, AT_ONCE, AT_ONCE);
        assert!(scene.gate.holds());
        scene.now += LONG_SPAN;
        scene.watch.look(scene.now);
        assert!(!scene.gate.holds());
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_longer_than_the_longest_wait() {
        let scene = Scene::held();
        let began = tokio::time::Instant::now();
        assert!(scene.gate.give_way(10_000).await);
        // The timer counts whole milliseconds.
        assert!(began.elapsed() <= LONGEST_WAIT + Duration::from_millis(1));
    }

    #[tokio::test(start_paused = true)]
    async fn publishers_of_shards_that_are_behind_elsewhere_wait_for_a_moment() {
        let gate = Backpressure::default();
        assert_eq!(gate.give_way_elsewhere([3, 4].into_iter()).now_or_never(), Some(false));
        gate.hold_elsewhere(&[4]);
        assert_eq!(gate.give_way_elsewhere([3].into_iter()).now_or_never(), Some(false), "another shard");
        assert_eq!(gate.give_way(1).now_or_never(), Some(false), "nothing waits here");
        let began = tokio::time::Instant::now();
        assert!(gate.give_way_elsewhere([3, 4].into_iter()).await);
        // The timer counts whole milliseconds.
        assert!(began.elapsed() <= LONGEST_WAIT + Duration::from_millis(1));
        gate.0.elsewhere.hold(4, Instant::now());
        assert_eq!(gate.give_way_elsewhere([4].into_iter()).now_or_never(), Some(false), "it is over");
    }

    #[test]
    fn other_nodes_are_told_while_publishers_are_held_back_and_once_they_are_not() {
        let mut scene = Scene::new();
        assert_eq!(scene.watch.next_word(scene.now), None);
        scene.span(100, FOR_LONG, FOR_LONG);
        assert_eq!(scene.watch.next_word(scene.now), Some(true));
        assert_eq!(scene.watch.next_word(scene.now + SAY_EVERY), None, "it is being said");
        scene.watch.said();
        assert_eq!(scene.watch.next_word(scene.now + SAY_EVERY / 2), None, "it counts still");
        assert_eq!(scene.watch.next_word(scene.now + SAY_EVERY), Some(true));
        scene.span(100, AT_ONCE, AT_ONCE);
        assert_eq!(scene.watch.next_word(scene.now), None, "one after another");
        scene.watch.said();
        assert_eq!(scene.watch.next_word(scene.now), Some(false));
        scene.watch.said();
        assert_eq!(scene.watch.next_word(scene.now + SAY_EVERY), None);
    }
}
