//! The writer: the one thread that changes the database, by group commit.
//!
//! Its day: wait for a job; take all that gathered meanwhile; run everything in one transaction; commit; tell the
//! listener; answer everyone; and again. While a commit waits for the disk the next batch gathers by itself, so no one
//! waits for company.
//!
//! Who writes gives the database a new *stamp*, by which a copy (`postgres::copying`) knows whether it has changed: a command in
//! each of its transactions, the server in its first, for while a server is there nobody copies.
//!
//! When the database fails, everybody in the batch hears that it is not known whether they were kept, and the
//! connection is dropped: the next batch gets a new one, which recovers from what is really on the disk.

mod batch;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ringback_delivery::AccountId;
use rusqlite::Connection;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::fault::Fault;
use super::job::Job;
use super::lock::ServerLock;
use super::options::{Limits, Role};
use super::space::Space;
use super::trouble::Trouble;
use super::wal::Wal;
use super::work::{Counters, News, Work};
use super::{connection, identity};
use crate::{Commit, CommitListener, StoreError};
use batch::Batch;

/// Jobs that wait for the writer; who comes then waits for a place.
const QUEUE: usize = 1024;
/// How long outcomes wait for something to be committed with. Nobody waits for them, and a commit of their own would hold
/// up the messages that come meanwhile.
const COMPANY: Duration = Duration::from_millis(2);
/// How long after a failed reopening the next is tried; doubled each time up to the second.
const FIRST_BACK_OFF: Duration = Duration::from_millis(50);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(2);

type Listener = Arc<RwLock<Option<Arc<dyn CommitListener>>>>;

/// Nobody is there to answer.
pub(super) fn gone() -> StoreError {
    StoreError::Unavailable("the store's writer gave no answer".to_owned())
}

/// The thread, from outside.
pub(super) struct Writer {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    commits: Arc<AtomicU64>,
    listener: Listener,
}

impl Writer {
    /// Starts the thread. The lock is let go when it has ended and closed the database.
    pub(super) fn start(
        path: PathBuf,
        mark: Vec<u8>,
        limits: Limits,
        role: Role,
        connected: Connected,
        lock: Option<ServerLock>,
    ) -> std::io::Result<Self> {
        let (jobs, queue) = mpsc::channel(QUEUE);
        let commits = Arc::new(AtomicU64::new(0));
        let listener = Listener::default();
        let desk = Desk {
            space: Space::new(&path, limits.free_space_reserve),
            wal: Wal::new(&path)?,
            path,
            mark,
            limits,
            role,
            connected: Some(connected),
            back_off: BackOff::default(),
            trouble: Trouble::default(),
            doubtful: BTreeSet::new(),
            commits: Arc::clone(&commits),
            listener: Arc::clone(&listener),
        };
        let timer = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let thread = std::thread::Builder::new().name("ringback-writer".to_owned()).spawn(move || {
            desk.serve(queue, &timer);
            drop(lock);
        })?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread), commits, listener })
    }

    /// Hands a job over, when there is a place for it.
    pub(super) async fn send(&self, job: Job) -> Result<(), StoreError> {
        match &self.jobs {
            Some(jobs) => jobs.send(job).await.map_err(|_| gone()),
            None => Err(gone()),
        }
    }

    /// Sets who hears of commits.
    pub(super) fn listen(&self, listener: Arc<dyn CommitListener>) {
        *self.listener.write().unwrap_or_else(PoisonError::into_inner) = Some(listener);
    }

    /// Transactions committed so far.
    pub(super) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A connection with what the writer counts beside it.
pub(super) struct Connected {
    connection: Connection,
    counters: Counters,
    /// Its stamp is this server's.
    is_stamped: bool,
}

impl Connected {
    /// Counts what is pending: by the accounts' and lanes' counters, not by the messages.
    pub(super) fn new(connection: Connection) -> rusqlite::Result<Self> {
        let accepted: u64 =
            connection
                .query_row("SELECT coalesce(sum(last_sequence), 0) FROM account", [], |row| row.get(0))?;
        let finished: u64 = connection.query_row(
            "SELECT coalesce(sum(delivered + dead + cancelled
                + dropped_delivered + dropped_dead + dropped_cancelled), 0) FROM lane",
            [],
            |row| row.get(0),
        )?;
        let pending = accepted.saturating_sub(finished);
        Ok(Self { connection, counters: Counters { pending, ..Counters::default() }, is_stamped: false })
    }
}

/// The thread, from inside.
struct Desk {
    path: PathBuf,
    mark: Vec<u8>,
    limits: Limits,
    role: Role,
    connected: Option<Connected>,
    back_off: BackOff,
    trouble: Trouble,
    /// Whom a commit concerned that may be on the disk though it failed.
    doubtful: BTreeSet<AccountId>,
    space: Space,
    wal: Wal,
    commits: Arc<AtomicU64>,
    listener: Listener,
}

impl Desk {
    fn serve(mut self, mut queue: mpsc::Receiver<Job>, timer: &Runtime) {
        while let Some(first) = timer.block_on(queue.recv()) {
            let mut batch = Batch::gather(first, &mut queue);
            if batch.may_wait()
                && let Ok(Some(company)) = timer.block_on(async { timeout(COMPANY, queue.recv()).await })
            {
                batch.join(company, &mut queue);
            }
            // A panic is a fault like any other: who waits hears that it is not known what happened.
            if catch_unwind(AssertUnwindSafe(|| self.settle(batch))).is_err() {
                tracing::error!("the store's writer panicked; it goes on with a new connection");
                self.connected = None;
            }
        }
    }

