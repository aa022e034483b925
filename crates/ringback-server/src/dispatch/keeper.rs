//! Keeps this node's shards: renews its lease, takes its share, gives back what is more than that, and hears what other
//! nodes did. Only where a store is shared.
//!
//! What it learns reaches the dispatcher in the order in which it happened, by the inbox. It never adds a shard by a renewal:
//! what was lost by the clock is claimed anew, with another token.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ringback_store::{CommitListener as _, LEASE_TERM, Store};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::clock::Clock;

use super::inbox::{Inbox, News};
use super::lease_clock::Moment;
use super::ownership::Ownership;

/// How often a lease is renewed in its term.
const RENEWALS: u32 = 6;
/// How soon it is tried again after a failure.
const AFTER_FAILURE: Duration = Duration::from_millis(500);
/// How often it is asked what other nodes did, and the least time between two such questions.
const ASK_EVERY: Duration = Duration::from_millis(250);
const ASK_NOT_WITHIN: Duration = Duration::from_millis(10);

/// The tasks; they end when this is dropped.
pub(super) struct Keeper {
    tasks: JoinSet<()>,
    give_back: mpsc::UnboundedSender<Vec<u16>>,
}

impl Keeper {
    /// Starts to keep shards, where the store is shared.
    pub(super) fn start(
        store: Arc<dyn Store>,
        ownership: Arc<Ownership>,
        inbox: Arc<Inbox>,
        clock: Clock,
    ) -> Self {
        let (give_back, to_give_back) = mpsc::unbounded_channel();
        let mut tasks = JoinSet::new();
        if ownership.is_shared() {
            let leases =
                Leases { store: store.clone(), ownership: ownership.clone(), inbox: inbox.clone(), clock };
            tasks.spawn(leases.keep(to_give_back));
            tasks.spawn(listen(store, ownership, inbox));
        }
        Self { tasks, give_back }
    }

    /// Has shards given back for which nothing is under way.
    pub(super) fn give_back(&self, shards: Vec<u16>) {
        // Nobody is there when the keeper has ended.
        let _ = self.give_back.send(shards);
    }

    /// Takes no more, and renews no more.
    pub(super) async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

struct Leases {
    store: Arc<dyn Store>,
    ownership: Arc<Ownership>,
    inbox: Arc<Inbox>,
    clock: Clock,
}

impl Leases {
    async fn keep(self, mut to_give_back: mpsc::UnboundedReceiver<Vec<u16>>) {
        let mut in_trouble = false;
        loop {
            let wait = match self.renew().await {
                Ok(wait) => {
                    in_trouble = false;
                    wait
                }
                Err(error) => {
                    if !std::mem::replace(&mut in_trouble, true) {
                        tracing::error!(%error, "the lease can't be renewed; trying on");
                    }
                    AFTER_FAILURE
                }
            };
            let next = Instant::now() + wait;
            while let Ok(Some(shards)) = tokio::time::timeout_at(next.into(), to_give_back.recv()).await {
                tracing::info!(shards = shards.len(), "giving shards back");
                if let Err(error) = self.store.give_back(shards).await {
                    // The next renewal gives them back.
                    tracing::warn!(%error, "shards could not be given back yet");
                }
            }
        }
    }

    /// Renews, and takes or gives up what the share says; when to come again.
    async fn renew(&self) -> Result<Duration, ringback_store::StoreError> {
        let sent = Moment::now();
        let beat = self.store.beat().await?;
        self.clock.follow(beat.now);
        let lost: Vec<u16> = self
            .ownership
            .held()
            .into_iter()
            .filter(|shard| {
                let token = self.ownership.token_of(*shard);
                !beat.held.iter().any(|lease| lease.shard == *shard && lease.token == token)
            })
            .collect();
        if !lost.is_empty() {
            self.inbox.tell(News::Lost(lost));
        }
        self.ownership.renewed(sent + beat.term);
        let held = self.ownership.held();
        if held.len() < beat.share {
            self.claim(beat.share - held.len()).await?;
        } else if held.len() > beat.share {
            let excess: Vec<u16> = held.into_iter().skip(beat.share).collect();
            excess.iter().for_each(|shard| self.ownership.set_draining(*shard, true));
            self.inbox.tell(News::Drain);
        } else {
            held.into_iter().for_each(|shard| self.ownership.set_draining(shard, false));
        }
        Ok(beat.term.min(LEASE_TERM) / RENEWALS)
    }

    async fn claim(&self, most: usize) -> Result<(), ringback_store::StoreError> {
        let claimed = self.store.claim(most).await?;
        if claimed.is_empty() {
            return Ok(());
        }
        tracing::info!(shards = claimed.len(), "took shards");
        // First what came before: a shard may be among them that was lost a moment ago.
        let shards = claimed.iter().map(|lease| (lease.shard, lease.token)).collect();
        self.inbox.tell(News::Gained(shards));
        Ok(())
    }
}

/// Hears what other nodes did, several times a second.
async fn listen(store: Arc<dyn Store>, ownership: Arc<Ownership>, inbox: Arc<Inbox>) {
    let mut in_trouble = false;
    loop {
        let asked = Moment::now();
        match store.tidings().await {
            Ok(tidings) => {
                in_trouble = false;
                // Each cell knows of the change before it counts that this was heard.
                for (account, standing) in tidings.standings {
                    inbox.standing_changed(account, standing);
                }
                if !tidings.accepted.is_empty() {
                    inbox.tell(News::Missed(tidings.accepted));
                }
                ownership.heard(asked);
            }
            Err(error) => {
                if !std::mem::replace(&mut in_trouble, true) {
                    tracing::error!(%error, "it can't be heard what other nodes do; nothing starts meanwhile");
                }
            }
        }
        tokio::time::sleep(ASK_NOT_WITHIN).await;
        // A hint may come too early or not at all.
        let _ = tokio::time::timeout(ASK_EVERY, store.hint()).await;
    }
}
