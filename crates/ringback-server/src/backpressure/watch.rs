//! The dispatcher's side: how long messages wait before their first attempt, and what follows from that.

use std::time::{Duration, Instant};

use super::Backpressure;

/// A message waits long that waits for longer before its first attempt: in a store of this process, and in one that is a server
/// of its own. There it takes longer until those who were let in are committed, and callbacks must not run out meanwhile.
pub(super) const LONG: Duration = Duration::from_millis(5);
pub(super) const LONG_IF_SHARED: Duration = Duration::from_millis(20);
/// The dispatcher is late if it hears of commits so long after them, on average.
pub(super) const LATE: Duration = Duration::from_micros(200);
/// First attempts that are enough to judge by, once they took [`SHORT_SPAN`]; fewer are judged by after [`LONG_SPAN`].
pub(super) const ENOUGH: u32 = 8;
pub(super) const SHORT_SPAN: Duration = Duration::from_millis(5);
pub(super) const LONG_SPAN: Duration = Duration::from_millis(50);
/// Nobody is held back any more when the dispatcher was on time for so long, on average: some news are always on time.
pub(super) const ON_TIME_FOR: Duration = Duration::from_millis(250);
/// First attempts for each message that is let in while publishers are held back.
pub(super) const ATTEMPTS_FOR_ONE: usize = 2;
/// Publishers are let in by so many messages at once, so that they share a commit; by fewer after [`SHORT_SPAN`].
pub(super) const BUNCH: usize = 32;
/// How often other nodes are told that publishers are held back, while they are: it counts for half a second.
pub(super) const SAY_EVERY: Duration = Duration::from_millis(200);

/// The dispatcher's side: what it has seen in this span.
pub(crate) struct Watch {
    gate: Backpressure,
    long_wait: Duration,
    since: Instant,
    /// First attempts, and those of them for which a message had waited long.
    attempts: u32,
    long: u32,
    news: News,
    /// The same since publishers are held back, by stretches of [`ON_TIME_FOR`].
    held_since: Instant,
    held_news: News,
    /// First attempts for which nobody has been let in yet.
    unspent: usize,
    /// When publishers were let in last.
    let_in_at: Instant,
    said: Said,
}

/// What other nodes were told last.
#[derive(Default)]
struct Said {
    /// When it was said that publishers are held back; none where it was said that they are not.
    behind_at: Option<Instant>,
    /// It is being said.
    under_way: bool,
}

/// News of commits, and how late they were in all.
#[derive(Default)]
struct News {
    count: u32,
    late: Duration,
}

impl News {
    fn hear(&mut self, after: Duration) {
        self.count += 1;
        self.late += after;
    }

    fn are_late(&self) -> bool {
        self.late > LATE * self.count
    }
}

/// Without a dispatcher nobody is held back.
impl Drop for Watch {
    fn drop(&mut self) {
        self.gate.open();
    }
}

impl Watch {
    pub(crate) fn new(gate: Backpressure, is_shared: bool, now: Instant) -> Self {
        Self {
            gate,
            long_wait: if is_shared { LONG_IF_SHARED } else { LONG },
            since: now,
            attempts: 0,
            long: 0,
            news: News::default(),
            held_since: now,
            held_news: News::default(),
            unspent: 0,
            let_in_at: now,
            said: Said::default(),
        }
    }

    /// A commit was heard of, so long after it.
    pub(crate) fn heard(&mut self, after: Duration) {
        self.news.hear(after);
        self.held_news.hear(after);
    }

    /// A message's first attempt starts, so long after it was accepted.
    pub(crate) fn starts(&mut self, after: Duration) {
        self.attempts += 1;
        self.long += u32::from(after > self.long_wait);
        self.unspent += 1;
    }

    /// When [`Watch::look`] is to be called again, if nothing happens before.
    pub(crate) fn look_within(&self) -> Option<Duration> {
        self.gate.holds().then_some(SHORT_SPAN)
    }

    /// Lets publishers in as attempts have started, and judges where there is enough to judge by.
    pub(crate) fn look(&mut self, now: Instant) {
        let held = self.gate.holds();
        if held {
            if self.unspent >= BUNCH * ATTEMPTS_FOR_ONE || now.duration_since(self.let_in_at) >= SHORT_SPAN {
                self.gate.let_in(self.unspent / ATTEMPTS_FOR_ONE);
                self.unspent %= ATTEMPTS_FOR_ONE;
                self.let_in_at = now;
            }
        } else {
            self.unspent = 0;
        }
        let took = now.duration_since(self.since);
        let enough = self.attempts >= ENOUGH;
        if took < SHORT_SPAN || (!enough && took < LONG_SPAN) {
            return;
        }
        let behind = self.attempts > 0 && self.long * 2 > self.attempts;
        if held && (!behind || self.was_on_time(now)) {
            self.gate.open();
        } else if !held && behind && enough && self.news.are_late() {
            self.gate.hold();
            (self.held_since, self.held_news) = (now, News::default());
            self.let_in_at = now;
        }
        self.begin_span(now);
    }

    /// What is to be said to other nodes now, if anything: whether publishers are held back.
    pub(crate) fn next_word(&mut self, now: Instant) -> Option<bool> {
        let behind = self.gate.holds();
        let known = match self.said.behind_at {
            Some(at) => behind && now.duration_since(at) < SAY_EVERY,
            None => !behind,
        };
        if known || self.said.under_way {
            return None;
        }
        self.said = Said { behind_at: behind.then_some(now), under_way: true };
        Some(behind)
    }

    /// They were told.
    pub(crate) fn said(&mut self) {
        self.said.under_way = false;
    }

    /// Whether a stretch is over in which the dispatcher was on time.
    fn was_on_time(&mut self, now: Instant) -> bool {
        if now.duration_since(self.held_since) < ON_TIME_FOR {
            return false;
        }
        let news = std::mem::take(&mut self.held_news);
        self.held_since = now;
        news.count > 0 && !news.are_late()
    }

    fn begin_span(&mut self, now: Instant) {
        self.since = now;
        (self.attempts, self.long) = (0, 0);
        self.news = News::default();
    }
}
