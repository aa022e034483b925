//! Telling operators: a lane on hold, recovered, suspended; a message dead.
//!
//! The cast: `watch` sees from what was recorded that something happened; [`Events`] says it in the log, and hands it on
//! where somebody wants to be told; the `teller` lets one of a kind for an account pass in ten minutes (`throttle`), writes
//! it and sends it, by the sender and the egress policy that callbacks go by.
//!
//! The promise: an event tells of what is recorded. It never holds up what it tells of: the queue is bounded, and what
//! finds no place in it is counted and let go, as is what could not be sent after a bounded number of attempts.

mod teller;
mod throttle;
mod watch;

use std::sync::{Arc, Mutex, PoisonError};

use ringback_delivery::{AccountId, Death, LaneRecord, LaneUpdate, Sequence, Timestamp, Trouble, Verdict};
use ringback_store::Settled;
use tokio::sync::mpsc;

use crate::metrics::{Metrics, Told};
use watch::Watch;

pub use teller::{Teller, TellerSettings};

/// Events that wait to be told; more are let go.
const QUEUE: usize = 1024;

/// Something that happened to a lane or a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    OnHold(Trouble),
    Recovered,
    Suspended,
    Dead(Sequence, Death),
}

/// That, to whom, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Happening {
    pub(crate) account: AccountId,
    pub(crate) what: What,
    pub(crate) at: Timestamp,
}

/// What sees that something happened. A clone is the same.
#[derive(Clone, Default)]
pub struct Events(Arc<Inner>);

#[derive(Default)]
struct Inner {
    watch: Mutex<Watch>,
    told: Option<(mpsc::Sender<Happening>, Metrics)>,
    lost: std::sync::atomic::AtomicU64,
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Events")
    }
}

impl Events {
    /// Events that are said in the log, and come out at the other end.
    pub(crate) fn told(metrics: Metrics) -> (Self, mpsc::Receiver<Happening>) {
        let (told, queue) = mpsc::channel(QUEUE);
        (Self(Arc::new(Inner { told: Some((told, metrics)), ..Inner::default() })), queue)
    }

    /// A lane came into memory as it is recorded.
    pub(crate) fn loaded(&self, account: AccountId, record: &LaneRecord) {
        self.watch().loaded(account, record);
    }

    /// A lane left memory.
    pub(crate) fn forgotten(&self, account: AccountId) {
        self.watch().forgotten(account);
    }

    /// This was recorded.
    pub(crate) fn recorded(&self, at: Timestamp, settled: &[Settled], lanes: &[LaneUpdate]) {
        let dead = settled.iter().filter_map(|settled| match settled.settlement.verdict {
            Verdict::Dead(death) => {
                let settlement = &settled.settlement;
                Some((settlement.account, What::Dead(settlement.sequence, death)))
            }
            _ => None,
        });
        let mut watch = self.watch();
        let changed = lanes.iter().filter_map(|lane| Some((lane.account, watch.kept(lane)?)));
        let happened: Vec<_> = dead.chain(changed).collect();
        drop(watch);
        for (account, what) in happened {
            self.happened(Happening { account, what, at });
        }
    }

    fn happened(&self, happening: Happening) {
        let account = happening.account;
        match happening.what {
            What::OnHold(trouble) => tracing::info!(%account, reason = %trouble, "a lane is on hold"),
            What::Recovered => tracing::info!(%account, "a lane recovered"),
            What::Suspended => tracing::info!(%account, "a lane is suspended: its endpoint answered 410"),
            What::Dead(sequence, death) => {
                tracing::info!(%account, sequence = sequence.0, reason = reason(death), "a message is dead");
            }
        }
        if let Some((told, metrics)) = &self.0.told
            && told.try_send(happening).is_err()
        {
            metrics.told(Told::Dropped);
            let lost = self.0.lost.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
            if lost.is_power_of_two() {
                tracing::warn!(lost, "events are let go: more happens than can be told");
            }
        }
    }

    fn watch(&self) -> std::sync::MutexGuard<'_, Watch> {
        self.0.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a message was given up.
fn reason(death: Death) -> &'static str {
    match death {
        Death::Attempts => "its last attempt failed",
        Death::Age => "it grew too old",
    }
}