    fn settle(&mut self, mut batch: Batch) {
        if batch.accepts() && self.space.is_short() {
            batch.refuse_accepts(&StoreError::Full);
        }
        if batch.is_empty() {
            return;
        }
        if let Err(error) = self.connect() {
            return batch.refuse(&error);
        }
        let Some(connected) = self.connected.as_mut() else { return batch.refuse(&gone()) };
        let began = Instant::now();
        match commit(connected, self.limits, &mut batch, &mut self.doubtful) {
            Ok(news) => {
                connected.is_stamped = self.role == Role::Server;
                let commit = Commit { took: began.elapsed(), moved: connected.counters.moved };
                let commits = self.commits.fetch_add(1, Ordering::Relaxed) + 1;
                self.trouble.succeeded();
                self.tell(news, commit);
                batch.answer();
                if let Some(connected) = &self.connected {
                    self.wal.committed(&connected.connection, commits);
                }
            }
            Err(fault) => {
                if fault.breaks_connection() {
                    self.connected = None;
                }
                let error = fault.into_error();
                self.trouble.failed(&error);
                batch.refuse(&error);
            }
        }
    }

    /// Tells the news in their order; messages that follow one another together.
    fn tell(&self, news: Vec<News>, commit: Commit) {
        let Some(listener) = self.listener() else { return };
        let mut fresh = Vec::new();
        for news in news {
            match news {
                News::Fresh(message) => fresh.push(message),
                News::Standing(account, standing) => {
                    if !fresh.is_empty() {
                        listener.accepted(std::mem::take(&mut fresh));
                    }
                    listener.standing_changed(account, standing);
                }
            }
        }
        if !fresh.is_empty() {
            listener.accepted(fresh);
        }
        listener.committed(commit);
    }

    fn listener(&self) -> Option<Arc<dyn CommitListener>> {
        self.listener.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn connect(&mut self) -> Result<(), StoreError> {
        if self.connected.is_some() {
            return Ok(());
        }
        if self.back_off.holds() {
            return Err(StoreError::Unavailable("the database failed; it is tried again shortly".to_owned()));
        }
        match reconnect(&self.path, &self.mark) {
            Ok(connected) => {
                tracing::debug!("the database is open again");
                self.back_off = BackOff::default();
                self.connected = Some(connected);
                let doubtful: Vec<AccountId> = std::mem::take(&mut self.doubtful).into_iter().collect();
                if !doubtful.is_empty()
                    && let Some(listener) = self.listener()
                {
                    // What is there now is there for good.
                    listener.missed(doubtful);
                }
                Ok(())
            }
            Err(error) => {
                self.back_off.failed();
                self.trouble.failed(&error);
                Err(error)
            }
        }
    }
}

fn reconnect(path: &Path, mark: &[u8]) -> Result<Connected, StoreError> {
    let unavailable = |error: rusqlite::Error| StoreError::Unavailable(error.to_string());
    let connection = connection::writer(path).map_err(unavailable)?;
    if identity::mark(&connection).map_err(unavailable)? != mark {
        return Err(StoreError::Unavailable("another database stands in the place of this one".to_owned()));
    }
    Connected::new(connection).map_err(unavailable)
}

/// Runs a batch in one transaction; should a job contradict what is stored, once more with each job apart. Notes whom it
/// concerned should it fail at its end.
fn commit(
    connected: &mut Connected,
    limits: Limits,
    batch: &mut Batch,
    doubtful: &mut BTreeSet<AccountId>,
) -> Result<Vec<News>, Fault> {
    match transact(connected, limits, doubtful, |work| batch.run(work)) {
        Err(fault) if !fault.breaks_connection() && !is_busy(&fault) => {
            transact(connected, limits, doubtful, |work| batch.run_each(work))
        }
        done => done,
    }
}

fn is_busy(fault: &Fault) -> bool {
    matches!(fault, Fault::Sql(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy))
}

fn transact(
    connected: &mut Connected,
    limits: Limits,
    doubtful: &mut BTreeSet<AccountId>,
    run: impl FnOnce(&mut Work<'_>) -> Result<(), Fault>,
) -> Result<Vec<News>, Fault> {
    let connection = &connected.connection;
    connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    let mut work = Work::new(connection, limits, connected.counters);
    let stamped = if connected.is_stamped { Ok(()) } else { stamp(connection) };
    let done = stamped
        .and_then(|()| run(&mut work))
        .and_then(|()| Ok(connection.prepare_cached("COMMIT")?.execute([])?));
    let Work { counters, news, .. } = work;
    match done {
        Ok(_) => {
            connected.counters = counters;
            Ok(news)
        }
        Err(fault) => {
            if fault.breaks_connection() {
                doubtful.extend(news.iter().map(News::account));
            }
            // Some faults have rolled back by themselves.
            if !connection.is_autocommit() {
                connection.execute_batch("ROLLBACK")?;
            }
            Err(fault)
        }
    }
}

fn stamp(connection: &Connection) -> Result<(), Fault> {
    connection.execute("UPDATE store SET stamp = randomblob(16)", [])?;
    Ok(())
}

/// When the database may be tried again.
#[derive(Default)]
struct BackOff {
    failed: Option<(Instant, Duration)>,
}

impl BackOff {
    fn holds(&self) -> bool {
        self.failed.is_some_and(|(when, wait)| when.elapsed() < wait)
    }

    fn failed(&mut self) {
        let wait = self.failed.map_or(FIRST_BACK_OFF, |(_, wait)| (wait * 2).min(LONGEST_BACK_OFF));
        self.failed = Some((Instant::now(), wait));
    }
}
