//! What whoever runs the engine is to do.

use crate::account::AccountId;
use crate::message::Turn;
use crate::settlement::{LaneUpdate, Settlement};
use crate::standing::Standing;
use crate::waiting::{LaneRead, Waiting};

/// Names one attempt while it is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlightId(pub(super) u64);

/// What whoever runs the engine is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Read this, and tell [`super::Engine::loaded`].
    Read(LaneRead),
    /// Begin an attempt, unless the account has cancelled the message meanwhile, and tell [`super::Engine::answered`].
    Start(Start),
    /// Record this, and tell [`super::Engine::recorded`]. With the attempt that led to it, if one did.
    Settle(Option<FlightId>, Settlement),
    /// Record this lane's record with the settlements before it.
    Keep(LaneUpdate),
    /// Settle a step of what the account cancelled or acknowledged by this standing, the newest that the lane knows, but
    /// for these; tell [`super::Engine::swept`].
    Sweep(AccountId, Standing, Vec<Turn>),
    /// Make a step of what was tried due now; tell [`super::Engine::hastened`].
    Hasten(AccountId),
    /// The lane left memory: what is kept for its sake may go too.
    Forget(AccountId),
}

/// An attempt to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    /// Its name.
    pub flight: FlightId,
    /// Whose message.
    pub account: AccountId,
    /// The message; its `attempts` count this one.
    pub waiting: Waiting,
}
