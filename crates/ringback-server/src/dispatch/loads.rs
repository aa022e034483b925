//! Reads what lanes ask for, and where their messages go. While reads are under way the next ones gather, and go as one:
//! each way to the store and back costs more than what is read.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use ringback_delivery::{AccountId, LaneRead, LaneRows, Start};
use ringback_store::{Content, Store, StoreError};

use crate::clock::Clock;

use super::attempt::Signing;
use super::bodies::Bodies;
use super::endpoints::Endpoints;
use super::guarded::{Panicked, or_panic};
use super::trouble::Trouble;

/// Reads under way at once.
const AT_ONCE: usize = 3;
/// How long is waited for what attempts would otherwise read for themselves.
const ENDPOINTS_WITHIN: Duration = Duration::from_millis(250);
/// The portion of a lane that goes at a good pace: from there on bodies are read ahead.
const READ_AHEAD_FROM: u32 = 64;
/// Bodies that are read ahead at once, of all lanes together.
const READ_AHEAD_AT_ONCE: usize = 2048;

/// What is to be read, until it goes. It is bounded by the engine: by its number of reads at once, and of requests.
pub(super) struct Gathered<T> {
    waiting: Vec<T>,
    under_way: usize,
}

impl<T> Default for Gathered<T> {
    fn default() -> Self {
        Self { waiting: Vec::new(), under_way: 0 }
    }
}

impl<T> Gathered<T> {
    /// Something is to be read.
    pub(super) fn ask(&mut self, what: T) {
        self.waiting.push(what);
    }

