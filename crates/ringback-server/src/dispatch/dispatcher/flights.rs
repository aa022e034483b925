//! Attempts: each has its body, then its endpoint, then is under way, and ends.

use std::time::Instant;

use ringback_delivery::{FlightId, Jitter, Outcome, Start};
use ringback_store::{Attempt, Content, StoreError};

use super::{Event, Running};

/// What is known of an attempt under way.
pub(super) struct UnderWay {
    shard: u16,
    /// The shard's token as the engine decided.
    token: u64,
    /// When the message was committed, where this is its first attempt and it did not have to be read back.
    committed: Option<Instant>,
}

impl Running {
    /// Begins what the engine decided, as far as it can without its body; gives it back where that has to be read.
    pub(super) fn send_off(&mut self, start: Start) -> Option<Start> {
        if !self.ownership.is_open(start.account.shard()) {
            self.not_started(start);
            return None;
        }
        let is_first = start.waiting.attempts == 1 && !start.waiting.replay;
        let (content, committed) = self.bodies.take(start.waiting.position).unzip();
        let committed = committed.flatten().filter(|_| is_first);
        if let Some(committed) = committed {
            let waited = committed.elapsed();
            self.metrics.handed_off_in(waited);
            self.watch.starts(waited);
        } else if is_first {
            self.watch.starts(self.clock.now().since(start.waiting.accepted_at));
        }
        self.take_off(&start, committed);
        let Some(content) = content else { return Some(start) };
        self.start(start, content);
        None
    }

    /// Bodies were read, or could not be.
    pub(super) fn embodied(
        &mut self,
        starts: Vec<Start>,
        contents: Result<Vec<Option<Content>>, StoreError>,
    ) {
        let contents = match contents {
            Ok(contents) => contents,
            Err(error) => {
                self.trouble.failed(&error);
                starts.into_iter().for_each(|start| self.not_started(start));
                return;
            }
        };
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

    fn start(&mut self, start: Start, content: Content) {
        if self.endpoints.know(start.account) {
            self.attempt(start, content);
        } else {
            self.unaddressed.ask((start, content));
        }
    }

    pub(super) fn attempt(&mut self, start: Start, content: Content) {
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

    pub(super) fn answered(&mut self, flight: FlightId, attempt: Attempt) {
        let outcome = attempt.outcome.clone();
        self.metrics.attempted(&outcome, attempt.duration);
        let landed = self.land(flight);
        let committed = landed.as_ref().and_then(|flight| flight.committed);
        if let Some(committed) = committed.filter(|_| matches!(outcome, Outcome::Answered { .. })) {
            self.metrics.first_answered_in(committed.elapsed());
        }
        // Where nothing was attempted, or the lane is another node's by now, nothing is recorded.
        let own = |flight: &UnderWay| self.ownership.token_of(flight.shard) == flight.token;
        if outcome != Outcome::NotStarted && landed.as_ref().is_some_and(own) {
            self.answers.insert(flight, attempt);
        }
        self.engine.answered(self.clock.now(), flight, &outcome, Jitter::new(fastrand::f64()));
    }
}
