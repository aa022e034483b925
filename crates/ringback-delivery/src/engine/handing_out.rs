//! Who may send now, and who reads.

use crate::account::AccountId;
use crate::pools::Repute;
use crate::time::Timestamp;

use super::{Command, Engine, Flight, FlightId, Start};

impl Engine {
    /// Hands out what may be sent and read now. Every other call but `accepted`, `discovered` and `standing_changed`
    /// ends with this; after those it is to be called, once for many.
    pub fn pump(&mut self, now: Timestamp) {
        self.heed(now);
        while !self.stopping && self.unrecorded.saturating_sub(self.aside) < self.settings.unrecorded {
            let Some(account) = self.next_sender(now) else { break };
            let launched = self.change(now, account, |lane, at| Some((lane.launch(at)?, lane.repute(at))));
            if let Some((waiting, repute)) = launched.flatten() {
                self.last_flight += 1;
                let flight = FlightId(self.last_flight);
                self.flights.insert(flight, Flight { account, turn: waiting.turn });
                self.pools.enter(flight, now, repute);
                self.commands.push_back(Command::Start(Start { flight, account, waiting }));
            }
            self.touched(now, account);
        }
        self.read_on(now);
        self.rest_some(now);
    }

    /// The lane that has waited longest for a place that is free.
    fn next_sender(&mut self, now: Timestamp) -> Option<AccountId> {
        loop {
            let account = self.senders.next(&self.pools)?;
            if !self.pools.may_start(Repute::Failing) {
                // Its success may be too long ago by now.
                let repute = self.change(now, account, |lane, at| lane.repute(at));
                if let Some(repute) = repute.filter(|repute| !self.pools.may_start(*repute)) {
                    self.senders.queue(account, repute);
                    continue;
                }
            }
            return Some(account);
        }
    }

    /// Whether endpoints that nothing is known of wait for a place.
    pub(super) fn crowded(&self) -> bool {
        self.senders.wait(Repute::Unknown) && !self.pools.may_start(Repute::Unknown)
    }

    fn read_on(&mut self, now: Timestamp) {
        while self.reads < self.settings.reads_at_once && self.read_from <= now {
            let Some(account) = self.readers.pop_front() else { break };
            self.queued_to_read.remove(&account);
            if let Some(read) = self.change(now, account, |lane, at| lane.read(at)).flatten() {
                self.reads += 1;
                self.resting.set(account, None);
                self.commands.push_back(Command::Read(read));
            }
        }
    }
}
