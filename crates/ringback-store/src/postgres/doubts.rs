//! Commits whose answer was lost: nobody could be told of them, though they may be there.
//!
//! The accounts are noted. Once the database answers again and nobody holds their rows any more, what began there has ended;
//! once the standby has that too, if there is one, the listener hears that it has to look. It hears once more a while later:
//! what was sent on a connection that is given up may still arrive, as long as the way there keeps it.

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ringback_delivery::AccountId;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::ear::Ear;
use super::fault::Fault;
use super::link::args;
use super::pool::Pool;
use super::rows;

/// Accounts in doubt, past which no more may be brought into it.
const MOST: usize = 65_536;
/// Accounts that are looked after at once.
const PORTION: usize = 512;
/// How soon it is tried again after a failure.
const AFTER_FAILURE: Duration = Duration::from_millis(500);
/// When nothing arrives any more of what was sent before.
const LATE: Duration = Duration::from_secs(60);

/// See the module. Its task ends with it.
pub(super) struct Doubts {
    book: Arc<Book>,
    task: tokio::task::AbortHandle,
}

#[derive(Default)]
struct Book {
    noted: Mutex<BTreeSet<AccountId>>,
    wanted: Notify,
    /// Those noted, and those to be looked after once more.
    open: AtomicUsize,
}

impl Doubts {
    pub(super) fn start(pool: Arc<Pool>, ear: Arc<Ear>) -> Self {
        let book = Arc::<Book>::default();
        let task = tokio::spawn(look_after(Arc::clone(&book), pool, ear)).abort_handle();
        Self { book, task }
    }

    /// Something may have been committed for these.
    pub(super) fn note(&self, accounts: impl IntoIterator<Item = AccountId>) {
        let mut noted = self.book.noted.lock().unwrap_or_else(PoisonError::into_inner);
        let before = noted.len();
        noted.extend(accounts);
        self.book.open.fetch_add(noted.len() - before, Ordering::Relaxed);
        self.book.wanted.notify_one();
    }

    /// Whether there are so many that there must not be more.
    pub(super) fn are_too_many(&self) -> bool {
        self.book.open.load(Ordering::Relaxed) >= MOST
    }
}

/// What becomes of a commit is not known yet; should this end so, it is noted.
pub(super) struct Doubt<'a> {
    doubts: &'a Doubts,
    account: Option<AccountId>,
}

impl<'a> Doubt<'a> {
    pub(super) fn of(doubts: &'a Doubts, account: AccountId) -> Self {
        Self { doubts, account: Some(account) }
    }

    pub(super) fn resolve(mut self) {
        self.account = None;
    }
}

impl Drop for Doubt<'_> {
    fn drop(&mut self) {
        if let Some(account) = self.account {
            self.doubts.note([account]);
        }
    }
}

impl Drop for Doubts {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Book {
    /// Some of those noted; nothing when there are none.
    fn take(&self) -> Vec<AccountId> {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        std::iter::from_fn(|| noted.pop_first()).take(PORTION).collect()
    }
}

async fn look_after(book: Arc<Book>, pool: Arc<Pool>, ear: Arc<Ear>) {
    let mut later: VecDeque<(Instant, Vec<AccountId>)> = VecDeque::new();
    loop {
        let first = book.take();
        if !first.is_empty() {
            settle(&pool, &ear, &first).await;
            later.push_back((Instant::now() + LATE, first));
            continue;
        }
        let next = later.front().map(|(when, _)| *when);
        tokio::select! {
            () = book.wanted.notified() => {}
            () = tokio::time::sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {
                if let Some((_, again)) = later.pop_front() {
                    settle(&pool, &ear, &again).await;
                    book.open.fetch_sub(again.len(), Ordering::Relaxed);
                }
            }
        }
    }
}

/// Waits until what began for these has ended, and tells.
async fn settle(pool: &Pool, ear: &Ear, accounts: &[AccountId]) {
    while let Err(fault) = let_others_end(pool, accounts).await {
        let error = fault.into_error();
        tracing::debug!(%error, "what became of a commit can't be found out yet");
        tokio::time::sleep(AFTER_FAILURE).await;
    }
    ear.missed(accounts.to_vec());
}

/// Whoever takes in, or changes a standing, locks the account's row first. Who commits such a lock waits for the standby: a
/// lane is not to send what the primary alone has.
async fn let_others_end(pool: &Pool, accounts: &[AccountId]) -> Result<(), Fault> {
    let mut keys: Vec<(i16, i64)> = accounts.iter().map(|account| rows::key(*account)).collect();
    keys.sort_unstable();
    let (shards, numbers): (Vec<i16>, Vec<i64>) = keys.into_iter().unzip();
    let tx = pool.begin().await?;
    tx.run(
        "SELECT FROM unnest($1, $2) AS i (shard, account)
         CROSS JOIN LATERAL (SELECT FROM ringback.account a
             WHERE a.shard = i.shard AND a.account = i.account FOR SHARE) locked",
        args![INT2_ARRAY shards, INT8_ARRAY numbers],
    )
    .await?;
    tx.commit().await
}
