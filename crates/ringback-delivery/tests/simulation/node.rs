//! A node: an engine and what drives it, as the dispatcher of `ringback-server` does.

use std::collections::{BTreeMap, VecDeque};

use ringback_delivery::{
    AccountId, Command, EmptyLane, Engine, FlightId, LaneUpdate, Settlement, Standing, Start, Timestamp,
    Turn, Waiting,
};

use crate::scene::{GROUPS, group};

/// News of a commit, on their way to the engine.
#[derive(Debug, Clone)]
pub(crate) enum News {
    /// With the lane before, where the scene has it and nothing else waited.
    Accepted(AccountId, Waiting, Option<(u64, EmptyLane)>),
    Standing(AccountId, u64, Standing),
    /// Something was accepted by another node: how far the account's queue goes by it.
    Reaches(AccountId, Turn),
    /// There were news of this account, and they were lost.
    Lost(AccountId),
}

/// A lease as the node knows it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Held {
    pub(crate) token: u64,
    /// Until when, counted from before the renewal was sent.
    pub(crate) until: Timestamp,
    /// Names this stretch of ownership by this incarnation.
    pub(crate) tenure: u64,
}

/// What is recorded in one commit.
#[derive(Debug, Clone, Default)]
pub(crate) struct Batch {
    pub(crate) settlements: Vec<Settlement>,
    pub(crate) lanes: Vec<LaneUpdate>,
}

impl Batch {
    pub(crate) fn is_empty(&self) -> bool {
        self.settlements.is_empty() && self.lanes.is_empty()
    }

    /// Takes out what belongs to these groups.
    pub(crate) fn split_off(&mut self, groups: &[usize]) -> Self {
        let of = |account: AccountId| groups.contains(&group(account));
        let (refused, rest) = self.settlements.drain(..).partition(|settlement| of(settlement.account));
        let (refused_lanes, rest_lanes) = self.lanes.drain(..).partition(|update| of(update.account));
        *self = Self { settlements: rest, lanes: rest_lanes };
        Self { settlements: refused, lanes: refused_lanes }
    }

    pub(crate) fn turns(&self) -> Vec<(AccountId, Turn)> {
        self.settlements.iter().map(|settlement| (settlement.account, settlement.turn)).collect()
    }
}

/// What a node saw of the standings when it last read the change cursor.
#[derive(Debug, Default)]
pub(crate) struct Cursor {
    /// When that read was sent.
    pub(crate) read_at: Option<Timestamp>,
    pub(crate) seen: BTreeMap<AccountId, (u64, Standing)>,
}

/// See the module.
pub(crate) struct Node {
    /// Raised by a crash: what belongs to an earlier life comes to nothing.
    pub(crate) life: u64,
    pub(crate) engine: Option<Engine>,
    /// It does nothing until then, and does not know that.
    pub(crate) frozen_until: Timestamp,
    pub(crate) held: [Option<Held>; GROUPS],
    pub(crate) news: VecDeque<(Timestamp, News)>,
    pub(crate) flights: BTreeMap<FlightId, (Start, u64)>,
    pub(crate) gathered: Batch,
    pub(crate) recording: Option<Batch>,
    pub(crate) to_discover: VecDeque<AccountId>,
    pub(crate) cursor: Cursor,
}

impl Node {
    pub(crate) fn new() -> Self {
        Self {
            life: 0,
            engine: None,
            frozen_until: Timestamp::default(),
            held: [None; GROUPS],
            news: VecDeque::new(),
            flights: BTreeMap::new(),
            gathered: Batch::default(),
            recording: None,
            to_discover: VecDeque::new(),
            cursor: Cursor::default(),
        }
    }

    pub(crate) fn engine(&mut self) -> &mut Engine {
        self.engine.as_mut().expect("a node that is up has an engine")
    }

    pub(crate) fn next_command(&mut self) -> Option<Command> {
        self.engine.as_mut()?.next_command()
    }

    pub(crate) fn owns(&self, account: AccountId) -> bool {
        self.held[group(account)].is_some()
    }

    /// The stretch of ownership that an account is in; 0 when there is none.
    pub(crate) fn tenure(&self, account: AccountId) -> u64 {
        self.held[group(account)].map_or(0, |held| held.tenure)
    }

    /// Ends with all that was only in memory.
    pub(crate) fn die(&mut self) {
        *self = Self { life: self.life + 1, ..Self::new() };
    }
}
