//! Reads what lanes ask for. While reads are under way the next ones gather, and go as one: each way to the store and back
//! costs more than what is read.

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use ringback_delivery::{AccountId, LaneRead, LaneRows};
use ringback_store::{Content, Store, StoreError};

use crate::clock::Clock;

use super::attempt::Signing;
use super::endpoints::Endpoints;
use super::trouble::Trouble;

/// Reads under way at once.
const AT_ONCE: usize = 3;
/// How long the lanes wait, whose rows are there, for what their attempts would otherwise read for themselves.
const ENDPOINTS_WITHIN: Duration = Duration::from_millis(250);
/// The portion of a lane that goes at a good pace: from there on bodies are read ahead.
const READ_AHEAD_FROM: u32 = 64;
/// Bodies that are read ahead at once, of all lanes together.
const READ_AHEAD_AT_ONCE: usize = 2048;

/// What lanes have asked for. It is bounded by the engine, by its number of reads at once.
#[derive(Default)]
pub(super) struct Loads {
    waiting: Vec<LaneRead>,
    under_way: usize,
}

impl Loads {
    /// A lane asks for something.
    pub(super) fn ask(&mut self, read: LaneRead) {
        self.waiting.push(read);
    }

    /// What to read now.
    pub(super) fn next(&mut self) -> Option<Vec<LaneRead>> {
        if self.waiting.is_empty() || self.under_way == AT_ONCE {
            return None;
        }
        self.under_way += 1;
        Some(std::mem::take(&mut self.waiting))
    }

    /// One has come back.
    pub(super) fn done(&mut self) {
        self.under_way -= 1;
    }
}

/// What came of it.
pub(super) struct Loaded {
    pub(super) reads: Vec<LaneRead>,
    pub(super) rows: Result<Vec<LaneRows>, StoreError>,
    /// Bodies that are likely to be sent soon, with their positions.
    pub(super) bodies: Vec<(i64, Content)>,
}

/// What it takes to read.
pub(super) struct Loader {
    pub(super) store: Arc<dyn Store>,
    pub(super) endpoints: Arc<Endpoints>,
    pub(super) clock: Clock,
    pub(super) signing: Signing,
    pub(super) trouble: Arc<Trouble>,
}

impl Loader {
    /// Reads, and besides what the first attempts will need: what can't be read of that now is read when it is needed. A
    /// panic is a read that came to nothing, so that the next ones go on.
    pub(super) async fn load(self, reads: Vec<LaneRead>) -> Loaded {
        let asked = reads.clone();
        match AssertUnwindSafe(self.read(reads)).catch_unwind().await {
            Ok(loaded) => loaded,
            Err(_) => {
                tracing::error!("what lanes asked for could not be read: a panic");
                let panicked = StoreError::Unavailable("a read did not end".to_owned());
                Loaded { reads: asked, rows: Err(panicked), bodies: Vec::new() }
            }
        }
    }

    async fn read(self, reads: Vec<LaneRead>) -> Loaded {
        let rows = self.store.load(reads.clone()).await;
        self.trouble.after(&rows).await;
        let mut bodies = Vec::new();
        if let Ok(rows) = &rows {
            // What is not there by then is read by the attempts.
            let _ = tokio::time::timeout(ENDPOINTS_WITHIN, self.look_up_endpoints(rows)).await;
            bodies = self.read_ahead(&reads, rows).await;
        }
        Loaded { reads, rows, bodies }
    }

    /// The endpoints of lanes that have just come into memory with something to send.
    async fn look_up_endpoints(&self, rows: &[LaneRows]) {
        let sends = |rows: &&LaneRows| rows.opening.as_ref().is_some_and(|(standing, _)| standing.sends());
        let waits = |rows: &&LaneRows| !(rows.queue.is_empty() && rows.due.is_empty());
        let accounts: Vec<AccountId> =
            rows.iter().filter(sends).filter(waits).map(|rows| rows.account).collect();
        self.endpoints.look_up(self.store.as_ref(), &self.clock, self.signing, accounts).await;
    }

    /// The bodies of what lanes have read that go at a good pace: one read for many attempts.
    async fn read_ahead(&self, reads: &[LaneRead], rows: &[LaneRows]) -> Vec<(i64, Content)> {
        let going = reads.iter().filter(|read| read.limit >= READ_AHEAD_FROM).map(|read| read.account);
        let going: HashSet<AccountId> = going.collect();
        // Of many lanes the first of each, as many as are sent before the lanes read again.
        let of_each = (READ_AHEAD_AT_ONCE / going.len().max(1)).max(1);
        let fresh = rows
            .iter()
            .filter(|rows| going.contains(&rows.account))
            .flat_map(|rows| rows.queue.iter().take(of_each));
        let positions: Vec<i64> =
            fresh.filter(|(waiting, _)| waiting.due.is_none()).map(|(waiting, _)| waiting.position).collect();
        if positions.is_empty() {
            return Vec::new();
        }
        let contents = self.store.contents(positions.clone()).await.unwrap_or_default();
        positions
            .into_iter()
            .zip(contents)
            .filter_map(|(position, content)| Some((position, content?)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(account: u64) -> LaneRead {
        LaneRead {
            account: format!("{account:010}-00001").parse().unwrap(),
            opening: true,
            after: ringback_delivery::Turn(0),
            limit: 8,
            due_by: None,
            followers: Vec::new(),
        }
    }

    fn accounts(reads: Option<Vec<LaneRead>>) -> Vec<AccountId> {
        reads.into_iter().flatten().map(|read| read.account).collect()
    }

    #[test]
    fn the_first_reads_go_at_once_and_the_next_gather_until_one_is_back() {
        let mut loads = Loads::default();
        for account in 0..AT_ONCE as u64 {
            loads.ask(read(account));
            assert_eq!(accounts(loads.next()), [read(account).account]);
        }
        loads.ask(read(10));
        assert!(loads.next().is_none());
        loads.ask(read(11));
        loads.done();
        assert_eq!(accounts(loads.next()), [read(10).account, read(11).account]);
        assert!(loads.next().is_none());
    }
}
