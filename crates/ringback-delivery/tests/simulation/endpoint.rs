//! The account's endpoint, as it behaves now.

use std::collections::BTreeMap;
use std::time::Duration;

use ringback_delivery::{Failure, Outcome, Sequence};

use crate::random::Random;

/// How long the sender waits for an answer.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// How an endpoint answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behaviour {
    Well,
    Slow,
    Status(u16),
    RetryAfter(u16, u64),
    Refuses,
    Hangs,
    /// Well or not, as it happens.
    Flaps,
}

/// See the module.
pub(crate) struct Endpoint {
    pub(crate) behaviour: Behaviour,
    /// Messages that fare differently, whatever the endpoint does.
    pub(crate) poison: BTreeMap<Sequence, Behaviour>,
}

impl Endpoint {
    pub(crate) fn new() -> Self {
        Self { behaviour: Behaviour::Well, poison: BTreeMap::new() }
    }

    /// Changes its ways; `trouble` out of ten times for the worse.
    pub(crate) fn change(&mut self, random: &mut Random, trouble: u64) {
        self.behaviour = if random.below(10) < trouble { bad(random) } else { Behaviour::Well };
        if random.chance(300) {
            self.behaviour = Behaviour::Slow;
        }
    }

    pub(crate) fn poison(&mut self, random: &mut Random, sequence: Sequence) {
        let how = *random.pick(&[
            Behaviour::Status(500),
            Behaviour::Status(404),
            Behaviour::Status(503),
            Behaviour::Refuses,
            Behaviour::Hangs,
        ]);
        self.poison.insert(sequence, how);
    }

    /// What becomes of a message that comes now, and after how long.
    pub(crate) fn answer(&self, random: &mut Random, sequence: Sequence) -> (Duration, Outcome) {
        let behaviour = self.poison.get(&sequence).copied().unwrap_or(self.behaviour);
        let status = |status, retry_after| Outcome::Answered { status, retry_after };
        let quick = random.millis(1, 60);
        match behaviour {
            Behaviour::Well => (quick, status(*random.pick(&[200, 202, 204]), None)),
            Behaviour::Slow => (random.millis(500, 8_000), status(200, None)),
            Behaviour::Status(code) => (quick, status(code, None)),
            Behaviour::RetryAfter(code, seconds) => (quick, status(code, Some(Duration::from_secs(seconds)))),
            Behaviour::Refuses => (quick, Outcome::Failed(Failure::Connect)),
            Behaviour::Hangs => (REQUEST_TIMEOUT, Outcome::Failed(Failure::Timeout)),
            Behaviour::Flaps if random.chance(400) => (quick, status(503, None)),
            Behaviour::Flaps if random.chance(100) => (quick, status(429, Some(Duration::from_secs(3)))),
            Behaviour::Flaps => (quick, status(200, None)),
        }
    }
}

fn bad(random: &mut Random) -> Behaviour {
    let seconds = *random.pick(&[0, 2, 60, 1800, 7200]);
    *random.pick(&[
        Behaviour::Status(500),
        Behaviour::Status(404),
        Behaviour::Status(503),
        Behaviour::Status(503),
        Behaviour::Status(410),
        Behaviour::RetryAfter(503, seconds),
        Behaviour::RetryAfter(429, seconds),
        Behaviour::RetryAfter(500, seconds),
        Behaviour::Refuses,
        Behaviour::Refuses,
        Behaviour::Hangs,
        Behaviour::Hangs,
        Behaviour::Flaps,
        Behaviour::Flaps,
    ])
}