    /// What to read now.
    pub(super) fn next(&mut self) -> Option<Vec<T>> {
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

/// A message that is to be sent, and where to is not known yet.
pub(super) type Unaddressed = (Start, Content);

/// What came of it.
pub(super) struct Loaded {
    pub(super) rows: Vec<LaneRows>,
    /// What could not be read, as nothing could be.
    pub(super) failed: Vec<LaneRead>,
    /// What can't be read, where other lanes can, and why.
    pub(super) damaged: Vec<(LaneRead, String)>,
    /// Bodies that are likely to be sent soon, with their positions.
    pub(super) bodies: Vec<(i64, Content)>,
}

/// The lanes that can't be read where others can. Says once of each that it can't be, and once that it can again.
#[derive(Default)]
pub(super) struct Unreadable(BTreeSet<AccountId>);

impl Unreadable {
    pub(super) fn failed(&mut self, account: AccountId, reason: &str) {
        if self.0.insert(account) {
            tracing::error!(%account, reason, "an account can't be read; it stands still until it can be");
        }
    }

    pub(super) fn succeeded(&mut self, account: AccountId) {
        if !self.0.is_empty() && self.0.remove(&account) {
            tracing::info!(%account, "an account can be read again");
        }
    }

    /// These are another node's.
    pub(super) fn lost(&mut self, of: impl Fn(AccountId) -> bool) {
        self.0.retain(|account| !of(*account));
    }
}

/// What it takes to read.
pub(super) struct Loader {
    pub(super) store: Arc<dyn Store>,
    pub(super) endpoints: Arc<Endpoints>,
    pub(super) bodies: Arc<Bodies>,
    pub(super) clock: Clock,
    pub(super) signing: Signing,
    pub(super) trouble: Arc<Trouble>,
}

impl Loader {
    /// Reads, and besides what the first attempts will need: what can't be read of that now is read when it is needed. A
    /// panic is a read that came to nothing, so that the next ones go on.
    pub(super) async fn load(self, reads: Vec<LaneRead>) -> Loaded {
        let asked = reads.clone();
        match or_panic(self.read(reads)).await {
            Ok(loaded) => loaded,
            Err(Panicked) => {
                tracing::error!("what lanes asked for could not be read: a panic");
                Loaded { rows: Vec::new(), failed: asked, damaged: Vec::new(), bodies: Vec::new() }
            }
        }
    }

    /// Reads where these go. What could not be read here is read by the attempts, each for itself.
    pub(super) async fn address(self, starts: Vec<Unaddressed>) -> Vec<Unaddressed> {
        let accounts: BTreeSet<AccountId> = starts.iter().map(|(start, _)| start.account).collect();
        self.look_up(accounts.into_iter().collect()).await;
        starts
    }

    async fn read(self, reads: Vec<LaneRead>) -> Loaded {
        let read = self.store.load(reads.clone()).await;
        let (mut rows, mut failed, mut damaged) = (Vec::new(), Vec::new(), Vec::new());
        match read {
            Err(StoreError::Damaged(_)) if reads.len() > 1 => {
                // One by one, and at once: what is damaged must not hold up the others.
                for (at, read) in reads.iter().enumerate() {
                    match self.store.load(vec![read.clone()]).await {
                        Ok(read) => rows.extend(read),
                        Err(StoreError::Damaged(reason)) => damaged.push((read.clone(), reason)),
                        Err(error) => {
                            // The others would only wait for it as long.
                            self.trouble.failed(&error);
                            failed.extend_from_slice(&reads[at..]);
                            break;
                        }
                    }
                }
                if rows.is_empty() {
                    // It is the store that can't be read, rather than some lanes.
                    let damaged = std::mem::take(&mut damaged);
                    damaged.first().iter().for_each(|(_, reason)| {
                        self.trouble.failed(&StoreError::Damaged(reason.clone()));
                    });
                    failed.extend(damaged.into_iter().map(|(read, _)| read));
                }
            }
            Err(StoreError::Damaged(reason)) => {
                damaged.extend(reads.iter().map(|read| (read.clone(), reason.clone())));
            }
            read => {
                self.trouble.after(&read).await;
                match read {
                    Ok(read) => rows = read,
                    Err(_) => failed = reads.clone(),
                }
            }
        }
        self.look_up(openings(&rows)).await;
        let bodies = self.read_ahead(&reads, &rows).await;
        Loaded { rows, failed, damaged, bodies }
    }

    /// The endpoints of these. What is not there in time is read by the attempts, and this goes on beside them.
    async fn look_up(&self, accounts: Vec<AccountId>) {
        if accounts.is_empty() {
            return;
        }
        let (store, endpoints) = (self.store.clone(), self.endpoints.clone());
        let (clock, signing) = (self.clock.clone(), self.signing);
        let look_up = tokio::spawn(async move {
            endpoints.look_up(store.as_ref(), &clock, signing, accounts).await;
        });
        let _ = tokio::time::timeout(ENDPOINTS_WITHIN, look_up).await;
    }

    /// The bodies of what lanes have read that go at a good pace, but for those in memory: one read for many attempts.
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
        let positions = self.bodies.lacking(positions);
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

/// The lanes that have just come into memory with something to send.
fn openings(rows: &[LaneRows]) -> Vec<AccountId> {
    let sends = |rows: &&LaneRows| rows.opening.as_ref().is_some_and(|(standing, _)| standing.sends());
    let waits = |rows: &&LaneRows| !(rows.queue.is_empty() && rows.due.is_empty());
    rows.iter().filter(sends).filter(waits).map(|rows| rows.account).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use ringback_store::sqlite::{SqliteOptions, SqliteStore};

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

    #[tokio::test]
    async fn a_lane_that_is_damaged_stops_no_other_that_is_read_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db");
        let store = Arc::new(SqliteStore::open(SqliteOptions::server(path.clone())).unwrap());
        let reads = [read(1), read(2), read(3)];
        let database = rusqlite::Connection::open(path).unwrap();
        let damage = |read: &LaneRead| {
            let sql = "INSERT INTO lane (account, health) VALUES (?1, 9)";
            assert_eq!(database.execute(sql, [read.account.number()]).unwrap(), 1);
        };
        damage(&reads[1]);
        let loader = || Loader {
            store: store.clone(),
            endpoints: Arc::default(),
            bodies: Arc::new(Bodies::new(0)),
            clock: Clock::system(),
            signing: Signing::Hmac,
            trouble: Arc::default(),
        };
        let loaded = loader().load(reads.to_vec()).await;
        let found: Vec<AccountId> = loaded.rows.iter().map(|rows| rows.account).collect();
        assert_eq!(found, [reads[0].account, reads[2].account]);
        assert!(matches!(&loaded.damaged[..], [(read, _)] if *read == reads[1]));
        assert!(loaded.failed.is_empty(), "the others read on meanwhile");

        // Where none of several can be read, it is not for a lane of its own.
        damage(&reads[0]);
        damage(&reads[2]);
        let loaded = loader().load(reads.to_vec()).await;
        assert_eq!(loaded.failed, reads);
        assert!(loaded.rows.is_empty() && loaded.damaged.is_empty());
        let loaded = loader().load(vec![reads[0].clone()]).await;
        assert_eq!((loaded.damaged.len(), loaded.failed.len()), (1, 0));
    }

    #[test]
    fn the_first_reads_go_at_once_and_the_next_gather_until_one_is_back() {
        let mut loads = Gathered::default();
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
