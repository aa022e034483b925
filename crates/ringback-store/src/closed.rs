//! Why nothing of an account is sent, if nothing is.

use ringback_delivery::{Health, LaneRecord, Standing, Timestamp, Trouble};

/// What keeps all of an account's messages waiting. Where several things do, the first of these that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closed {
    /// There is nowhere to send to.
    Unregistered {
        /// Whether messages are kept all the same, to be pulled.
        pull: bool,
    },
    /// An operator paused it.
    Paused {
        /// Since when.
        since: Timestamp,
    },
    /// Its endpoint is in trouble: one probe goes at a time.
    OnHold {
        /// Since when.
        since: Timestamp,
        /// When the next probe is due.
        probe_at: Timestamp,
        /// What put it on hold, or failed last.
        trouble: Trouble,
    },
    /// Its endpoint answered 410.
    Suspended {
        /// Since when.
        since: Timestamp,
    },
}

impl Closed {
    /// What closes an account of this standing, whose lane was left like this; `None` for one that is open.
    pub fn of(standing: &Standing, lane: &LaneRecord) -> Option<Self> {
        if !standing.registered {
            return Some(Self::Unregistered { pull: standing.pull });
        }
        if let Some(since) = standing.pause.since {
            return Some(Self::Paused { since });
        }
        match health(standing, lane) {
            Health::Open { .. } => None,
            Health::Hold { since, probe_at, trouble, .. } => Some(Self::OnHold { since, probe_at, trouble }),
            Health::Suspended { since } => Some(Self::Suspended { since }),
        }
    }
}

/// A lane's health, as far as nothing has released it since that was recorded.
pub(crate) fn health(standing: &Standing, lane: &LaneRecord) -> Health {
    match lane.health {
        Health::Hold { .. } if lane.releases_seen != standing.releases => Health::default(),
        Health::Suspended { .. } if lane.reinstatements_seen != standing.reinstatements => Health::default(),
        health => health,
    }
}
