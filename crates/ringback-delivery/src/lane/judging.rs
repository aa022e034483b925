//! What an answer means: to its message, and to the endpoint's health.

use std::time::Duration;

use super::{Lane, Moment};
use crate::health::{Health, Trouble};
use crate::message::{Sequence, Turn};
use crate::outcome::{Class, Outcome};
use crate::schedule::Jitter;
use crate::settlement::{Death, Settlement, Verdict};
use crate::waiting::Waiting;
use crate::window::Phase;

/// How long a lane waits after an attempt could not begin, so that nothing turns in circles until it is told why.
const NOT_STARTED_DELAY: Duration = Duration::from_secs(1);

impl Lane {
    /// An attempt came to its end: decides, and says what to record. Nothing where no attempt was made.
    pub(crate) fn answered(
        &mut self,
        at: &Moment<'_>,
        turn: Turn,
        outcome: &Outcome,
        jitter: Jitter,
    ) -> Option<Settlement> {
        let entry = *self.window.get(turn)?;
        let Phase::Flying { probe } = entry.phase else { return None };
        self.flying -= 1;
        let waiting = entry.waiting;
        let class = outcome.class();
        let overtaken = self.standing.overtakes(waiting.turn, waiting.sequence);
        if class == Class::NotStarted {
            self.start_from = at.now.after(NOT_STARTED_DELAY);
            self.window.land(turn);
            if overtaken {
                self.finish(turn);
                self.sweep.want();
            }
            return None;
        }
        // Whether another message succeeded is asked of the time before this outcome.
        let others_succeeded = waiting.due.is_some() && self.record.successes > waiting.successes;
        self.learn(at, waiting.sequence, outcome, class, probe);
        let verdict = match class {
            _ if self.standing.acknowledges(waiting.turn, waiting.sequence) => Verdict::Delivered,
            Class::Success => Verdict::Delivered,
            _ if overtaken => Verdict::Cancelled,
            Class::Gone | Class::NotStarted => self.again(at, waiting, 0, Duration::ZERO),
            Class::EndpointFailure { retry_after } if others_succeeded => {
                self.charge(at, waiting, retry_after, jitter)
            }
            Class::EndpointFailure { retry_after } => {
                let asked = retry_after.unwrap_or_default().min(at.settings.retry_after_cap);
                self.again(at, waiting, 0, asked.max(at.settings.uncharged_delay))
            }
            Class::MessageFailure { retry_after } => self.charge(at, waiting, retry_after, jitter),
        };
        Some(self.settle(waiting, verdict))
    }

    fn charge(
        &self,
        at: &Moment<'_>,
        waiting: Waiting,
        retry_after: Option<Duration>,
        jitter: Jitter,
    ) -> Verdict {
        match at.settings.retry.delay_after(waiting.charged + 1, jitter) {
            None => Verdict::Dead(Death::Attempts),
            Some(delay) => {
                let asked = retry_after.unwrap_or_default().min(at.settings.retry_after_cap);
                self.again(at, waiting, 1, delay.max(asked))
            }
        }
    }

    /// Another attempt after `delay`, and at the latest when the message's age is full.
    fn again(&self, at: &Moment<'_>, waiting: Waiting, charge: u32, delay: Duration) -> Verdict {
        if self.too_old(&waiting, at.now, at.settings) {
            return Verdict::Dead(Death::Age);
        }
        let due = at.now.after(delay).min(self.full_age_at(&waiting, at.settings).max(at.now));
        Verdict::Retry { due, charged: waiting.charged + charge, successes: self.record.successes }
    }

    pub(super) fn settle(&mut self, waiting: Waiting, verdict: Verdict) -> Settlement {
        self.window.settle(waiting.turn, verdict);
        self.unrecorded += 1;
        if verdict == Verdict::Delivered {
            self.look_for_followers(waiting.key, waiting.turn);
        }
        let Waiting { turn, sequence, attempts, .. } = waiting;
        Settlement { account: self.account, turn, sequence, attempts, verdict }
    }

    /// What an outcome says of the endpoint.
    fn learn(&mut self, at: &Moment<'_>, sequence: Sequence, outcome: &Outcome, class: Class, probe: bool) {
        match class {
            Class::Success => {
                let slots = if self.proven(at) { self.slots } else { 1 };
                self.slots = (slots * 2).min(at.settings.slots);
                self.record.successes += 1;
                self.record_changed = true;
                self.last_success = Some(at.now);
                self.refused.clear();
                if !matches!(self.record.health, Health::Suspended { .. }) {
                    self.record.health = Health::default();
                }
            }
            Class::EndpointFailure { retry_after } => {
                let asked = retry_after.map(|span| span.min(at.settings.retry_after_cap));
                self.endpoint_failed(at, Trouble::of(outcome), asked, probe);
            }
            Class::MessageFailure { .. } => {
                self.refused.insert(sequence);
                if self.refused.len() >= at.settings.refusals_to_failure {
                    self.refused.clear();
                    self.endpoint_failed(at, Some(Trouble::Refusals), None, probe);
                } else if probe {
                    self.endpoint_failed(at, Trouble::of(outcome), None, probe);
                }
            }
            Class::Gone => {
                let since = self.record.health.closed_since().unwrap_or(at.now);
                self.record.health = Health::Suspended { since };
                self.record_changed = true;
            }
            Class::NotStarted => {}
        }
    }

    fn endpoint_failed(
        &mut self,
        at: &Moment<'_>,
        trouble: Option<Trouble>,
        asked: Option<Duration>,
        probe: bool,
    ) {
        let Some(trouble) = trouble else { return };
        self.record_changed = true;
        let (now, settings) = (at.now, at.settings);
        match &mut self.record.health {
            Health::Open { failures } => {
                *failures += 1;
                if *failures >= settings.failures_to_hold || asked.is_some() {
                    let delay = settings.probe_delay(0).max(asked.unwrap_or_default());
                    self.slots = 1;
                    self.record.health =
                        Health::Hold { since: now, failed_probes: 0, probe_at: now.after(delay), trouble };
                }
            }
            Health::Hold { failed_probes, probe_at, trouble: known, .. } => {
                *known = trouble;
                if probe {
                    *failed_probes += 1;
                    *probe_at = now.after(settings.probe_delay(*failed_probes));
                }
                *probe_at = (*probe_at).max(now.after(asked.unwrap_or_default()));
            }
            Health::Suspended { .. } => {}
        }
    }
}
