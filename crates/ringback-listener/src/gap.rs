//! Which messages did not come.
//!
//! An account's messages bear consecutive numbers. Messages of different upgrades are delivered in parallel, and one that
//! fails is tried again later, so that short gaps are normal; a number that is missing for [`DEFAULT_GAP_WAIT`] is worth
//! telling. [`GapDetector`] is the bookkeeping, without a clock; [`Gaps`] tells a listener's gaps as they fall due.

mod account;
mod detector;
mod gaps;

use std::fmt;
use std::time::Duration;

pub use detector::GapDetector;
pub(crate) use gaps::GapWatch;
pub use gaps::Gaps;

/// How long a number has to be missing before it is told.
pub const DEFAULT_GAP_WAIT: Duration = Duration::from_secs(60);
/// Gaps that are known of an account at the same time; beyond that its two lowest are taken for one, with what lies between.
pub const DEFAULT_MAX_GAPS: usize = 256;
/// Accounts that are watched; the messages of others are handled, and their gaps not seen.
pub const DEFAULT_MAX_ACCOUNTS: usize = 10_000;

/// Numbers of an account that did not come: `first` to `last`, both of them included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The account, `##########-#####`.
    pub account: String,
    /// The first number that is missing.
    pub first: u64,
    /// The last number that is missing.
    pub last: u64,
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { account, first, last } = self;
        if first == last {
            write!(f, "{account}: {first}")
        } else {
            write!(f, "{account}: {first} to {last}")
        }
    }
}

/// How gaps are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GapSettings {
    /// How long a number has to be missing: [`DEFAULT_GAP_WAIT`].
    pub wait: Duration,
    /// Gaps of an account at most, at least 1: [`DEFAULT_MAX_GAPS`].
    pub max_gaps: usize,
    /// Accounts at most: [`DEFAULT_MAX_ACCOUNTS`].
    pub max_accounts: usize,
}

impl Default for GapSettings {
    fn default() -> Self {
        Self { wait: DEFAULT_GAP_WAIT, max_gaps: DEFAULT_MAX_GAPS, max_accounts: DEFAULT_MAX_ACCOUNTS }
    }
}
