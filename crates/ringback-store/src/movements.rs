//! What a commit did, for whoever counts.

use std::time::Duration;

/// Movements of the ledger: `accepted + replayed` is what came to be pending, `delivered + dead + cancelled` what ceased to
/// be. They are counted where the rows change, so that they say what is stored and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Movements {
    /// Messages accepted.
    pub accepted: u64,
    /// Messages made pending again.
    pub replayed: u64,
    /// Messages delivered, or acknowledged by their account.
    pub delivered: u64,
    /// Messages given up.
    pub dead: u64,
    /// Messages cancelled.
    pub cancelled: u64,
    /// Outcomes of attempts that were recorded, those that lead to another attempt too.
    pub outcomes: u64,
}

/// One commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Commit {
    /// From the beginning of its transaction until it was on stable storage.
    pub took: Duration,
    /// What it moved.
    pub moved: Movements,
}
