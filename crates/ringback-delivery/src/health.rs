//! What the endpoint has shown: open, on hold, or suspended by 410.

use std::fmt;

use crate::outcome::{Failure, Outcome};
use crate::time::Timestamp;

/// What a lane's owner keeps of a lane between two visits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LaneRecord {
    /// How many attempts have succeeded, ever: the ordinal that tells whether another message succeeded since.
    pub successes: u64,
    /// The endpoint's health.
    pub health: Health,
    /// The last of [`crate::Standing::releases`] that was acted on.
    pub releases_seen: u64,
    /// The last of [`crate::Standing::reinstatements`] that was acted on.
    pub reinstatements_seen: u64,
}

/// An endpoint's health.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// Messages go.
    Open {
        /// Endpoint failures since the last success.
        failures: u32,
    },
    /// Only probes go, one at a time.
    Hold {
        /// Since when nothing but probes went.
        since: Timestamp,
        /// How many probes have failed.
        failed_probes: u32,
        /// When the next probe is due.
        probe_at: Timestamp,
        /// What put it on hold, or failed last.
        trouble: Trouble,
    },
    /// Nothing goes until the account is registered anew or resumed.
    Suspended {
        /// Since when.
        since: Timestamp,
    },
}

impl Default for Health {
    fn default() -> Self {
        Self::Open { failures: 0 }
    }
}

impl Health {
    /// Since when nothing but probes could go; `None` while the lane is open.
    pub fn closed_since(&self) -> Option<Timestamp> {
        match *self {
            Self::Open { .. } => None,
            Self::Hold { since, .. } | Self::Suspended { since } => Some(since),
        }
    }
}

/// What was wrong with an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// It answered with this status.
    Status(u16),
    /// It gave no answer.
    Failure(Failure),
    /// It refused many different messages in a row.
    Refusals,
}

impl Trouble {
    /// The trouble that an outcome shows; `None` for a success or where nothing was sent.
    pub fn of(outcome: &Outcome) -> Option<Self> {
        match *outcome {
            Outcome::Answered { status: 200..=299, .. } | Outcome::NotStarted => None,
            Outcome::Answered { status, .. } => Some(Self::Status(status)),
            Outcome::Failed(failure) => Some(Self::Failure(failure)),
        }
    }

    /// The number that stands for the trouble in a store. It is part of the stored format.
    pub fn number(self) -> u16 {
        match self {
            Self::Status(status) => status,
            Self::Refusals => 1000,
            Self::Failure(failure) => {
                1001 + Failure::ALL.iter().position(|known| *known == failure).unwrap_or(0) as u16
            }
        }
    }

    /// The trouble that [`Trouble::number`] gave this number.
    pub fn from_number(number: u16) -> Option<Self> {
        match number {
            0..1000 => Some(Self::Status(number)),
            1000 => Some(Self::Refusals),
            _ => Failure::ALL.get(usize::from(number - 1001)).map(|failure| Self::Failure(*failure)),
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "it answered {status}"),
            Self::Refusals => f.write_str("it refused many messages in a row"),
            Self::Failure(Failure::Resolve) => f.write_str("its name could not be resolved"),
            Self::Failure(Failure::Policy) => f.write_str("the egress policy refuses its address"),
            Self::Failure(Failure::Connect) => f.write_str("no connection could be made"),
            Self::Failure(Failure::Tls) => f.write_str("the TLS handshake failed"),
            Self::Failure(Failure::Timeout) => f.write_str("it did not answer in time"),
            Self::Failure(Failure::Protocol) => {
                f.write_str("the connection broke before a whole answer came")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_trouble_reads_back_from_its_number() {
        let failures = Failure::ALL.into_iter().map(Trouble::Failure);
        for trouble in failures.chain([Trouble::Status(503), Trouble::Refusals]) {
            assert_eq!(Trouble::from_number(trouble.number()), Some(trouble));
        }
        assert_eq!(Trouble::from_number(2000), None);
    }
}
